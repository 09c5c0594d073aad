"""Answers for programs, and what people choose to see of an answer."""

import csv
import io
import json
import os
import subprocess
import sys
from typing import Any

import pytest
import responses
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cfy_cli.output import formats
from cfy_cli.output.formats import Style
from cfy_cli.output.table import table
from cfy_cli.output.width import width, wrap

from .conftest import Run, page

SITES = "http://manager/api/v3.1/sites"
TLV = {"name": "tlv", "location": "1,2", "labels": [{"key": "a", "value": "b"}], "global": True, "note": None}
OSLO = TLV | {"name": "007", "location": 'north "far"'}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["C"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc", min_size=1), inner),
)


@pytest.fixture
def sites(wire: responses.RequestsMock) -> responses.RequestsMock:
    wire.get(SITES, json=page(TLV, OSLO))
    return wire


def asked(wire: responses.RequestsMock, call: int = -1) -> dict[str, str]:
    query: dict[str, str] = wire.calls[call].request.params  # type: ignore[attr-defined]
    return query


def test_yaml_holds_what_json_holds(run: Run, sites: responses.RequestsMock) -> None:
    assert yaml.safe_load(run("sites list --format yaml").out) == [TLV, OSLO]


@given(JSON)
def test_yaml_reads_back(value: Any) -> None:
    assert yaml.safe_load(formats._yaml(value)) == value


@pytest.mark.parametrize("text", ["1e5", "007", "0o17", "1_000", "2024-01-15", "12:30", "+1", "-", ".5", "yes", "null"])
def test_texts_that_look_like_something_else_are_quoted_in_yaml(text: str) -> None:
    assert formats._yaml(text)[0] in "'\""


def test_csv_has_the_columns_of_the_table_and_loses_nothing(run: Run, sites: responses.RequestsMock) -> None:
    rows = list(csv.DictReader(io.StringIO(run("sites list --format csv").out)))
    assert [(row["name"], row["location"]) for row in rows] == [("tlv", "1,2"), ("007", 'north "far"')]
    assert asked(sites)["_include"].startswith("name,location,visibility")
    chosen = run("sites list --format csv --columns name,labels,global,note --no-headers").out
    assert next(csv.reader(chosen.splitlines())) == ["tlv", '[{"key": "a", "value": "b"}]', "true", ""]


@given(st.lists(st.text(st.characters(exclude_categories=["C"]), min_size=1), min_size=2, max_size=2))
def test_csv_reads_back(cells: list[str]) -> None:
    text, _ = formats._csv([dict(zip("ab", cells, strict=True))], Style("csv", ("a", "b")), None)
    assert list(csv.reader(io.StringIO(text))) == [["a", "b"], cells]


def test_jsonl_is_an_item_a_line(run: Run, sites: responses.RequestsMock) -> None:
    assert [json.loads(line) for line in run("sites list --format jsonl").out.splitlines()] == [TLV, OSLO]


def test_names_are_all_that_a_loop_in_a_shell_needs(run: Run, sites: responses.RequestsMock) -> None:
    assert run("sites list --format name").out == "tlv\n007\n"
    assert asked(sites)["_include"] == "name,tenant_name"


@pytest.mark.parametrize(
    ("form", "out"),
    [
        ("name", "tlv\n"),
        ("jsonl", json.dumps(TLV) + "\n"),
        ("csv", "name,location,visibility"),
        ("yaml", "name: tlv\n"),
    ],
)
def test_changes_answer_with_the_object_in_every_format(
    run: Run, wire: responses.RequestsMock, form: str, out: str
) -> None:
    wire.put(f"{SITES}/tlv", json=TLV)
    assert run(f"sites create tlv --format {form}").out.startswith(out)
    wire.delete(f"{SITES}/tlv", status=204)
    assert "tlv" in run(f"sites delete tlv --format {form}").out


@pytest.mark.parametrize("form", ["csv", "jsonl", "name"])
def test_streamed_formats_write_a_page_before_they_ask_for_the_next(
    run: Run, wire: responses.RequestsMock, form: str
) -> None:
    wire.get(SITES, json=page(TLV, total=2))
    wire.get(SITES, status=400, json={"message": "broken"})
    outcome = run(f"sites list --format {form}", code=1)
    assert "tlv" in outcome.out
    assert "broken" in outcome.err


def test_only_chosen_columns_are_asked_for_and_shown(run: Run, sites: responses.RequestsMock) -> None:
    assert "| location    | name |" in run("sites list --columns location,name").out.replace(
        "  location  ", " location   "
    )
    assert asked(sites)["_include"] == "location,name,tenant_name"
    assert run("sites list --json --columns name").data == [{"name": "tlv"}, {"name": "007"}]


def test_a_column_that_is_not_there_is_refused_with_those_that_are(run: Run, sites: responses.RequestsMock) -> None:
    for form in ("plain", "json", "csv"):
        outcome = run(f"sites list --columns nmae --format {form}", code=2)
        assert "There is no column `nmae`" in outcome.err
        assert "location, name" in outcome.err + " location, name" if form == "json" else "name" in outcome.err


def test_rows_without_headings_are_for_line_tools(run: Run, sites: responses.RequestsMock) -> None:
    assert run("sites list --no-headers --columns name,location").out == 'tlv  1,2\n007  north "far"\n'


@pytest.mark.parametrize(
    ("expression", "plain", "data"),
    [
        ("[].name", "tlv\n007\n", ["tlv", "007"]),
        ("[0].name", "tlv\n", "tlv"),
        ("length(@)", "2\n", 2),
        ("[?name=='x']", "", []),
        ("[0].{n: name}", "n: tlv\n", {"n": "tlv"}),
    ],
)
def test_a_query_chooses_from_the_answer(
    run: Run, sites: responses.RequestsMock, expression: str, plain: str, data: Any
) -> None:
    assert run(f'sites list --query "{expression}"').out == plain
    assert run(f'sites list --query "{expression}" --json').data == data
    assert "_include" not in asked(sites)


def test_a_wrong_query_is_refused_before_anything_is_done(run: Run, wire: responses.RequestsMock) -> None:
    assert "--query `[`" in run("sites create tlv --query [", code=2).err
    assert len(wire.calls) == 0


def test_a_limit_ends_the_reading(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, json=page(TLV, OSLO, total=5))
    outcome = run("sites list --limit 2 --json")
    assert (len(outcome.data), asked(wire)["_size"]) == (2, "2")
    assert "Showing 2 of 5 sites" in outcome.err
    assert len(wire.calls) == 1


def test_options_of_every_command_are_taken_before_the_noun_too(run: Run, sites: responses.RequestsMock) -> None:
    assert run("--format name --limit 1 sites list").out == "tlv\n"


class Shifting:
    """A list of five, two a page, which changes after the first page was given."""

    def __init__(self, change: Any) -> None:
        self.names = [f"s{number}" for number in range(5)]
        self.change = change

    def __call__(self, request: Any) -> tuple[int, dict[str, str], str]:
        offset = int(request.params["_offset"])
        items = [{"name": name} for name in self.names[offset : offset + 2]]
        body = json.dumps(page(*items, total=len(self.names), offset=offset))
        change, self.change = self.change, None
        if change:
            change(self.names)
        return 200, {}, body


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_what_is_removed_while_a_list_is_read_hides_nothing_else(
    run: Run, wire: responses.RequestsMock, form: str
) -> None:
    wire.add_callback("GET", SITES, Shifting(lambda names: names.remove("s0")))
    out = run(f"sites list --format {form}").out
    assert [f"s{number}" in out for number in range(5)] == [True] * 5


def test_what_is_added_while_a_list_is_read_shows_nothing_twice(run: Run, wire: responses.RequestsMock) -> None:
    wire.add_callback("GET", SITES, Shifting(lambda names: names.insert(0, "new")))
    assert [site["name"] for site in run("sites list --json").data] == ["s0", "s1", "s2", "s3", "s4"]


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("ü", 1), ("\u200b", 0)])
def test_letters_have_the_width_they_have_on_a_terminal(text: str, columns: int) -> None:
    assert width(text) == columns


def test_a_table_with_wide_letters_is_straight() -> None:
    lines = table(("id", "name"), [["1", "日本語 テキスト"], ["2", "plain"]], 20).splitlines()
    assert len({width(line) for line in lines}) == 1
    assert width(lines[0]) <= 20


@given(st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" ")), st.integers(2, 30))
def test_wrapping_keeps_every_letter_and_the_limit(text: str, limit: int) -> None:
    lines = wrap(text, limit)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(width(line) <= limit for line in lines)


def test_what_a_terminal_would_obey_is_shown_instead() -> None:
    assert "\\x1b[31mred" in table(("id",), [["\x1b[31mred"]])
    assert "\x1b" not in table(("id",), [["\x1b[31mred"]])


EVENT = {
    "_storage_id": 1, "type": "cloudify_event", "event_type": "workflow_failed", "deployment_id": "d",
    "reported_timestamp": "2026-11-23T12:59:00.000Z", "message": "no", "execution_id": "e",
}  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "environ", "coloured"),
    [
        ("", {}, False),
        ("--color always", {}, True),
        ("--color always", {"NO_COLOR": "1"}, True),
        ("--color never", {}, False),
    ],
)
def test_colours_are_for_terminals_unless_asked_for(
    run: Run, wire: responses.RequestsMock, flags: str, environ: dict[str, str], coloured: bool
) -> None:
    wire.get("http://manager/api/v3.1/executions/e", json={"id": "e"})
    wire.get("http://manager/api/v3.1/events", json=page(EVENT))
    assert ("\x1b[31m" in run(f"events list e {flags}", **environ).out) == coloured


def test_what_is_piped_is_utf8_wherever_we_are() -> None:
    code = "from cfy_cli.shell.command_tree import tolerate_odd_terminals as t; t(); print(chr(0x65e5), chr(252))"
    environ = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environ, timeout=30)
    assert done.stdout.decode("utf-8").strip() == "日 ü"


def test_a_closed_pipe_ends_a_long_list_quietly() -> None:
    code = (
        "import sys; from cfy_cli.main import main; import cfy_cli.commands.completion as c;"
        "c.completion_script = lambda _: 'x\\n' * 1000000; sys.argv[1:] = ['completion', 'bash']; main()"
    )
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], env=environ, **pipes) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(10)
        process.stdout.close()
        assert (process.stderr.read(), process.wait(30)) == (b"", 141)

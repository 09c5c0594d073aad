"""Output formats, columns, queries, tables and colors."""

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
from cfy_cli.output.fitting import wrap_anyway
from cfy_cli.output.formats import Style
from cfy_cli.output.table import format_table
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


def query_of(wire: responses.RequestsMock, call: int = -1) -> dict[str, str]:
    query: dict[str, str] = wire.calls[call].request.params  # type: ignore[attr-defined]
    return query


def test_yaml_has_the_content_of_json(run: Run, sites: responses.RequestsMock) -> None:
    assert yaml.safe_load(run("sites list --format yaml").out) == run("sites list --json").data


@given(JSON)
def test_yaml_round_trip(value: Any) -> None:
    assert yaml.safe_load(formats.dump_yaml(value)) == value


@pytest.mark.parametrize("text", ["1e5", "007", "0o17", "1_000", "2024-01-15", "12:30", "+1", "-", ".5", "yes", "null"])
def test_yaml_quotes_ambiguous_text(text: str) -> None:
    assert formats.dump_yaml(text)[0] in "'\""


def test_csv_has_columns_of_the_table_and_all_values(run: Run, sites: responses.RequestsMock) -> None:
    rows = list(csv.DictReader(io.StringIO(run("sites list --format csv").out)))
    assert [(row["name"], row["location"]) for row in rows] == [("tlv", "1,2"), ("007", 'north "far"')]
    assert query_of(sites)["_include"].startswith("name,location,visibility")
    chosen = run("sites list --format csv --columns name,labels,global,note --no-headers").out
    assert next(csv.reader(chosen.splitlines())) == ["tlv", '[{"key": "a", "value": "b"}]', "true", ""]


@given(st.lists(st.text(st.characters(exclude_categories=["C"]), min_size=1), min_size=2, max_size=2))
def test_csv_round_trip(cells: list[str]) -> None:
    text, _ = formats._format_csv([dict(zip("ab", cells, strict=True))], Style("csv", ("a", "b")), None)
    assert list(csv.reader(io.StringIO(text))) == [["a", "b"], cells]


def test_jsonl_has_one_item_per_line(run: Run, sites: responses.RequestsMock) -> None:
    lines = run("sites list --format jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == run("sites list --json").data


def test_name_format_prints_only_names(run: Run, sites: responses.RequestsMock) -> None:
    assert run("sites list --format name").out == "tlv\n007\n"
    assert query_of(sites)["_include"] == "name,tenant_name"


@pytest.mark.parametrize(
    ("form", "out"),
    [
        ("name", "tlv\n"),
        ("jsonl", json.dumps(TLV) + "\n"),
        ("csv", "name,location,visibility"),
        ("yaml", "name: tlv\n"),
    ],
)
def test_changes_print_the_object_in_every_format(run: Run, wire: responses.RequestsMock, form: str, out: str) -> None:
    wire.put(f"{SITES}/tlv", json=TLV)
    assert run(f"sites create tlv --format {form}").out.startswith(out)
    wire.delete(f"{SITES}/tlv", status=204)
    assert "tlv" in run(f"sites delete tlv --format {form}").out


@pytest.mark.parametrize("form", ["csv", "jsonl", "name"])
def test_streamed_formats_print_page_by_page(run: Run, wire: responses.RequestsMock, form: str) -> None:
    wire.get(SITES, json=page(TLV, total=2))
    wire.get(SITES, status=400, json={"message": "broken"})
    outcome = run(f"sites list --format {form}", code=1)
    assert "tlv" in outcome.out
    assert "broken" in outcome.err


def test_columns_are_requested_and_printed(run: Run, sites: responses.RequestsMock) -> None:
    assert "| location    | name |" in run("sites list --columns location,name").out.replace(
        "  location  ", " location   "
    )
    assert query_of(sites)["_include"] == "location,name,tenant_name"
    assert run("sites list --json --columns name").data == [{"name": "tlv"}, {"name": "007"}]


def test_unknown_column_is_refused_with_known_columns(run: Run, sites: responses.RequestsMock) -> None:
    for form in ("plain", "json", "csv"):
        outcome = run(f"sites list --columns nmae --format {form}", code=2)
        assert "There is no column `nmae`" in outcome.err
        assert "location, name" in outcome.err + " location, name" if form == "json" else "name" in outcome.err


def test_no_headers_prints_only_rows(run: Run, sites: responses.RequestsMock) -> None:
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
def test_query_selects_from_the_answer(
    run: Run, sites: responses.RequestsMock, expression: str, plain: str, data: Any
) -> None:
    assert run(f'sites list --query "{expression}"').out == plain
    assert run(f'sites list --query "{expression}" --json').data == data
    assert query_of(sites)["_include"] == "name,location,visibility,tenant_name,created_at,created_by"


def test_query_may_name_fields_that_lists_do_not_show(run: Run, sites: responses.RequestsMock) -> None:
    assert run("sites list --json --query '[0].[name, global]'").data == ["tlv", True]
    assert query_of(sites)["_include"].endswith(",created_by,global")
    assert run("sites list --json --columns name,labels --query '[0].labels[].value'").data == ["b"]


def test_invalid_query_is_refused_before_any_request(run: Run, wire: responses.RequestsMock) -> None:
    assert "--query `[`" in run("sites create tlv --query [", code=2).err
    assert len(wire.calls) == 0


def test_limit_stops_paging(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, json=page(TLV, OSLO, total=5))
    outcome = run("sites list --limit 2 --json")
    assert (len(outcome.data), query_of(wire)["_size"]) == (2, "2")
    assert "Showing 2 of 5 sites" in outcome.err
    assert len(wire.calls) == 1


def test_global_options_are_accepted_before_the_command(run: Run, sites: responses.RequestsMock) -> None:
    assert run("--format name --limit 1 sites list").out == "tlv\n"


class ChangingList:
    """A list of five items, two on a page, that changes after the first page."""

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
def test_item_deleted_while_paging_hides_no_other(run: Run, wire: responses.RequestsMock, form: str) -> None:
    wire.add_callback("GET", SITES, ChangingList(lambda names: names.remove("s0")))
    out = run(f"sites list --format {form}").out
    assert [f"s{number}" in out for number in range(5)] == [True] * 5


def test_item_added_while_paging_repeats_no_other(run: Run, wire: responses.RequestsMock) -> None:
    wire.add_callback("GET", SITES, ChangingList(lambda names: names.insert(0, "new")))
    assert [site["name"] for site in run("sites list --json").data] == ["s0", "s1", "s2", "s3", "s4"]


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("ü", 1), ("\u200b", 0)])
def test_width_of_characters(text: str, columns: int) -> None:
    assert width(text) == columns


def test_table_with_wide_characters_is_aligned() -> None:
    table = wrap_anyway(("id", "name"), [["1", "日本語 テキスト"], ["2", "plain"]], 20)
    lines = format_table(table.headings, table.rows).splitlines()
    assert len({width(line) for line in lines}) == 1
    assert width(lines[0]) <= 20


@given(st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" ")), st.integers(2, 30))
def test_wrap_keeps_characters_and_limit(text: str, limit: int) -> None:
    lines = wrap(text, limit)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(width(line) <= limit for line in lines)


def test_table_escapes_control_characters(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, json=page({"name": "\x1b[31mred"}))
    for line in ("sites list", "sites list -x", "sites list --no-headers", "sites list --query '[].{name: name}'"):
        out = run(f"{line} --color always").out
        assert "\\x1b[31mred" in out
        assert "\x1b" not in out


EVENT = {
    "_storage_id": 1, "type": "cloudify_event", "event_type": "workflow_failed", "deployment_id": "d",
    "reported_timestamp": "2026-11-23T12:59:00.000Z", "message": "no", "execution_id": "e",
}  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "environ", "is_colored"),
    [
        ("", {}, False),
        ("--color always", {}, True),
        ("--color always", {"NO_COLOR": "1"}, True),
        ("--color never", {}, False),
    ],
)
def test_color_option_and_no_color_variable(
    run: Run, wire: responses.RequestsMock, flags: str, environ: dict[str, str], is_colored: bool
) -> None:
    wire.get("http://manager/api/v3.1/executions/e", json={"id": "e"})
    wire.get("http://manager/api/v3.1/events", json=page(EVENT))
    assert ("\x1b[31m" in run(f"events list e {flags}", **environ).out) == is_colored


def test_piped_output_is_utf8() -> None:
    code = "from cfy_cli.shell.streams import prepare_streams as t; t(); print(chr(0x65e5), chr(252))"
    environ = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environ, timeout=60)
    assert done.stdout.decode("utf-8").strip() == "日 ü"


def test_closed_pipe_ends_output_quietly() -> None:
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
        assert (process.stderr.read(), process.wait(60)) == (b"", 141)

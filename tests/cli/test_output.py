"""Output of commands: tables, data and messages on stdout and stderr."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
import responses

from cfy_cli.output import render
from cfy_cli.output.fitting import wrap_anyway
from cfy_cli.output.table import format_table

from .conftest import Run, page

SITES = "http://manager/api/v3.1/sites"
SITE = {
    "name": "tlv", "location": "32.07, 34.78", "visibility": "tenant", "tenant_name": "default_tenant",
    "created_at": "2026-11-23T12:59:27.123Z", "created_by": "admin", "latitude": 32.07,
}  # fmt: skip


def test_list_prints_title_table_and_count(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, json=page(SITE))
    assert (
        run("sites list").out
        == """
Sites:
+------+--------------+------------+----------------+-------------------------+------------+
| name |   location   | visibility |  tenant_name   |       created_at        | created_by |
+------+--------------+------------+----------------+-------------------------+------------+
| tlv  | 32.07, 34.78 |   tenant   | default_tenant | 2026-11-23 12:59:27.123 |   admin    |
+------+--------------+------------+----------------+-------------------------+------------+

Showing 1 of 1 sites
"""
    )


def test_list_requests_only_shown_fields(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, json=page(SITE))
    run("sites list")
    run("sites list --json")
    plain, full = (call.request.params for call in wire.calls)  # type: ignore[attr-defined]
    assert plain["_include"] == full["_include"] == "name,location,visibility,tenant_name,created_at,created_by"


def test_json_has_fields_of_the_manager(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, json=page(SITE))
    wire.get(f"{SITES}/tlv", json=SITE)
    assert run("sites list --json").data == [{name: SITE[name] for name in SITE if name != "latitude"}]
    assert run("sites list --json --columns latitude,name").data == [{"latitude": 32.07, "name": "tlv"}]
    assert run("--format json sites get tlv").data == SITE


@pytest.mark.parametrize("name", ["1e5", "007", "2024-01-15-TestZone", "2024-01-15T10:00:00Z", "1_000", "nan", "true"])
def test_ambiguous_ids_are_printed_unchanged(run: Run, wire: responses.RequestsMock, name: str) -> None:
    wire.get(SITES, json=page(SITE | {"name": name}))
    assert f" {name} " in run("sites list").out
    assert f" {name} " in run("sites list -x").out


def test_list_fetches_all_pages(run: Run, wire: responses.RequestsMock) -> None:
    sites = [SITE | {"name": f"s{number}"} for number in range(5)]
    for offset in (0, 2, 4):
        matcher = responses.matchers.query_param_matcher({"_offset": str(offset)}, strict_match=False)
        wire.get(SITES, json=page(*sites[offset : offset + 2], total=5, offset=offset), match=[matcher])
    outcome = run("sites list --json")
    assert [site["name"] for site in outcome.data] == ["s0", "s1", "s2", "s3", "s4"]
    assert outcome.err == ""


def test_page_size_fetches_one_page_and_notes_the_rest(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, json=page(SITE, total=5))
    outcome = run("sites list --json -s 1 -o 2")
    assert len(outcome.data) == 1
    assert "Showing 1 of 5 sites" in outcome.err
    query = wire.calls[0].request.params  # type: ignore[attr-defined]
    assert (query["_size"], query["_offset"]) == ("1", "2")


def test_sorting_is_part_of_the_request(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, json=page())
    run("sites list --sort-by created_at --descending --search t")
    query = wire.calls[0].request.params  # type: ignore[attr-defined]
    assert (query["_sort"], query["_search"], "descending" in query) == ("-created_at", "t", False)


def test_extended_view_prints_one_field_per_line(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, json=page(SITE, SITE | {"name": "oslo"}))
    out = run("sites list -x").out
    assert "Sites: [RECORD 2]" in out
    assert "| name        | oslo                    |" in out


def test_quiet_prints_only_results(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, json=page(SITE, total=2))
    outcome = run("sites list -q -s 1")
    assert "Showing" not in outcome.out + outcome.err


def test_changes_print_the_object_with_json(run: Run, wire: responses.RequestsMock) -> None:
    wire.put(f"{SITES}/tlv", json=SITE)
    wire.delete(f"{SITES}/tlv", status=204)
    assert run("sites create tlv --json").data == SITE
    assert run("sites delete tlv --json").data == {"name": "tlv"}


def test_unexpected_error_prints_traceback_only_with_verbose(
    run: Run, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("odd")

    monkeypatch.setattr("cfy_cli.output.render.records", crash)
    wire.get(SITES, json=page(SITE))
    outcome = run("sites list", code=1)
    assert (
        outcome.err
        == "Error: Unexpected error: RuntimeError: odd\nHint: Run the command with -v for a traceback, and report it.\n"
    )
    assert "Traceback" in run("sites list -v", code=1).err


def test_closed_pipe_prints_no_error(run: Run, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: Any, **__: Any) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("cfy_cli.output.render.records", closed)
    wire.get(SITES, json=page(SITE))
    assert run("sites list", code=141).err == ""


def test_interrupt_has_its_exit_code(run: Run, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cfy_cli.output.render.records", interrupt)
    wire.get(SITES, json=page(SITE))
    assert run("sites list", code=130).err.strip() == "Error: Interrupted"


def wrapped_table(headings: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> str:
    table = wrap_anyway(headings, rows, columns)
    return format_table(table.headings, table.rows)


def test_table_fits_the_terminal() -> None:
    rows = [["a", "word " * 30, "x" * 50], ["b", "short", ""]]
    text = wrapped_table(("id", "description", "long"), rows, 60)
    assert max(len(line) for line in text.splitlines()) <= 60
    assert text.count("word") == 30
    assert text.count("x") == 50


def test_table_breaks_no_words() -> None:
    headings = ("deployment_status", "id", "description")
    text = wrapped_table(headings, [["good", "715a1804-0535-44e6-9079-8f0d4ab16f30", "some words " * 9]], 70)
    assert "715a1804-0535-44e6-9079-8f0d4ab16f30" in text
    assert "| deployment_ |" in text
    assert max(len(line) for line in text.splitlines()) <= 70


def test_narrow_terminal_gets_extended_view(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(render, "terminal_width", lambda: 40)
    render.records([dict.fromkeys("abcdefgh", "long enough")], "abcdefgh", "T:")
    out = capsys.readouterr().out
    assert max(len(line) for line in out.splitlines()) <= 40
    assert out.count("long enough") == 8


def test_api_sends_any_request(run: Run, wire: responses.RequestsMock) -> None:
    wire.get("http://manager/api/v3.1/audit", json=page({"id": 1}, total=2))
    wire.post("http://manager/api/v3.1/executions", json={"id": "e"})
    assert run("api GET audit -f limit=1").data["items"] == [{"id": 1}]
    run("api post executions -f workflow_id=install -f force=true -f 'parameters={\"a\": [1]}'")
    body = json.loads(wire.calls[1].request.body or "")
    assert body == {"workflow_id": "install", "force": True, "parameters": {"a": [1]}}


@pytest.mark.parametrize("path", ["sites", "/sites", "/api/v3.1/sites", "api/v3.1/sites"])
def test_api_accepts_full_paths(run: Run, wire: responses.RequestsMock, path: str) -> None:
    wire.get(SITES, json=page(SITE))
    assert run(f"api GET {path}").data["items"] == [SITE]
    assert run(f"api GET {path} --paginate").data == [SITE]


def test_api_shows_the_description_of_the_api(run: Run, wire: responses.RequestsMock) -> None:
    wire.get("http://manager/openapi.json", json={"openapi": "3.1.0"})
    assert run("api GET /openapi.json").data == {"openapi": "3.1.0"}


def test_api_paginate_fetches_all_pages(run: Run, wire: responses.RequestsMock) -> None:
    for offset in (0, 1):
        matcher = responses.matchers.query_param_matcher({"_offset": str(offset)}, strict_match=False)
        wire.get("http://manager/api/v3.1/agents", json=page({"id": offset}, total=2), match=[matcher])
    assert run("api GET agents --paginate").data == [{"id": 0}, {"id": 1}]

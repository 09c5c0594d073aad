"""Tables in narrow terminals: columns that are left out, cells that are shortened, and colors of states."""

import json
from typing import Any

import pytest
import responses

from cfy_cli.commands.profiles import PROFILES
from cfy_cli.contract.resource import Resource
from cfy_cli.contract.resources import ALL, DEPLOYMENTS, EVENTS, WORKFLOWS
from cfy_cli.contract.states import BlueprintState, ExecutionState, InstanceState
from cfy_cli.output import render
from cfy_cli.output.colors import STATE_COLUMNS, color_state
from cfy_cli.shell.printer import OutputOptions, Printer

from .conftest import Run, page

API = "http://manager/api/v3.1"
LISTED = [resource for resource in (*ALL, PROFILES) if resource not in (EVENTS, WORKFLOWS)]  # these have short lists
COUNT = 20
UUID_KEYS = ("executions", "plugins", "execution-groups")


def item_of(resource: Resource, number: int) -> dict[str, Any]:
    """Return an item with a value of realistic length in each field."""
    item: dict[str, Any] = {}
    for column in (*resource.columns, *resource.more):
        if column == resource.key:
            is_uuid = resource.name in UUID_KEYS
            item[column] = f"3c2b6a1e-7d55-4b3c-9f0e-0a6c5c2b{number:04}" if is_uuid else f"payment-gateway-{number:04}"
        elif column in STATE_COLUMNS:
            item[column] = "requires_attention" if column == "deployment_status" else "uninitialized"
        elif column.endswith(("_at", "_for", "_seen", "_used", "_date")):
            item[column] = f"2026-11-23T12:59:{number:02}.123Z"
        elif column.endswith("_filter_rules"):
            kind = "label" if column.startswith("labels") else "attribute"
            item[column] = [{"key": "env", "values": ["prod"], "operator": "any_of", "type": kind}]
        elif column == "labels":
            item[column] = [{"key": "team", "value": "core"}, {"key": "env", "value": "prod"}]
        elif column == "description":
            item[column] = "A web shop of three tiers with a load balancer and a database"
        else:
            item[column] = "inventory-service-prod"
    return item


def print_list(
    resource: Resource, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """Return the lines of a list of items in a terminal of that width."""
    monkeypatch.setattr(render, "terminal_width", lambda: width)
    printer = Printer(OutputOptions())
    printer.show_items([item_of(resource, number) for number in range(COUNT)], resource, resource.columns)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", [80, 100, 120, 160])
@pytest.mark.parametrize("resource", LISTED, ids=lambda resource: resource.name)
def test_list_is_a_table_with_a_line_for_each_item(
    resource: Resource, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = print_list(resource, width, monkeypatch, capsys)
    rows = [line for line in lines if line.startswith("|")]
    assert max(map(len, lines)) <= width
    assert len(rows) <= COUNT + 4  # headings take up to four lines
    for number in range(COUNT):
        item = item_of(resource, number)
        (row,) = [row for row in rows if str(item[resource.key]) in row]
        for column in STATE_COLUMNS & {*resource.columns}:
            assert str(item[column]) in row


@pytest.mark.parametrize("resource", LISTED, ids=lambda resource: resource.name)
def test_importance_names_existing_columns_after_the_key(resource: Resource) -> None:
    assert resource.narrow[0] == resource.key
    assert set(resource.narrow) <= {*resource.columns, *resource.more}
    assert len(resource.narrow) == len({*resource.narrow})


def test_hidden_columns_are_named_with_ways_to_see_them(
    run: Run, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "terminal_width", lambda: 80)
    deployments = [item_of(DEPLOYMENTS, number) for number in range(COUNT)]
    wire.get(f"{API}/deployments", json=page(*deployments))
    out = run("deployments list").out
    note = out.split("Not shown: ")[1].split(". To see them: ")[0].replace("\n", " ").split(", ")
    assert "blueprint_" in out
    assert {"blueprint_id", *STATE_COLUMNS} & {*note} == set()
    assert set(note) >= {"visibility", "tenant_name", "created_by"}
    assert "To see them: -x, or --columns id," in out.replace("\n", " ")
    assert len(out.splitlines()) <= COUNT + 12
    assert "Not shown" not in run("deployments list -q").out
    assert json.loads(run("deployments list --json").out)[0]["visibility"]
    assert "visibility" in run("deployments list -x").out
    chosen = run("deployments list --columns id,visibility,created_by").out
    assert "Not shown" not in chosen
    assert chosen.count("inventory-service-prod") >= 2 * COUNT


def test_columns_that_a_filter_fixes_are_left_out_first(
    run: Run, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "terminal_width", lambda: 80)
    execution = {"id": "3c2b6a1e-7d55-4b3c-9f0e-0a6c5c2b9d11", "workflow_id": "install", "status": "started",
                 "status_display": "started", "deployment_id": "web-1", "tenant_name": "research",
                 "created_at": "2026-11-23T12:59:27.123Z", "created_by": "admin"}  # fmt: skip
    wire.get(f"{API}/executions", json=page(execution))
    assert "| web-1" in run("executions list").out.replace("    ", " ").replace("   ", " ").replace("  ", " ")
    of_deployment = run("executions list -d web-1").out
    assert "web-1" not in of_deployment.split("Not shown")[0]
    assert "11-23 12:59" in of_deployment
    assert "research" in run("executions list -a").out


@pytest.mark.parametrize("state", sorted({*ExecutionState, *BlueprintState} - {"extracting", "parsing", "uploading"}))
def test_states_have_colors_in_state_columns_only(state: str) -> None:
    assert (
        color_state("status_display", state)
        == f"\x1b[{ {'started': 36}.get(state) or color_code(state) }m{state}\x1b[0m"
    )
    assert color_state("id", state) == state
    assert color_state("state", InstanceState.STARTED) == "\x1b[32mstarted\x1b[0m"


def color_code(state: str) -> int:
    if state == "started":
        return 36
    if state in ("terminated", "uploaded"):
        return 32
    return 31 if "fail" in state or state == "invalid" else 33


@pytest.mark.parametrize(
    ("flags", "environ", "is_colored"),
    [("", {}, False), ("--color always", {}, True), ("--color always", {"NO_COLOR": "1"}, True),
     ("-x --color always", {}, True), ("--color never", {}, False),
     ("--color always --no-color", {}, False)],
)  # fmt: skip
def test_tables_and_records_color_states_on_request(
    run: Run, wire: responses.RequestsMock, flags: str, environ: dict[str, str], is_colored: bool
) -> None:
    wire.get(f"{API}/deployments", json=page({"id": "web", "deployment_status": "good", "labels": []}))
    plain, out = (
        run("deployments list " + flags.partition("--color")[0]).out,
        run(f"deployments list {flags}", **environ).out,
    )
    assert ("\x1b[32mgood\x1b[0m" in out) == is_colored
    assert out.replace("\x1b[32m", "").replace("\x1b[0m", "") == plain

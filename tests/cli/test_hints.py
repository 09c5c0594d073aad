"""Hints of errors, and help texts."""

import tarfile
from pathlib import Path
from typing import Any

import pytest
import responses

from cfy_cli.client.transfer import archive_of
from tests.conftest import Cfy

from .conftest import Run, page

API = "http://manager/api/v3.1"


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("nodes get app", "For example: cfy nodes get web -d web-1; run `cfy nodes get -h` for help"),
        ("deployments get", "For example: cfy deployments get web-1 -x; run `cfy deployments get -h` for help"),
        (
            "deployments history d1",
            "For example: cfy deployments history -d web-1; run `cfy deployments history -h` for help",
        ),
        ("sites list --nope", "Run `cfy sites list -h` for help"),
    ],
)
def test_usage_error_hints_at_example_and_help(run: Run, line: str, hint: str) -> None:
    assert run(line, code=2).err.endswith(f"Hint: {hint}\n")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("events list hello", "List them: cfy executions list"),
        ("deployments get nowhere", "List them: cfy deployments list"),
        ("deployments groups get nowhere", "List them: cfy deployments groups list"),
        ("executions groups get nowhere", "List them: cfy executions groups list"),
        ("deployments get-update nowhere", "List them: cfy deployments history"),
        ("plugins get-update nowhere", "List them: cfy plugins history"),
        ("snapshots download nowhere", "List them: cfy snapshots list"),
        ("node-instances get nowhere", "List them: cfy node-instances list -d DEPLOYMENT_ID"),
    ],
)
def test_not_found_hints_at_list_command(cfy: Cfy, line: str, hint: str) -> None:
    cfy(line, code=3)
    assert f"Hint: {hint}\n" in cfy.errors


def test_help_lists_commands_before_options(run: Run) -> None:
    for words in ("--help", "sites --help"):
        out = run(words).out
        assert out.index("Commands:") < out.index("Options:")


def event(**fields: Any) -> dict[str, Any]:
    return {"_storage_id": 1, "type": "cloudify_event", "message": "It began", "node_name": "web", **fields}


def test_events_with_columns_are_a_table(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/executions/e1", json={"id": "e1"})
    wire.get(f"{API}/events", json=page(event()))
    assert "| It began |    web    |" in run("events list e1 --columns message,node_name").out
    assert "| message " in run("events list e1 -x").out


def test_wait_for_execution_groups(run: Run, wire: responses.RequestsMock) -> None:
    group = {"id": "g1", "workflow_id": "install", "deployment_group_id": "dg"}
    for status in ("started", "terminated"):
        wire.get(f"{API}/execution-groups/g1", json=group | {"status": status})
    wire.get(f"{API}/execution-groups/g2", json=group | {"id": "g2", "status": "failed"})
    outcome = run("executions wait -g g1 g2", code=5)
    assert "g1  install on `dg`: terminated" in outcome.out
    assert "Show its events: cfy events list --execution-group g2" in outcome.err


def test_blueprint_archive_excludes_profiles(tmp_path: Path) -> None:
    (tmp_path / ".cloudify/profiles").mkdir(parents=True)
    (tmp_path / ".cloudify/active.profile").write_text("x")
    (tmp_path / "blueprint.yaml").write_text("x")
    with archive_of(tmp_path) as archive, tarfile.open(archive) as tar:
        assert [name.partition("/")[2] for name in tar.getnames()] == ["", "blueprint.yaml"]


@pytest.mark.parametrize(
    ("line", "command"),
    [("events list", "events list"), ("deployments set-site web", "deployments set-site"),
     ("executions list --sort-by x --limit 0", "executions list")],
)  # fmt: skip
def test_usage_error_without_hint_names_the_help(run: Run, line: str, command: str) -> None:
    assert run(line, code=2).err.endswith(f"\nHint: Run `cfy {command} -h` for help\n")


def test_summaries_of_commands_are_not_cut(run: Run) -> None:
    assert "..." not in run("deployments --help").out.split("Options:")[0].split("Commands:")[1]

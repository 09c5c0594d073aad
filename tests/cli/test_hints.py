"""Whoever made a mistake is told what to type next."""

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
        ("nodes get app", "Such as: cfy nodes get web -d web-1; `cfy nodes get -h` tells more."),
        ("deployments get", "Such as: cfy deployments get web-1 -x; `cfy deployments get -h` tells more."),
        ("sites list --nope", "`cfy sites list -h` tells what there is."),
    ],
)
def test_what_is_missing_is_shown_by_an_example(run: Run, line: str, hint: str) -> None:
    assert run(line, code=2).err.endswith(f"Hint: {hint}\n")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("events list hello", "`cfy executions list` shows what there is."),
        ("deployments get nowhere", "`cfy deployments list` shows what there is."),
        ("node-instances get nowhere", "`cfy node-instances list -d DEPLOYMENT_ID` shows what there is."),
    ],
)
def test_what_is_not_there_leads_to_what_is(cfy: Cfy, line: str, hint: str) -> None:
    cfy(line, code=3)
    assert f"Hint: {hint}\n" in cfy.errors


def test_commands_come_before_options_in_help(run: Run) -> None:
    for words in ("--help", "sites --help"):
        out = run(words).out
        assert out.index("Commands:") < out.index("Options:")


def event(**fields: Any) -> dict[str, Any]:
    return {"_storage_id": 1, "type": "cloudify_event", "message": "It began", "node_name": "web", **fields}


def test_events_are_a_table_where_columns_are_asked_for(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/executions/e1", json={"id": "e1"})
    wire.get(f"{API}/events", json=page(event()))
    assert "| It began |    web    |" in run("events list e1 --columns message,node_name").out
    assert "| message " in run("events list e1 -x").out


def test_groups_of_executions_are_waited_for(run: Run, wire: responses.RequestsMock) -> None:
    group = {"id": "g1", "workflow_id": "install", "deployment_group_id": "dg"}
    for status in ("started", "terminated"):
        wire.get(f"{API}/execution-groups/g1", json=group | {"status": status})
    wire.get(f"{API}/execution-groups/g2", json=group | {"id": "g2", "status": "failed"})
    outcome = run("executions wait -g g1 g2", code=5)
    assert "g1  install on `dg`: terminated" in outcome.out
    assert "Its events: cfy events list --execution-group g2" in outcome.err


def test_profiles_are_not_sent_with_a_blueprint(tmp_path: Path) -> None:
    (tmp_path / ".cloudify/profiles").mkdir(parents=True)
    (tmp_path / ".cloudify/active.profile").write_text("x")
    (tmp_path / "blueprint.yaml").write_text("x")
    with archive_of(tmp_path) as archive, tarfile.open(archive) as tar:
        assert [name.partition("/")[2] for name in tar.getnames()] == ["", "blueprint.yaml"]

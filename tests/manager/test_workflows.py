"""Built-in workflows over HTTP: their effects on node instances and on the status of deployments."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.event import listen

from cfy_cli.manager.services.context import AppContext
from tests.conftest import Ask
from tests.engine import cluster
from tests.manager.conftest import Upload, wait_for_end

pytestmark = pytest.mark.sqlite

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def installed(ask: Ask, upload: Upload, run: Run) -> Run:
    """Return a function that runs a workflow on the installed cluster and returns the execution."""
    assert upload("b", cluster.blueprint(), {"run.sh": cluster.RUN}).status_code == 201
    assert ask("PUT", "/deployments/d", json={"blueprint_id": "b"}).status_code == 201
    assert run("d", "install")["status"] == "terminated"
    return lambda workflow, **parameters: run("d", workflow, parameters=parameters)


def _instances(ask: Ask, node: str) -> list[dict[str, Any]]:
    items = ask("GET", f"/node-instances?deployment_id=d&node_id={node}").json()["items"]
    return sorted(items, key=lambda instance: instance["index"])


def _counts(ask: Ask, node: str) -> tuple[int, int]:
    (items,) = ask("GET", f"/nodes?deployment_id=d&id={node}").json()["items"]
    return items["number_of_instances"], items["planned_number_of_instances"]


def _deployment(ask: Ask) -> dict[str, Any]:
    return ask("GET", "/deployments/d").json()


def _set_properties(ask: Ask, instance: dict[str, Any], **properties: str) -> None:
    body = {"version": instance["version"], "runtime_properties": properties}
    assert ask("PATCH", f"/node-instances/{instance['id']}", json=body).status_code == 200


def _available(ask: Ask) -> set[str]:
    return {workflow["name"] for workflow in _deployment(ask)["workflows"] if workflow["is_available"]}


def test_node_is_scaled_out_and_in(ask: Ask, installed: Run):
    assert installed("scale", scalable_entity_name="db", delta=2)["status"] == "terminated"
    assert [(instance["index"], instance["state"]) for instance in _instances(ask, "db")] == [
        (1, "started"),
        (2, "started"),
        (3, "started"),
    ]
    assert _counts(ask, "db") == (3, 3)
    (app,) = _instances(ask, "app")
    assert [relationship["target_name"] for relationship in app["relationships"]] == ["host", "db", "db", "db"]
    assert installed("scale", scalable_entity_name="db", delta=-2)["status"] == "terminated"
    assert [instance["index"] for instance in _instances(ask, "db")] == [1]
    assert _counts(ask, "db") == (1, 1)
    (app,) = _instances(ask, "app")
    assert [relationship["target_name"] for relationship in app["relationships"]] == ["host", "db"]
    assert installed("uninstall")["status"] == "terminated"


def test_scaling_group_is_scaled_and_counts_its_instances(ask: Ask, installed: Run):
    assert installed("scale", scalable_entity_name="grp", delta=1)["status"] == "terminated"
    groups = _deployment(ask)["scaling_groups"]
    assert groups["grp"]["properties"]["current_instances"] == groups["grp"]["properties"]["planned_instances"] == 2
    first, second = _instances(ask, "app")
    assert first["scaling_groups"] != second["scaling_groups"]
    assert second["host_id"] == first["host_id"]
    refused = installed("scale", scalable_entity_name="grp", delta=5)
    assert refused["error"] == "grp cannot have 7 instances: its max_instances is 4, and there are 2 now."


SECOND = '#!/bin/bash\n[ "$(ctx instance index)" != 2 ] || [ -e OK ] || ctx abort-operation "cannot be a second"\n'


@pytest.fixture
def single_db(ask: Ask, upload: Upload, run: Run, tmp_path: Path) -> Run:
    """Return the same for a deployment whose second `db` fails until the file `ok` exists."""
    script = SECOND.replace("OK", str(tmp_path / "ok"))
    assert upload("b", cluster.blueprint(), {"run.sh": script}).status_code == 201
    assert ask("PUT", "/deployments/d", json={"blueprint_id": "b"}).status_code == 201
    assert run("d", "install")["status"] == "terminated"
    return lambda workflow, **parameters: run("d", workflow, parameters=parameters)


def test_failed_scaling_is_rolled_back(ask: Ask, single_db: Run):
    before = _instances(ask, "app")[0]["relationships"]
    failed = single_db("scale", scalable_entity_name="db", delta=1, ignore_failure=True)
    assert failed["status"] == "failed"
    assert "cannot be a second" in failed["error"]
    assert [instance["index"] for instance in _instances(ask, "db")] == [1]
    assert _instances(ask, "app")[0]["relationships"] == before
    assert _counts(ask, "db") == (1, 1)


def test_resumed_scaling_continues_with_its_new_instances(ask: Ask, single_db: Run, tmp_path: Path):
    failed = single_db("scale", scalable_entity_name="db", delta=1, rollback_if_failed=False)
    assert failed["status"] == "failed"
    assert _counts(ask, "db") == (1, 2)
    names = [instance["id"] for instance in _instances(ask, "db")]
    (tmp_path / "ok").touch()
    assert ask("POST", f"/executions/{failed['id']}", json={"action": "resume"}).status_code == 200
    assert wait_for_end(ask, failed["id"])["status"] == "terminated"
    assert [(instance["id"], instance["state"]) for instance in _instances(ask, "db")] == [
        (name, "started") for name in names
    ]
    assert _counts(ask, "db") == (2, 2)


def test_failed_check_makes_instance_unavailable_until_heal(ask: Ask, installed: Run):
    (db,) = _instances(ask, "db")
    _set_properties(ask, db, sick="fever")
    assert installed("check_status")["status"] == "failed"
    assert _deployment(ask)["unavailable_instances"] == 1
    assert _instances(ask, "db")[0]["is_status_check_ok"] is False
    assert installed("heal", node_instance_id=db["id"])["status"] == "terminated"
    assert _deployment(ask)["unavailable_instances"] == 0
    (healed,) = _instances(ask, "db")
    assert healed["is_status_check_ok"] is True
    assert healed["system_properties"]["status"]["healed"] is True


def test_check_drift_counts_drifted_instances(ask: Ask, installed: Run):
    assert _deployment(ask)["drifted_instances"] == 0
    _set_properties(ask, _instances(ask, "db")[0], drifted="color")
    _set_properties(ask, _instances(ask, "app")[0], link="x")
    assert installed("check_drift")["status"] == "terminated"
    assert _deployment(ask)["drifted_instances"] == 3
    assert _instances(ask, "host")[0]["has_configuration_drift"] is True


def test_stopped_deployment_can_be_started_and_uninstalled(ask: Ask, installed: Run):
    assert "start" not in _available(ask)
    assert installed("stop")["status"] == "terminated"
    assert {instance["state"] for instance in _instances(ask, "db")} == {"stopped"}
    assert {"start", "install", "uninstall", "restart"} <= _available(ask)
    assert installed("start")["status"] == "terminated"
    assert {instance["state"] for instance in _instances(ask, "db")} == {"started"}
    assert "start" not in _available(ask)
    assert installed("restart")["status"] == "terminated"
    assert installed("stop", node_ids=["app"])["status"] == "terminated"
    assert installed("uninstall")["status"] == "terminated"
    assert "uninstall" not in _available(ask)


def test_rollback_and_reinstall_keep_instance_ids(ask: Ask, installed: Run):
    (before,) = _instances(ask, "db")
    assert installed("reinstall", node_ids=["db"])["status"] == "terminated"
    assert installed("rollback")["status"] == "terminated"
    (after,) = _instances(ask, "db")
    assert (after["id"], after["state"]) == (before["id"], "started")


@pytest.mark.parametrize("workflow", ["pull", "validate_agents", "install_new_agents"])
def test_agent_workflows_succeed(installed: Run, workflow: str):
    assert installed(workflow)["status"] == "terminated"


def _status(ask: Ask) -> tuple[str, str]:
    deployment = _deployment(ask)
    return deployment["installation_status"], deployment["deployment_status"]


def test_deployment_is_active_while_all_instances_exist(ask: Ask, installed: Run):
    assert _status(ask) == ("active", "good")
    installed("stop")
    assert _status(ask) == ("active", "good")
    installed("start")
    assert installed("uninstall", node_ids=["app"])["status"] == "terminated"
    assert _status(ask) == ("inactive", "requires_attention")
    installed("install")
    assert installed("scale", scalable_entity_name="db", delta=1)["status"] == "terminated"
    assert _status(ask) == ("active", "good")
    installed("uninstall")
    assert _status(ask) == ("inactive", "requires_attention")


def test_status_shows_whether_failed_scaling_was_rolled_back(ask: Ask, single_db: Run):
    single_db("scale", scalable_entity_name="db", delta=1, ignore_failure=True)
    assert _status(ask) == ("active", "requires_attention")
    single_db("scale", scalable_entity_name="db", delta=1, rollback_if_failed=False)
    assert _status(ask) == ("inactive", "requires_attention")


def test_heal_rejects_unknown_instance(ask: Ask, installed: Run):
    body = {"deployment_id": "d", "workflow_id": "heal", "parameters": {"node_instance_id": "nope"}}
    refused = ask("POST", "/executions", json=body)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "illegal_execution_parameters_error")
    assert "does not meet its constraints: there is no node instance `nope`" in refused.text
    assert _instances(ask, "db")[0]["id"] in refused.text


MANY = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  many: {type: cloudify.nodes.Root}
"""


def test_scale_waits_while_disk_is_full(ask: Ask, upload: Upload, run: Run, app: AppContext):
    if not app.database.is_sqlite:
        pytest.skip("the test limits the file of SQLite")
    upload("many", MANY)
    ask("PUT", "/deployments/d", json={"blueprint_id": "many"})
    run("d", "install")
    refused = threading.Event()

    def fill(connection: Connection, _cursor: Any, statement: str, *_more: Any) -> None:
        """Let the disk be full for the first insertion of instances."""
        if statement.startswith("INSERT INTO node_instances"):
            connection.exec_driver_sql(f"PRAGMA max_page_count = {2**30 if refused.is_set() else 1}")
            refused.set()

    listen(app.database.writer, "before_cursor_execute", fill)
    scaled = run("d", "scale", parameters={"scalable_entity_name": "many", "delta": 60})
    assert refused.is_set()
    assert (scaled["status"], scaled["error"]) == ("terminated", "")
    assert {instance["state"] for instance in _instances(ask, "many")} == {"started"}
    assert _counts(ask, "many") == (61, 61)


def test_unknown_workflow_is_answered_with_suggestion(ask: Ask, upload: Upload):
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    refused = ask("POST", "/executions", json={"deployment_id": "d", "workflow_id": "instal"}).json()
    assert refused["error_code"] == "nonexistent_workflow_error"
    assert refused["hint"].startswith("Did you mean `install`? It has check_drift, ")

"""Built-in workflows over HTTP: what they do to node instances, and what deployments say of themselves after them."""

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
from tests.manager.conftest import Upload, ended

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def installed(ask: Ask, upload: Upload, run: Run) -> Run:
    """`run` on a deployment of the cluster that is installed; returns the execution."""
    assert upload("b", cluster.blueprint(), {"run.sh": cluster.RUN}).status_code == 201
    assert ask("PUT", "/deployments/d", json={"blueprint_id": "b"}).status_code == 201
    assert run("d", "install")["status"] == "terminated"
    return lambda workflow, **parameters: run("d", workflow, parameters=parameters)


def _instances(ask: Ask, node: str) -> list[dict[str, Any]]:
    found = ask("GET", f"/node-instances?deployment_id=d&node_id={node}").json()["items"]
    return sorted(found, key=lambda one: one["index"])


def _counts(ask: Ask, node: str) -> tuple[int, int]:
    (found,) = ask("GET", f"/nodes?deployment_id=d&id={node}").json()["items"]
    return found["number_of_instances"], found["planned_number_of_instances"]


def _deployment(ask: Ask) -> dict[str, Any]:
    return ask("GET", "/deployments/d").json()


def _put(ask: Ask, instance: dict[str, Any], **properties: str) -> None:
    body = {"version": instance["version"], "runtime_properties": properties}
    assert ask("PATCH", f"/node-instances/{instance['id']}", json=body).status_code == 200


def _available(ask: Ask) -> set[str]:
    return {each["name"] for each in _deployment(ask)["workflows"] if each["is_available"]}


def test_a_node_is_scaled_out_and_in(ask: Ask, installed: Run):
    assert installed("scale", scalable_entity_name="db", delta=2)["status"] == "terminated"
    assert [(one["index"], one["state"]) for one in _instances(ask, "db")] == [
        (1, "started"),
        (2, "started"),
        (3, "started"),
    ]
    assert _counts(ask, "db") == (3, 3)
    (app,) = _instances(ask, "app")
    assert [each["target_name"] for each in app["relationships"]] == ["host", "db", "db", "db"]
    assert installed("scale", scalable_entity_name="db", delta=-2)["status"] == "terminated"
    assert [one["index"] for one in _instances(ask, "db")] == [1]
    assert _counts(ask, "db") == (1, 1)
    (app,) = _instances(ask, "app")
    assert [each["target_name"] for each in app["relationships"]] == ["host", "db"]
    assert installed("uninstall")["status"] == "terminated"


def test_a_group_is_scaled_and_counts_its_instances(ask: Ask, installed: Run):
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
def lonely(ask: Ask, upload: Upload, run: Run, tmp_path: Path) -> Run:
    """`run` on an installed deployment where no second `db` can be made before the file `ok` is there."""
    script = SECOND.replace("OK", str(tmp_path / "ok"))
    assert upload("b", cluster.blueprint(), {"run.sh": script}).status_code == 201
    assert ask("PUT", "/deployments/d", json={"blueprint_id": "b"}).status_code == 201
    assert run("d", "install")["status"] == "terminated"
    return lambda workflow, **parameters: run("d", workflow, parameters=parameters)


def test_a_scaling_that_fails_leaves_nothing_behind(ask: Ask, lonely: Run):
    before = _instances(ask, "app")[0]["relationships"]
    failed = lonely("scale", scalable_entity_name="db", delta=1, ignore_failure=True)
    assert failed["status"] == "failed"
    assert "cannot be a second" in failed["error"]
    assert [one["index"] for one in _instances(ask, "db")] == [1]
    assert _instances(ask, "app")[0]["relationships"] == before
    assert _counts(ask, "db") == (1, 1)


def test_a_scaling_that_failed_goes_on_with_what_it_has_begun(ask: Ask, lonely: Run, tmp_path: Path):
    failed = lonely("scale", scalable_entity_name="db", delta=1, rollback_if_failed=False)
    assert failed["status"] == "failed"
    assert _counts(ask, "db") == (1, 2)
    names = [one["id"] for one in _instances(ask, "db")]
    (tmp_path / "ok").touch()
    assert ask("POST", f"/executions/{failed['id']}", json={"action": "resume"}).status_code == 200
    assert ended(ask, failed["id"])["status"] == "terminated"
    assert [(one["id"], one["state"]) for one in _instances(ask, "db")] == [(name, "started") for name in names]
    assert _counts(ask, "db") == (2, 2)


def test_a_failing_check_makes_an_instance_unavailable_until_it_is_healed(ask: Ask, installed: Run):
    (db,) = _instances(ask, "db")
    _put(ask, db, sick="fever")
    assert installed("check_status")["status"] == "failed"
    assert _deployment(ask)["unavailable_instances"] == 1
    assert _instances(ask, "db")[0]["is_status_check_ok"] is False
    assert installed("heal", node_instance_id=db["id"])["status"] == "terminated"
    assert _deployment(ask)["unavailable_instances"] == 0
    (healed,) = _instances(ask, "db")
    assert healed["is_status_check_ok"] is True
    assert healed["system_properties"]["status"]["healed"] is True


def test_drift_is_counted(ask: Ask, installed: Run):
    assert _deployment(ask)["drifted_instances"] == 0
    _put(ask, _instances(ask, "db")[0], drifted="color")
    _put(ask, _instances(ask, "app")[0], link="x")
    assert installed("check_drift")["status"] == "terminated"
    assert _deployment(ask)["drifted_instances"] == 3
    assert _instances(ask, "host")[0]["has_configuration_drift"] is True


def test_what_is_stopped_can_be_started_uninstalled_and_nothing_else_is_lost(ask: Ask, installed: Run):
    assert "start" not in _available(ask)
    assert installed("stop")["status"] == "terminated"
    assert {one["state"] for one in _instances(ask, "db")} == {"stopped"}
    assert {"start", "install", "uninstall", "restart"} <= _available(ask)
    assert installed("start")["status"] == "terminated"
    assert {one["state"] for one in _instances(ask, "db")} == {"started"}
    assert "start" not in _available(ask)
    assert installed("restart")["status"] == "terminated"
    assert installed("stop", node_ids=["app"])["status"] == "terminated"
    assert installed("uninstall")["status"] == "terminated"
    assert "uninstall" not in _available(ask)


def test_rollback_and_reinstall(ask: Ask, installed: Run):
    (before,) = _instances(ask, "db")
    assert installed("reinstall", node_ids=["db"])["status"] == "terminated"
    assert installed("rollback")["status"] == "terminated"
    (after,) = _instances(ask, "db")
    assert (after["id"], after["state"]) == (before["id"], "started")


@pytest.mark.parametrize("workflow", ["pull", "validate_agents", "install_new_agents"])
def test_others_end_well(installed: Run, workflow: str):
    assert installed(workflow)["status"] == "terminated"


def _told(ask: Ask) -> tuple[str, str]:
    deployment = _deployment(ask)
    return deployment["installation_status"], deployment["deployment_status"]


def test_a_deployment_is_active_while_all_of_it_is_there(ask: Ask, installed: Run):
    assert _told(ask) == ("active", "good")
    installed("stop")
    assert _told(ask) == ("active", "good")
    installed("start")
    assert installed("uninstall", node_ids=["app"])["status"] == "terminated"
    assert _told(ask) == ("inactive", "requires_attention")
    installed("install")
    assert installed("scale", scalable_entity_name="db", delta=1)["status"] == "terminated"
    assert _told(ask) == ("active", "good")
    installed("uninstall")
    assert _told(ask) == ("inactive", "requires_attention")


def test_a_failed_scaling_says_by_the_status_whether_it_was_undone(ask: Ask, lonely: Run):
    lonely("scale", scalable_entity_name="db", delta=1, ignore_failure=True)
    assert _told(ask) == ("active", "requires_attention")
    lonely("scale", scalable_entity_name="db", delta=1, rollback_if_failed=False)
    assert _told(ask) == ("inactive", "requires_attention")


def test_nobody_heals_an_instance_that_is_not_there(ask: Ask, installed: Run):
    body = {"deployment_id": "d", "workflow_id": "heal", "parameters": {"node_instance_id": "nope"}}
    refused = ask("POST", "/executions", json=body)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "illegal_execution_parameters_error")
    assert "Value 'nope' of 'node_instance_id' is not a valid value for data type 'node_instance'" in refused.text
    assert _instances(ask, "db")[0]["id"] in refused.text


MANY = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  many: {type: cloudify.nodes.Root}
"""


def test_a_scaling_waits_for_room_on_the_disk(ask: Ask, upload: Upload, run: Run, app: AppContext):
    if not app.database.is_sqlite:
        pytest.skip("the disk of a server is its own")
    upload("many", MANY)
    ask("PUT", "/deployments/d", json={"blueprint_id": "many"})
    run("d", "install")
    refused = threading.Event()

    def fill(connection: Connection, _cursor: Any, statement: str, *_more: Any) -> None:
        """The first to add instances finds the disk full."""
        if statement.startswith("INSERT INTO node_instances"):
            connection.exec_driver_sql(f"PRAGMA max_page_count = {2**30 if refused.is_set() else 1}")
            refused.set()

    listen(app.database.writer, "before_cursor_execute", fill)
    scaled = run("d", "scale", parameters={"scalable_entity_name": "many", "delta": 60})
    assert refused.is_set()
    assert (scaled["status"], scaled["error"]) == ("terminated", "")
    assert {one["state"] for one in _instances(ask, "many")} == {"started"}
    assert _counts(ask, "many") == (61, 61)


def test_a_mistyped_workflow_is_answered_with_the_one_that_was_meant(ask: Ask, upload: Upload):
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    refused = ask("POST", "/executions", json={"deployment_id": "d", "workflow_id": "instal"}).json()
    assert refused["error_code"] == "nonexistent_workflow_error"
    assert refused["hint"].startswith("Did you mean `install`? It has check_drift, ")

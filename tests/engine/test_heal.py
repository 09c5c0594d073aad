"""The workflows check_status, check_drift and heal, and the graphs of updates."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cfy_cli.contract.states import InstanceState
from cfy_cli.manager.engine.run import run_workflow
from cfy_cli.manager.engine.tasks import Operation, TaskState
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows.update_graphs import build_relationships
from tests.engine import cluster
from tests.engine.deployment import Deployment, node, operation
from tests.engine.journal import MemoryJournal

SICK = "exit 3"


@pytest.fixture
def installed(tmp_path):
    deployment = cluster.create(tmp_path)
    deployment.run("install")
    return deployment


@pytest.fixture
def without_heal(tmp_path):
    deployment = cluster.create(tmp_path, heals=False)
    deployment.run("install")
    return deployment


def set_properties(installed: Deployment, name: str, **properties: str) -> str:
    instance_id = installed.ids(name)[0]
    installed.records.update_instance(instance_id, runtime_properties=properties)
    return instance_id


def system_properties(installed: Deployment, name: str) -> dict:
    return installed.records.instance(installed.ids(name)[0]).system_properties or {}


def test_check_status_fails_workflow_and_stores_failure(installed):
    db = set_properties(installed, "db", sick="fever")
    result = installed.run("check_status")
    assert result.state == "failed"
    assert f"({db}:cloudify.interfaces.validation.check_status)" in result.error
    status = system_properties(installed, "db")["status"]
    assert (status["ok"], status["task"]) == (False, "script_runner.tasks.run")
    assert "exit_code: 1" in status["result"]
    assert system_properties(installed, "app")["status"]["result"] == "fine"
    assert system_properties(installed, "app")["previous_status"]["task"] is None


def test_failed_check_is_not_retried_by_default(deployment):
    checked = deployment(node("a", {"cloudify.interfaces.validation.check_status": operation(source=SICK)}))
    del checked.plan["nodes"][0]["operations"]["cloudify.interfaces.validation.check_status"]["max_retries"]
    checked.run("install")
    assert checked.run("check_status").state == "failed"
    assert sum(message.startswith("Sending") for message in checked.messages) == 1


def test_retried_check_stores_last_result(deployment):
    flaky = operation(source="[ $(ctx operation retry_number) = 1 ] || exit 1", max_retries=2)
    checked = deployment(node("a", {"cloudify.interfaces.validation.check_status": flaky}))
    checked.run("install")
    assert checked.run("check_status").state == "terminated"
    properties = checked.records.instance("a_1").system_properties
    assert properties["status"]["ok"] is True
    assert properties["previous_status"]["ok"] is False


def test_check_status_dry_run_stores_nothing(installed):
    before = system_properties(installed, "db")
    set_properties(installed, "db", sick="fever")
    assert installed.run("check_status", dry_run=True).state == "terminated"
    assert system_properties(installed, "db") == before


def test_check_drift_stores_instances_and_relationship_ends(installed):
    set_properties(installed, "db", drifted="color")
    app, db = set_properties(installed, "app", link="x"), installed.ids("db")[0]
    assert installed.run("check_drift").state == "terminated"
    assert system_properties(installed, "db")["configuration_drift"]["result"] == "color"
    assert not system_properties(installed, "app")["configuration_drift"]["result"]
    assert system_properties(installed, "app")["source_relationships_configuration_drift"][db]["result"] == "x"
    assert system_properties(installed, "db")["target_relationships_configuration_drift"][app]["result"] == "x"


def test_heal_does_nothing_when_all_instances_are_healthy(installed):
    assert installed.run("heal").state == "terminated"
    assert installed.messages[1] == "Starting 'heal' workflow for 'dep' deployment, Diagnosis: Not provided"
    assert any(message.startswith("Nothing to heal") for message in installed.messages)


def test_heal_sets_status_to_healthy(installed):
    db = set_properties(installed, "db", sick="fever")
    assert installed.run("heal", node_instance_id=db, diagnose_value="hot").state == "terminated"
    assert f"Starting 'heal' workflow on {db}, Diagnosis: hot" in installed.messages
    status = system_properties(installed, "db")["status"]
    assert (status["ok"], status["task"], status["healed"]) == (True, None, True)
    assert installed.states("db") == ["started"]


def test_heal_reinstalls_subtree_without_heal_operation(without_heal):
    host = set_properties(without_heal, "host", sick="fever")
    app, db = without_heal.ids("app")[0], without_heal.ids("db")[0]
    without_heal.records.on_emit = lambda event: (
        set_properties(without_heal, "host")
        if event.message == "Deleted node instance" and event.node_instance_id == host
        else None
    )
    assert without_heal.run("heal", node_instance_id=host).state == "terminated"
    assert without_heal.index_of(f"Subgraph succeeded '{app}'") < without_heal.index_of(f"Subgraph started '{host}'")
    assert without_heal.index_of(f"Subgraph succeeded 'install_{host}'") < without_heal.index_of(
        f"Subgraph started 'install_{app}'"
    )
    assert "Deleted node instance" not in without_heal.events_of(db)
    assert without_heal.states("host") == without_heal.states("app") == ["started"]


def test_heal_reinstalls_instance_whose_heal_failed(installed):
    db = set_properties(installed, "db", sick="fever", fails="heal")
    assert installed.run("heal", node_instance_id=db).state == "terminated"
    assert any(
        message.startswith("Error running heal: cloudify.interfaces.lifecycle.heal") for message in installed.messages
    )
    assert "Node instance started" in installed.events_of(db)
    assert system_properties(installed, "db")["status"]["ok"] is True


def test_heal_continues_after_failed_heal_of_dependency(installed):
    db, app = set_properties(installed, "db", sick="fever", fails="heal"), set_properties(installed, "app", sick="cold")
    assert installed.run("heal").state == "terminated"
    assert "Node instance healed" in installed.events_of(app)
    assert "Node instance healed" not in installed.events_of(db)
    assert "Deleted node instance" in installed.events_of(db)


def test_heal_fails_when_reinstall_is_not_allowed(installed, without_heal):
    db = set_properties(without_heal, "db", sick="fever")
    result = without_heal.run("heal", node_instance_id=db, allow_reinstall=False)
    assert result.error == f"allow_reinstall is false, but would need to reinstall instances: {db}"
    db = set_properties(installed, "db", sick="fever", fails="heal")
    result = installed.run("heal", node_instance_id=db, allow_reinstall=False)
    assert result.error == f"allow_reinstall is false, but would need to reinstall instances: {db}"
    assert installed.states("db") == ["started"]


def test_heal_force_reinstall_reinstalls_healthy_instances(installed):
    app = installed.ids("app")[0]
    assert installed.run("heal", node_instance_id=app, force_reinstall=True).state == "terminated"
    assert "Node instance started" in installed.events_of(app)
    assert "Node instance started" in installed.events_of(installed.ids("host")[0])


def test_heal_of_unknown_instance_fails_with_message(installed):
    assert installed.run("heal", node_instance_id="nope").error.startswith("There is no node instance nope in this")


def test_build_update_runs_operations_of_drifted_instances(installed):
    from cfy_cli.manager.engine.tasks import Operation, SetState
    from cfy_cli.manager.engine.workflows.update_graphs import build_update

    set_properties(installed, "db", drifted="color")
    set_properties(installed, "app", link="x")
    installed.run("check_drift")
    topology = Topology(installed.plan, installed.records.instances())
    graph = build_update(topology, set(topology.instances))
    names = [task.action.name for task in graph.tasks.values() if isinstance(task.action, Operation)]
    own = [name for name in names if ".lifecycle." in name]
    assert [name.rpartition(".")[2] for name in own] == ["preupdate", "update", "postupdate"]
    assert len(names) - len(own) == 4  # both ends of both relationships
    updated = {task.action for task in graph.tasks.values() if isinstance(task.action, SetState)}
    assert SetState(installed.ids("db")[0], InstanceState.STARTED, reason="updated") in updated


def test_build_relationships_only_runs_given_relationships(installed):
    topology = Topology(installed.plan, installed.records.instances())
    app, db = installed.ids("app")[0], installed.ids("db")[0]
    graph = build_relationships(topology, {(app, db)}, "establish", "establish")
    assert [task for task in graph.tasks if "/" in task] == [f"stub_{app}/1", f"stub_{app}/2"]


def test_late_end_of_operation_belongs_to_its_graph(deployment: Callable[..., Deployment], tmp_path: Path):
    slow = f"cd {tmp_path}; [ ! -e again ] || exit 0; touch again; until [ -e go ]; do sleep 0.05; done"
    check = {"cloudify.interfaces.validation.check_status": operation(source=SICK)}
    healed = deployment(
        node("bad", {**check, "heal": operation(source="exit 1")}),
        node("slow", {**check, "heal": operation(source=slow)}),
    )
    healed.run("install")
    journal = MemoryJournal(healed.records)
    run_workflow(healed.job("heal"), healed.records, journal, wait_after_fail=0.2)
    (tmp_path / "go").touch()
    first = next(stored for stored in journal.stored_graphs() if stored.graph.name == "heal")
    [task] = [
        task.id
        for task in first.graph.tasks.values()
        if isinstance(task.action, Operation) and task.action.instance_id == "slow_1"
    ]
    deadline = time.monotonic() + 60
    while journal.states("heal")[task] is not TaskState.SUCCEEDED:
        assert time.monotonic() < deadline, journal.states("heal")
        time.sleep(0.05)
    for stored in journal.stored_graphs():
        assert set(stored.states) <= set(stored.graph.tasks)

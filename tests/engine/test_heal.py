"""check_status, check_drift and heal: what is found out of instances, what is kept of it, and what is done about it."""

import pytest

from cfy_cli.contract.states import InstanceState
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows.updating import build_relationships
from tests.engine import cluster
from tests.engine.deployment import Deployment, node, operation

SICK = "exit 3"


@pytest.fixture
def made(tmp_path):
    made = cluster.create(tmp_path)
    made.run("install")
    return made


@pytest.fixture
def healless(tmp_path):
    made = cluster.create(tmp_path, heals=False)
    made.run("install")
    return made


def put(made: Deployment, name: str, **properties: str) -> str:
    instance_id = made.ids(name)[0]
    made.records.update_instance(instance_id, runtime_properties=properties)
    return instance_id


def known(made: Deployment, name: str) -> dict:
    return made.records.instance(made.ids(name)[0]).system_properties or {}


def test_a_failing_check_fails_the_workflow_and_is_kept(made):
    db = put(made, "db", sick="fever")
    ending = made.run("check_status")
    assert ending.state == "failed"
    assert f"({db}:cloudify.interfaces.validation.check_status)" in ending.error
    status = known(made, "db")["status"]
    assert (status["ok"], status["task"]) == (False, "script_runner.tasks.run")
    assert "exit_code: 1" in status["result"]
    assert known(made, "app")["status"]["result"] == "fine"
    assert known(made, "app")["previous_status"]["task"] is None


def test_a_check_that_fails_is_not_tried_again_unless_the_blueprint_says_so(deployment):
    one = deployment(node("a", {"cloudify.interfaces.validation.check_status": operation(source=SICK)}))
    del one.plan["nodes"][0]["operations"]["cloudify.interfaces.validation.check_status"]["max_retries"]
    one.run("install")
    assert one.run("check_status").state == "failed"
    assert sum(message.startswith("Sending") for message in one.messages) == 1


def test_a_check_tried_again_is_known_by_its_last_answer(deployment):
    flaky = operation(source="[ $(ctx operation retry_number) = 1 ] || exit 1", max_retries=2)
    one = deployment(node("a", {"cloudify.interfaces.validation.check_status": flaky}))
    one.run("install")
    assert one.run("check_status").state == "terminated"
    properties = one.records.instance("a_1").system_properties
    assert properties["status"]["ok"] is True
    assert properties["previous_status"]["ok"] is False


def test_a_dry_run_of_a_check_finds_nothing_out(made):
    before = known(made, "db")
    put(made, "db", sick="fever")
    assert made.run("check_status", dry_run=True).state == "terminated"
    assert known(made, "db") == before


def test_drift_is_kept_of_instances_and_of_both_ends_of_relationships(made):
    put(made, "db", drifted="color")
    app, db = put(made, "app", link="x"), made.ids("db")[0]
    assert made.run("check_drift").state == "terminated"
    assert known(made, "db")["configuration_drift"]["result"] == "color"
    assert not known(made, "app")["configuration_drift"]["result"]
    assert known(made, "app")["source_relationships_configuration_drift"][db]["result"] == "x"
    assert known(made, "db")["target_relationships_configuration_drift"][app]["result"] == "x"


def test_what_is_well_is_left_alone_and_that_is_said(made):
    assert made.run("heal").state == "terminated"
    assert made.messages[1] == "Starting 'heal' workflow for 'dep' deployment, Diagnosis: Not provided"
    assert any(message.startswith("Nothing to heal") for message in made.messages)


def test_a_heal_counts_as_well(made):
    db = put(made, "db", sick="fever")
    assert made.run("heal", node_instance_id=db, diagnose_value="hot").state == "terminated"
    assert f"Starting 'heal' workflow on {db}, Diagnosis: hot" in made.messages
    status = known(made, "db")["status"]
    assert (status["ok"], status["task"], status["healed"]) == (True, None, True)
    assert made.states("db") == ["started"]


def test_what_cannot_heal_is_installed_anew_with_all_that_is_in_it(healless):
    host = put(healless, "host", sick="fever")
    app, db = healless.ids("app")[0], healless.ids("db")[0]
    healless.records.on_emit = lambda event: (
        put(healless, "host") if event.message == "Deleted node instance" and event.node_instance_id == host else None
    )
    assert healless.run("heal", node_instance_id=host).state == "terminated"
    assert healless.index_of(f"Subgraph succeeded '{app}'") < healless.index_of(f"Subgraph started '{host}'")
    assert healless.index_of(f"Subgraph succeeded 'install_{host}'") < healless.index_of(
        f"Subgraph started 'install_{app}'"
    )
    assert "Deleted node instance" not in healless.events_of(db)
    assert healless.states("host") == healless.states("app") == ["started"]


def test_what_fails_to_heal_is_installed_anew(made):
    db = put(made, "db", sick="fever", fails="heal")
    assert made.run("heal", node_instance_id=db).state == "terminated"
    assert any(
        message.startswith("Error running heal: cloudify.interfaces.lifecycle.heal") for message in made.messages
    )
    assert "Node instance started" in made.events_of(db)
    assert known(made, "db")["status"]["ok"] is True


def test_one_that_fails_to_heal_keeps_no_other_from_being_healed(made):
    db, app = put(made, "db", sick="fever", fails="heal"), put(made, "app", sick="cold")
    assert made.run("heal").state == "terminated"
    assert "Node instance healed" in made.events_of(app)
    assert "Node instance healed" not in made.events_of(db)
    assert "Deleted node instance" in made.events_of(db)


def test_reinstalling_may_be_forbidden(made, healless):
    db = put(healless, "db", sick="fever")
    ending = healless.run("heal", node_instance_id=db, allow_reinstall=False)
    assert ending.error == f"allow_reinstall is false, but would need to reinstall instances: {db}"
    db = put(made, "db", sick="fever", fails="heal")
    ending = made.run("heal", node_instance_id=db, allow_reinstall=False)
    assert ending.error == f"allow_reinstall is false, but would need to reinstall instances: {db}"
    assert made.states("db") == ["started"]


def test_reinstalling_may_be_forced(made):
    app = made.ids("app")[0]
    assert made.run("heal", node_instance_id=app, force_reinstall=True).state == "terminated"
    assert "Node instance started" in made.events_of(app)
    assert "Node instance started" in made.events_of(made.ids("host")[0])


def test_healing_what_is_not_there_says_so(made):
    assert made.run("heal", node_instance_id="nope").error.startswith("There is no node instance nope in this")


def test_update_runs_what_the_drift_asks_for_and_clears_it(made):
    from cfy_cli.manager.engine.tasks import Operation, SetState
    from cfy_cli.manager.engine.workflows.updating import build_update

    put(made, "db", drifted="color")
    put(made, "app", link="x")
    made.run("check_drift")
    topology = Topology(made.plan, made.records.instances())
    graph = build_update(topology, set(topology.instances))
    names = [task.action.name for task in graph.tasks.values() if isinstance(task.action, Operation)]
    own = [name for name in names if ".lifecycle." in name]
    assert [name.rpartition(".")[2] for name in own] == ["preupdate", "update", "postupdate"]
    assert len(names) - len(own) == 4  # both ends of both relationships
    updated = {task.action for task in graph.tasks.values() if isinstance(task.action, SetState)}
    assert SetState(made.ids("db")[0], InstanceState.STARTED, reason="updated") in updated


def test_relationships_of_those_that_stay_can_be_established_alone(made):
    topology = Topology(made.plan, made.records.instances())
    app, db = made.ids("app")[0], made.ids("db")[0]
    graph = build_relationships(topology, {(app, db)}, "establish", "establish")
    assert [task for task in graph.tasks if "/" in task] == [f"stub_{app}/1", f"stub_{app}/2"]

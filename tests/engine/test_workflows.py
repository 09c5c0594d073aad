"""The other workflows: stop and start, pull, reinstall, rollback, agents, and how blueprints name them all."""

from pathlib import Path

import pytest
import yaml

from cfy_cli import dsl
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.workflows import find
from tests.engine import cluster
from tests.engine.deployment import node, operation

TYPES = Path(dsl.__file__).parent / "types"


@pytest.fixture
def made(tmp_path):
    made = cluster.make(tmp_path)
    made.run("install")
    return made


def all_states(made) -> set[str]:
    return {one.state for one in made.records.instances()}


def test_what_is_stopped_can_be_started(made):
    assert made.run("stop").state == "terminated"
    assert all_states(made) == {"stopped"}
    assert made.run("start").state == "terminated"
    assert all_states(made) == {"started"}


def test_a_failed_stop_leaves_it_started(made):
    made.records.update_instance(made.ids("db")[0], runtime_properties={"fails": "stop"})
    assert made.run("stop", node_ids=["db"]).state == "failed"
    assert made.states("db") == ["started"]


def test_nothing_is_started_that_was_never_installed(made):
    made.run("uninstall", node_ids=["app"])
    made.run("start")
    assert made.states("app") == ["deleted"]


def test_installing_what_is_stopped_only_starts_it(made):
    made.run("stop", node_ids=["app"])
    made.run("install")
    assert [line for line in made.of(made.ids("app")[0]) if line.startswith("ran lifecycle")] == ["ran lifecycle.start"]
    assert all_states(made) == {"started"}


def test_restart_stops_and_starts(made):
    assert made.run("restart").state == "terminated"
    assert all_states(made) == {"started"}


def test_inputs_reach_the_operation(deployment):
    one = deployment(node("a", {"pull": operation(source="ctx logger info $from")}))
    one.run("install")
    assert one.run("pull", operation_parms={"from": "there"}).state == "terminated"
    assert one.logs == ["there"]


def test_reinstall_goes_on_past_failures_when_told_to(made):
    made.records.update_instance(made.ids("db")[0], runtime_properties={"fails": "stop"})
    assert made.run("reinstall", node_ids=["db"]).state == "failed"
    assert made.run("reinstall", node_ids=["db"], ignore_failure=True).state == "terminated"
    assert made.states("db") == ["started"]


@pytest.mark.parametrize(
    ("verb", "left", "after", "ran"),
    [
        ("create", "creating", "uninitialized", ["delete"]),
        ("configure", "configuring", "uninitialized", ["delete"]),
        ("start", "starting", "configured", ["stop"]),
    ],
)
def test_rollback_takes_back_what_was_left_half_made(tmp_path, verb, left, after, ran):
    made = cluster.make(tmp_path)
    db = made.ids("db")[0]
    made.records.update_instance(db, runtime_properties={"fails": verb})
    assert made.run("install").state == "failed"
    assert made.states("db") == [left]
    assert made.run("rollback").state == "terminated"
    assert made.states("db") == [after]
    assert [line for line in made.of(db) if line.startswith("ran")] == [f"ran lifecycle.{name}" for name in ran]
    assert made.of(db)[-1] == "Rollbacked node instance"
    assert made.states("host") == ["started"]


def test_a_rollback_with_nothing_to_take_back_says_so(tmp_path):
    made = cluster.make(tmp_path)
    made.run("install")
    assert made.run("rollback").state == "terminated"
    assert "Nothing to roll back: no node instance is creating, configuring or starting." in made.logs
    assert all_states(made) == {"started"}


def test_what_was_never_installed_has_no_part_in_the_coming_and_going_of_others(tmp_path):
    made = cluster.make(tmp_path)
    app = made.ids("app")[0]
    for workflow in ("install", "uninstall"):
        assert made.run(workflow, node_ids=["db"]).state == "terminated"
        assert made.of(app) == []


def test_a_full_rollback_uninstalls_everything(tmp_path):
    made = cluster.make(tmp_path)
    made.records.update_instance(made.ids("db")[0], runtime_properties={"fails": "create"})
    made.run("install")
    assert made.run("rollback", full_rollback=True).state == "terminated"
    assert all_states(made) == {"deleted"}


HOST = "cloudify.nodes.Compute"
AGENT = "cloudify.interfaces.cloudify_agent"
AMQP = {
    f"{AGENT}.{verb}": operation(plugin="agent", function=f"cloudify_agent.{verb}")
    for verb in ("create_amqp", "validate_amqp")
}


def test_hosts_without_agents_leave_nothing_to_do(made):
    for workflow in ("validate_agents", "install_new_agents"):
        assert made.run(workflow).state == "terminated"
        assert "Nothing to do: no host of this deployment has such an agent." in made.messages


def test_agents_are_asked_before_others_are_installed(deployment):
    hosts = deployment(node("h", AMQP, types=(HOST,), count=2))
    hosts.run("install")
    assert hosts.run("install_new_agents").state == "terminated"
    assert hosts.of("h_1") == [
        "Validating agent connection.",
        "ran cloudify_agent.validate_amqp",
        "Validation done",
        "Installing new agent",
        "ran cloudify_agent.create_amqp",
        "New agent installed.",
        "ran cloudify_agent.validate_amqp",
    ]
    assert hosts.at("Subgraph succeeded 'validate_h_2'") < hosts.at("Subgraph started 'install_h_1'")


def test_hosts_that_are_named_must_be_hosts_with_agents_that_run(deployment):
    some = deployment(
        node("h", AMQP, types=(HOST,)),
        node("bare", types=(HOST,), properties={"agent_config": {"install_method": "none"}}),
        node("a", {"create": operation(source="exit 0")}),
    )
    assert some.run("validate_agents", node_ids=["h"]).error == "Node h_1 is not started (state: uninitialized)"
    error = some.run("validate_agents", node_ids=["a", "bare"]).error
    assert "Node instance a_1 is not host." in error
    assert "Agent should not be installed on node instance bare_1." in error


@pytest.mark.parametrize("path", sorted(TYPES.glob("types_*.yaml")), ids=lambda path: path.stem)
def test_every_workflow_of_the_base_types_can_be_run(path):
    for name, about in yaml.safe_load(path.read_text())["workflows"].items():
        function = about["mapping"].removeprefix("default_workflows.")
        assert find({"workflows": {name: {"operation": function}}}, name)


def test_a_workflow_of_a_blueprint_may_be_a_built_in_one_under_another_name(tmp_path):
    text = cluster.blueprint() + (
        "workflows:\n"
        "  grow:\n"
        "    mapping: default_workflows.cloudify.plugins.workflows.scale_entity\n"
        "    parameters:\n"
        "      scalable_entity_name: {default: grp}\n"
        "      delta: {default: 1}\n"
    )
    (tmp_path / "run.sh").write_text(cluster.RUN)
    made = cluster.Deployment.of_blueprint(tmp_path, text).script("run.sh", cluster.RUN)
    made.run("install")
    assert made.run("grow").state == "terminated"
    assert made.states("app") == ["started"] * 2
    assert made.messages[0] == "Starting 'grow' workflow execution"


def test_what_cannot_be_run_is_named_with_what_it_is_mapped_to():
    with pytest.raises(Invalid, match=r"There is no built-in workflow `mine` \(my_plugin.workflow\)"):
        find({"workflows": {"mine": {"operation": "my_plugin.workflow"}}}, "mine")

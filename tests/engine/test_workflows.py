"""The workflows stop, start, pull, reinstall, rollback and those of agents, and workflows mapped onto built-in ones."""

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
def deployed(tmp_path):
    deployed = cluster.create(tmp_path)
    deployed.run("install")
    return deployed


def all_states(deployed) -> set[str]:
    return {instance.state for instance in deployed.records.instances()}


def test_stopped_instances_can_be_started(deployed):
    assert deployed.run("stop").state == "terminated"
    assert all_states(deployed) == {"stopped"}
    assert deployed.run("start").state == "terminated"
    assert all_states(deployed) == {"started"}


def test_failed_stop_leaves_instance_started(deployed):
    deployed.records.update_instance(deployed.ids("db")[0], runtime_properties={"fails": "stop"})
    assert deployed.run("stop", node_ids=["db"]).state == "failed"
    assert deployed.states("db") == ["started"]


def test_start_skips_uninstalled_instances(deployed):
    deployed.run("uninstall", node_ids=["app"])
    deployed.run("start")
    assert deployed.states("app") == ["deleted"]


def test_install_of_stopped_instance_only_starts_it(deployed):
    deployed.run("stop", node_ids=["app"])
    deployed.run("install")
    assert [line for line in deployed.events_of(deployed.ids("app")[0]) if line.startswith("ran lifecycle")] == [
        "ran lifecycle.start"
    ]
    assert all_states(deployed) == {"started"}


def test_restart_leaves_all_instances_started(deployed):
    assert deployed.run("restart").state == "terminated"
    assert all_states(deployed) == {"started"}


def test_operation_parms_reach_operation(deployment):
    one = deployment(node("a", {"pull": operation(source="ctx logger info $from")}))
    one.run("install")
    assert one.run("pull", operation_parms={"from": "there"}).state == "terminated"
    assert one.logs == ["there"]


def test_reinstall_with_ignore_failure_continues(deployed):
    deployed.records.update_instance(deployed.ids("db")[0], runtime_properties={"fails": "stop"})
    assert deployed.run("reinstall", node_ids=["db"]).state == "failed"
    assert deployed.run("reinstall", node_ids=["db"], ignore_failure=True).state == "terminated"
    assert deployed.states("db") == ["started"]


@pytest.mark.parametrize(
    ("verb", "left", "after", "ran"),
    [
        ("create", "creating", "uninitialized", ["delete"]),
        ("configure", "configuring", "uninitialized", ["delete"]),
        ("start", "starting", "configured", ["stop"]),
    ],
)
def test_rollback_reverts_half_done_instance(tmp_path, verb, left, after, ran):
    deployed = cluster.create(tmp_path)
    db = deployed.ids("db")[0]
    deployed.records.update_instance(db, runtime_properties={"fails": verb})
    assert deployed.run("install").state == "failed"
    assert deployed.states("db") == [left]
    assert deployed.run("rollback").state == "terminated"
    assert deployed.states("db") == [after]
    assert [line for line in deployed.events_of(db) if line.startswith("ran")] == [
        f"ran lifecycle.{name}" for name in ran
    ]
    assert deployed.events_of(db)[-1] == "Rollbacked node instance"
    assert deployed.states("host") == ["started"]


def test_rollback_of_healthy_deployment_does_nothing(tmp_path):
    deployed = cluster.create(tmp_path)
    deployed.run("install")
    assert deployed.run("rollback").state == "terminated"
    assert "Nothing to roll back: no node instance is creating, configuring or starting." in deployed.logs
    assert all_states(deployed) == {"started"}


def test_workflow_skips_never_installed_dependents(tmp_path):
    deployed = cluster.create(tmp_path)
    app = deployed.ids("app")[0]
    for workflow in ("install", "uninstall"):
        assert deployed.run(workflow, node_ids=["db"]).state == "terminated"
        assert deployed.events_of(app) == []


def test_full_rollback_uninstalls_all_instances(tmp_path):
    deployed = cluster.create(tmp_path)
    deployed.records.update_instance(deployed.ids("db")[0], runtime_properties={"fails": "create"})
    deployed.run("install")
    assert deployed.run("rollback", full_rollback=True).state == "terminated"
    assert all_states(deployed) == {"deleted"}


HOST = "cloudify.nodes.Compute"
AGENT = "cloudify.interfaces.cloudify_agent"
AMQP = {
    f"{AGENT}.{verb}": operation(plugin="agent", function=f"cloudify_agent.{verb}")
    for verb in ("create_amqp", "validate_amqp")
}


def test_agent_workflows_without_agents_do_nothing(deployed):
    for workflow in ("validate_agents", "install_new_agents"):
        assert deployed.run(workflow).state == "terminated"
        assert "Nothing to do: no host of this deployment has such an agent." in deployed.messages


def test_agents_are_validated_before_new_ones_are_installed(deployment):
    hosts = deployment(node("h", AMQP, types=(HOST,), count=2))
    hosts.run("install")
    assert "ca_certificate" in hosts.run("install_new_agents", manager_certificate="PEM").error
    assert hosts.run("install_new_agents").state == "terminated"
    assert hosts.events_of("h_1") == [
        "Validating agent connection.",
        "ran cloudify_agent.validate_amqp",
        "Validation done",
        "Installing new agent",
        "ran cloudify_agent.create_amqp",
        "New agent installed.",
        "ran cloudify_agent.validate_amqp",
    ]
    assert hosts.index_of("Subgraph succeeded 'validate_h_2'") < hosts.index_of("Subgraph started 'install_h_1'")


def test_agent_workflows_refuse_unsuitable_instances(deployment):
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
def test_every_workflow_of_base_types_is_built_in(path):
    for name, about in yaml.safe_load(path.read_text())["workflows"].items():
        function = about["mapping"].removeprefix("default_workflows.")
        assert find({"workflows": {name: {"operation": function}}}, name)


def test_blueprint_workflow_maps_onto_built_in_one(tmp_path):
    text = cluster.blueprint() + (
        "workflows:\n"
        "  grow:\n"
        "    mapping: default_workflows.cloudify.plugins.workflows.scale_entity\n"
        "    parameters:\n"
        "      scalable_entity_name: {default: grp}\n"
        "      delta: {default: 1}\n"
    )
    (tmp_path / "run.sh").write_text(cluster.RUN)
    deployed = cluster.Deployment.from_blueprint(tmp_path, text).script("run.sh", cluster.RUN)
    deployed.run("install")
    assert deployed.run("grow").state == "terminated"
    assert deployed.states("app") == ["started"] * 2
    assert deployed.messages[0] == "Starting 'grow' workflow execution"


def test_unknown_workflow_fails_with_its_mapping():
    with pytest.raises(Invalid, match=r"There is no built-in workflow `mine` \(my_plugin.workflow\)"):
        find({"workflows": {"mine": {"operation": "my_plugin.workflow"}}}, "mine")

"""The workflows install and uninstall: phases of an instance, order of instances, states afterwards."""

import pytest

from tests.engine.deployment import LIFECYCLE, NOTHING, node, operation, relationship

OP = operation("op.sh")
GET_STATE = "cloudify.interfaces.host.get_state"
EVERYTHING = {
    **dict.fromkeys(
        (
            "precreate",
            "create",
            "configure",
            "start",
            "poststart",
            "prestop",
            "stop",
            "delete",
            "postdelete",
            "check_drift",
        ),
        OP,
    ),
    "cloudify.interfaces.validation.create": OP,
    "cloudify.interfaces.validation.delete": OP,
    "cloudify.interfaces.monitoring.start": OP,
    "cloudify.interfaces.monitoring.stop": OP,
}
ENDS = dict.fromkeys(("preconfigure", "postconfigure", "establish", "unlink"), OP)

INSTALL_EVERYTHING = """\
Validating node instance before creation
ran validation.create
Node instance validated before creation
Precreating node instance
ran lifecycle.precreate
Node instance precreated
Creating node instance
ran lifecycle.create
Node instance created
Pre-configuring relationships
ran relationship_lifecycle.preconfigure
Relationships pre-configured
Configuring node instance
ran lifecycle.configure
Node instance configured
Post-configuring relationships
ran relationship_lifecycle.postconfigure
Relationships post-configured
Starting node instance
ran lifecycle.start
Poststarting node instance
ran lifecycle.poststart
Node instance poststarted
ran monitoring.start
Establishing relationships
ran relationship_lifecycle.establish
Relationships established
Node instance started""".splitlines()

UNINSTALL_EVERYTHING = """\
Stopping node instance
Validating node instance before deletion
ran validation.delete
Node instance validated before deletion
ran monitoring.stop
Prestopping node instance
ran lifecycle.prestop
Node instance prestopped
ran lifecycle.stop
Stopped node instance
Unlinking relationships
ran relationship_lifecycle.unlink
Relationships unlinked
Deleting node instance
ran lifecycle.delete
Postdeleting node instance
ran lifecycle.postdelete
Node instance postdeleted
Deleted node instance""".splitlines()

NOTHING_TO_DO = [
    "Validating node instance before creation: nothing to do",
    "Precreating node instance: nothing to do",
    "Creating node instance: nothing to do",
    "Configuring node instance: nothing to do",
    "Starting node instance: nothing to do",
    "Poststarting node instance: nothing to do",
    "Node instance started",
]


@pytest.fixture
def full(deployment):
    """Return a deployment of `app` connected to `db`, both with all operations."""
    app = node("app", EVERYTHING, to=(relationship("db", source=ENDS),))
    return deployment(app, node("db", EVERYTHING)).script("op.sh", "exit 0")


def test_install_runs_all_phases_in_order(full):
    assert full.run("install").state == "terminated"
    assert full.events_of("app_1") == INSTALL_EVERYTHING


def test_uninstall_runs_all_phases_in_order(full):
    full.run("install")
    assert full.run("uninstall").state == "terminated"
    assert full.events_of("app_1") == UNINSTALL_EVERYTHING


def test_install_and_uninstall_follow_dependencies(full):
    full.run("install")
    assert full.index_of("Subgraph succeeded 'install_db_1'") < full.index_of("Subgraph started 'install_app_1'")
    full.run("uninstall")
    assert full.index_of("Subgraph succeeded 'app_1'") < full.index_of("Subgraph started 'db_1'")


def test_operation_emits_sent_started_and_succeeded_events(full):
    full.run("install")
    events = [
        (event.event_type, event.message)
        for event in full.records.events
        if event.operation == f"{LIFECYCLE}.create" and event.type == "cloudify_event"
    ]
    assert events[:3] == [
        ("sending_task", "Sending task 'script_runner.tasks.run'"),
        ("task_started", "Task started 'script_runner.tasks.run'"),
        ("task_succeeded", "Task succeeded 'script_runner.tasks.run'"),
    ]


def test_states_follow_phases(full):
    states = []
    full.script("op.sh", 'ctx logger info "$(ctx operation name) $(ctx instance state)"')
    full.records.on_emit = lambda event: (
        states.append(event.message.rpartition(".")[2]) if event.level and event.node_instance_id == "db_1" else None
    )
    full.run("install", node_ids=["db"])
    full.run("uninstall", node_ids=["db"])
    assert [line for line in states if not line.startswith(("Process", "sh"))] == [
        "create initializing",
        "precreate initializing",
        "create creating",
        "configure configuring",
        "start starting",
        "poststart starting",
        "start starting",
        "delete stopping",
        "stop stopping",
        "prestop stopping",
        "stop stopping",
        "delete deleting",
        "postdelete deleting",
    ]
    assert full.state("db_1") == "deleted"


def test_install_sets_status_to_healthy(full):
    full.run("install")
    properties = full.records.instance("app_1").system_properties
    assert properties["status"]["ok"] is True
    assert properties["status"]["task"] is None
    assert properties["previous_status"] is None
    assert properties["configuration_drift"]["ok"] is True


def test_install_sets_no_drift_without_check_drift(deployment):
    plain = deployment(node("a", {"create": operation(source="exit 0")}))
    plain.run("install")
    assert "configuration_drift" not in plain.records.instance("a_1").system_properties


def test_uninstall_keeps_runtime_properties(deployment):
    colored = deployment(node("a", {"create": operation(source="ctx instance runtime-properties color red")}))
    colored.run("install")
    colored.run("uninstall")
    assert colored.properties("a_1") == {"color": "red"}


def test_install_of_node_without_operations_sets_state(deployment):
    empty = deployment(node("a", {"create": NOTHING}))
    empty.run("install")
    assert empty.events_of("a_1") == ["Node instance started (nothing to do)"]
    assert empty.state("a_1") == "started"


def test_install_of_host_emits_event_of_each_phase(deployment):
    host = deployment(
        node("h", types=("cloudify.nodes.Compute",), properties={"agent_config": {"install_method": "none"}})
    )
    host.run("install")
    assert host.events_of("h_1") == NOTHING_TO_DO


@pytest.mark.parametrize("false_value", ["false", "''"])
def test_get_state_of_host_is_repeated_until_true(deployment, false_value):
    get_state = operation(
        source=f'[ "$(ctx operation retry-number)" = 3 ] && ctx returns true || ctx returns {false_value}'
    )
    host = deployment(
        node(
            "h",
            {"start": operation(source="true"), GET_STATE: {**get_state, "max_retries": 1}},
            types=("cloudify.nodes.Compute",),
            properties={"agent_config": {"install_method": "none"}},
        )
    )
    assert host.run("install").state == "terminated"
    ends = [
        event
        for event in host.records.events
        if event.operation == GET_STATE and event.event_type in ("task_rescheduled", "task_succeeded")
    ]
    assert [event.event_type for event in ends] == ["task_rescheduled"] * 3 + ["task_succeeded"]
    assert ends[1].message.endswith(" [retry 1/1]")
    assert ends[2].message.endswith(" [retry 2]")
    assert (
        host.index_of("Starting node instance")
        < host.index_of(ends[0].message)
        < host.index_of("Node instance started")
    )


def test_failing_get_state_fails_host(deployment):
    get_state = operation(source="exit 1", max_retries=1)
    host = deployment(node("h", {GET_STATE: get_state}, types=("cloudify.nodes.Compute",)))
    assert host.run("install").state == "failed"
    assert sum("exit_code: 1" in message for message in host.messages) == 3


def test_agent_installation_does_nothing(deployment):
    create = operation(plugin="agent", function="cloudify_agent.installer.operations.create")
    host = deployment(
        node("h", {"cloudify.interfaces.cloudify_agent.create": create}, types=("cloudify.nodes.Compute",))
    )
    assert host.run("install").state == "terminated"
    assert host.index_of("Creating agent") < host.index_of("Agent created")
    assert len(host.logs) == 1


def test_second_install_skips_started_instances(full):
    full.run("install")
    full.run("uninstall", node_ids=["app"])
    full.run("install")
    assert full.events_of("db_1")[0] == "Node instance started (nothing to do)"
    assert full.events_of("app_1") == INSTALL_EVERYTHING


def test_second_uninstall_skips_deleted_instances(full):
    full.run("install")
    full.run("uninstall")
    full.run("uninstall")
    assert full.events_of("app_1") == [
        "Validating node instance after deletion: nothing to do",
        "Stop: instance already deleted",
        "Delete: instance already deleted",
    ]


def test_uninstall_unlinks_remaining_instances(full):
    full.run("install")
    full.run("uninstall", node_ids=["db"])
    assert full.events_of("app_1") == ["ran relationship_lifecycle.unlink"]
    assert full.state("app_1") == "started"
    assert full.index_of("Subgraph succeeded 'stub_app_1'") < full.index_of("Subgraph started 'db_1'")


def test_relationships_run_for_both_ends_in_plan_order(deployment):
    def log_side(side):
        return {"establish": operation(source=f"ctx logger info {side}-$(ctx target node id)")}

    ends = {"source": log_side("source"), "target_side": log_side("target")}
    two = deployment(
        node("one"), node("two"), node("app", to=(relationship("two", **ends), relationship("one", **ends)))
    )
    two.run("install")
    logs = two.logs
    assert sorted(logs[:2]) == ["source-two", "target-two"]
    assert sorted(logs[2:]) == ["source-one", "target-one"]


def test_relationship_can_depend_on_one_operation(deployment):
    slow = operation(source="ctx logger info started; sleep 0.3")
    early = relationship("slow", "cloudify.relationships.depends_on_lifecycle_operation", operation="create")
    both = deployment(
        node("slow", {"create": operation(source="ctx logger info created"), "start": slow}),
        node("app", {"create": operation(source="ctx logger info app")}, to=(early,)),
    )
    assert both.run("install").state == "terminated"
    assert both.index_of("Node instance created") < both.index_of("app")
    assert both.index_of("app") < both.index_of("Subgraph succeeded 'install_slow_1'")


def test_independent_instances_run_in_parallel(deployment, tmp_path):
    meet = f"""
        touch {tmp_path}/$(ctx instance id)
        for _ in $(seq 100); do [ $(ls {tmp_path}/a_* | wc -l) = 4 ] && exit 0; sleep 0.05; done; exit 1
    """
    four = deployment(node("a", {"create": operation(source=meet)}, count=4))
    assert four.run("install").state == "terminated"


def test_concurrency_limits_parallel_operations(deployment, tmp_path):
    count = f"mkdir {tmp_path}/busy || exit 1; sleep 0.05; rmdir {tmp_path}/busy"
    three = deployment(node("a", {"create": operation(source=count)}, count=3))
    assert three.run("install", concurrency=1).state == "terminated"


def test_progress_counts_every_task(full):
    full.run("install")
    total, finished = full.records.progress[-1]
    assert total == finished > 50


def test_install_dry_run_emits_events_only(full):
    result = full.run("install", dry_run=True)
    assert result.state == "terminated"
    assert full.messages[0] == "Starting 'install' workflow execution (dry run)"
    assert full.events_of("app_1") == INSTALL_EVERYTHING
    assert "Task succeeded 'script_runner.tasks.run' (dry run)" in full.messages
    assert full.messages[-1] == "'install' workflow execution succeeded (dry run)"
    assert full.state("app_1") == "uninitialized"
    assert full.logs == []


def test_unknown_workflow_fails_with_message(full):
    result = full.run("update")
    assert result.state == "failed"
    assert result.error.startswith(
        "There is no built-in workflow `update`; the built-in workflows are auto_heal_reinstall_node_subgraph, "
    )
    assert full.messages[-1] == f"'update' workflow execution failed: {result.error}"


def test_recursive_uninstall_starts_with_contained_deployments(full):
    class WithServices(type(full.records)):
        def uninstall_contained(self, *, ignore_failure: bool) -> None:
            calls.append((ignore_failure, full.states("app")))

    calls: list[tuple[bool, list[str]]] = []
    full.run("install")
    before = full.states("app")
    full.records.__class__ = WithServices
    full.run("uninstall", recursive=True, dry_run=True)
    assert calls == []
    assert full.run("uninstall", recursive=True, ignore_failure=True).state == "terminated"
    assert calls == [(True, before)]


def test_unknown_node_fails_with_known_nodes(full):
    result = full.run("install", node_ids=["apple"])
    assert result.error == "There is no node apple in this deployment; there is app, db."


@pytest.mark.parametrize(
    ("method", "installed", "removed"),
    [
        ("remote", ["Creating agent", "Agent created"], ["Stopping agent", "Deleting agent", "Agent deleted"]),
        (
            "init_script",
            ["Creating agent", "Agent created", "Waiting for agent to start", "Agent started"],
            ["Stopping agent", "Deleting agent", "Agent deleted"],
        ),
        ("none", [], []),
    ],
)
def test_agent_events_depend_on_install_method(deployment, method, installed, removed):
    host = deployment(
        node("h", types=("cloudify.nodes.Compute",), properties={"agent_config": {"install_method": method}})
    )
    host.run("install")
    assert [line for line in host.events_of("h_1") if "agent" in line.lower()] == installed
    host.run("uninstall")
    assert [line for line in host.events_of("h_1") if "agent" in line.lower()] == removed

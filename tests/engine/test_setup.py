"""install and uninstall: the phases of one instance, the order between instances, what is left when they end."""

import pytest

from tests.engine.deployment import LIFECYCLE, NOTHING, operation, relationship
from tests.engine.deployment import node as a_node

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
    """`app` connected to `db`, every operation mapped."""
    app = a_node("app", EVERYTHING, to=(relationship("db", source=ENDS),))
    return deployment(app, a_node("db", EVERYTHING)).script("op.sh", "exit 0")


def test_an_instance_goes_through_every_phase_in_order(full):
    assert full.run("install").state == "terminated"
    assert full.events_of("app_1") == INSTALL_EVERYTHING


def test_uninstall_takes_it_down_in_order(full):
    full.run("install")
    assert full.run("uninstall").state == "terminated"
    assert full.events_of("app_1") == UNINSTALL_EVERYTHING


def test_what_others_depend_on_is_installed_before_and_uninstalled_after_them(full):
    full.run("install")
    assert full.index_of("Subgraph succeeded 'install_db_1'") < full.index_of("Subgraph started 'install_app_1'")
    full.run("uninstall")
    assert full.index_of("Subgraph succeeded 'app_1'") < full.index_of("Subgraph started 'db_1'")


def test_an_operation_is_sent_started_and_succeeded_in_that_order(full):
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


def test_states_follow_the_phases(full):
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


def test_a_started_instance_is_taken_to_be_well(full):
    full.run("install")
    properties = full.records.instance("app_1").system_properties
    assert properties["status"]["ok"] is True
    assert properties["status"]["task"] is None
    assert properties["previous_status"] is None
    assert properties["configuration_drift"]["ok"] is True


def test_drift_is_not_mentioned_where_it_cannot_be_checked(deployment):
    plain = deployment(a_node("a", {"create": operation(source="exit 0")}))
    plain.run("install")
    assert "configuration_drift" not in plain.records.instance("a_1").system_properties


def test_runtime_properties_are_kept_after_uninstall(deployment):
    kept = deployment(a_node("a", {"create": operation(source="ctx instance runtime-properties color red")}))
    kept.run("install")
    kept.run("uninstall")
    assert kept.properties("a_1") == {"color": "red"}


def test_a_node_with_nothing_mapped_is_just_started(deployment):
    empty = deployment(a_node("a", {"create": NOTHING}))
    empty.run("install")
    assert empty.events_of("a_1") == ["Node instance started (nothing to do)"]
    assert empty.state("a_1") == "started"


def test_a_host_says_of_each_phase_that_there_is_nothing_to_do(deployment):
    host = deployment(
        a_node("h", types=("cloudify.nodes.Compute",), properties={"agent_config": {"install_method": "none"}})
    )
    host.run("install")
    assert host.events_of("h_1") == NOTHING_TO_DO


@pytest.mark.parametrize("no", ["false", "''"])
def test_a_host_is_asked_until_it_is_up_however_often(deployment, no):
    asked = operation(source=f'[ "$(ctx operation retry-number)" = 3 ] && ctx returns true || ctx returns {no}')
    host = deployment(
        a_node(
            "h",
            {"start": operation(source="true"), GET_STATE: {**asked, "max_retries": 1}},
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


def test_a_host_that_cannot_be_asked_fails(deployment):
    asked = operation(source="exit 1", max_retries=1)
    host = deployment(a_node("h", {GET_STATE: asked}, types=("cloudify.nodes.Compute",)))
    assert host.run("install").state == "failed"
    assert sum("exit_code: 1" in message for message in host.messages) == 3


def test_installing_an_agent_is_nothing_to_do_on_this_machine(deployment):
    create = operation(plugin="agent", function="cloudify_agent.installer.operations.create")
    host = deployment(
        a_node("h", {"cloudify.interfaces.cloudify_agent.create": create}, types=("cloudify.nodes.Compute",))
    )
    assert host.run("install").state == "terminated"
    assert host.index_of("Creating agent") < host.index_of("Agent created")
    assert len(host.logs) == 1


def test_installing_again_does_only_what_is_missing(full):
    full.run("install")
    full.run("uninstall", node_ids=["app"])
    full.run("install")
    assert full.events_of("db_1")[0] == "Node instance started (nothing to do)"
    assert full.events_of("app_1") == INSTALL_EVERYTHING


def test_uninstalling_again_says_what_is_gone_already(full):
    full.run("install")
    full.run("uninstall")
    full.run("uninstall")
    assert full.events_of("app_1") == [
        "Validating node instance after deletion: nothing to do",
        "Stop: instance already deleted",
        "Delete: instance already deleted",
    ]


def test_those_that_stay_unlink_from_those_that_go(full):
    full.run("install")
    full.run("uninstall", node_ids=["db"])
    assert full.events_of("app_1") == ["ran relationship_lifecycle.unlink"]
    assert full.state("app_1") == "started"
    assert full.index_of("Subgraph succeeded 'stub_app_1'") < full.index_of("Subgraph started 'db_1'")


def test_relationships_run_for_both_ends_in_the_plan_s_order(deployment):
    def says(side):
        return {"establish": operation(source=f"ctx logger info {side}-$(ctx target node id)")}

    ends = {"source": says("source"), "target_side": says("target")}
    two = deployment(
        a_node("one"), a_node("two"), a_node("app", to=(relationship("two", **ends), relationship("one", **ends)))
    )
    two.run("install")
    logs = two.logs
    assert sorted(logs[:2]) == ["source-two", "target-two"]
    assert sorted(logs[2:]) == ["source-one", "target-one"]


def test_a_relationship_may_wait_for_one_operation_only(deployment):
    slow = operation(source="ctx logger info started; sleep 0.3")
    early = relationship("slow", "cloudify.relationships.depends_on_lifecycle_operation", operation="create")
    both = deployment(
        a_node("slow", {"create": operation(source="ctx logger info created"), "start": slow}),
        a_node("app", {"create": operation(source="ctx logger info app")}, to=(early,)),
    )
    assert both.run("install").state == "terminated"
    assert both.index_of("Node instance created") < both.index_of("app")
    assert both.index_of("app") < both.index_of("Subgraph succeeded 'install_slow_1'")


def test_independent_instances_run_at_once(deployment, tmp_path):
    meet = f"""
        touch {tmp_path}/$(ctx instance id)
        for _ in $(seq 100); do [ $(ls {tmp_path}/a_* | wc -l) = 4 ] && exit 0; sleep 0.05; done; exit 1
    """
    four = deployment(a_node("a", {"create": operation(source=meet)}, count=4))
    assert four.run("install").state == "terminated"


def test_no_more_operations_run_at_once_than_allowed(deployment, tmp_path):
    count = f"mkdir {tmp_path}/busy || exit 1; sleep 0.05; rmdir {tmp_path}/busy"
    three = deployment(a_node("a", {"create": operation(source=count)}, count=3))
    assert three.run("install", concurrency=1).state == "terminated"


def test_every_task_is_counted(full):
    full.run("install")
    total, finished = full.records.progress[-1]
    assert total == finished > 50


def test_a_dry_run_tells_everything_and_does_nothing(full):
    ending = full.run("install", dry_run=True)
    assert ending.state == "terminated"
    assert full.messages[0] == "Starting 'install' workflow execution (dry run)"
    assert full.events_of("app_1") == INSTALL_EVERYTHING
    assert "Task succeeded 'script_runner.tasks.run' (dry run)" in full.messages
    assert full.messages[-1] == "'install' workflow execution succeeded (dry run)"
    assert full.state("app_1") == "uninitialized"
    assert full.logs == []


def test_a_workflow_that_is_not_there_yet_says_so(full):
    ending = full.run("update")
    assert ending.state == "failed"
    assert ending.error.startswith(
        "There is no built-in workflow `update`; the built-in workflows are auto_heal_reinstall_node_subgraph, "
    )
    assert full.messages[-1] == f"'update' workflow execution failed: {ending.error}"


def test_what_is_inside_is_uninstalled_first_when_that_is_asked(full):
    class WithServices(type(full.records)):
        def uninstall_contained(self, *, ignore_failure: bool) -> None:
            told.append((ignore_failure, full.states("app")))

    told: list[tuple[bool, list[str]]] = []
    full.run("install")
    before = full.states("app")
    full.records.__class__ = WithServices
    full.run("uninstall", recursive=True, dry_run=True)
    assert told == []
    assert full.run("uninstall", recursive=True, ignore_failure=True).state == "terminated"
    assert told == [(True, before)]


def test_unknown_nodes_are_named_with_those_that_exist(full):
    ending = full.run("install", node_ids=["apple"])
    assert ending.error == "There is no node apple in this deployment; there is app, db."


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
def test_what_is_said_of_an_agent_depends_on_how_it_would_get_there(deployment, method, installed, removed):
    host = deployment(
        a_node("h", types=("cloudify.nodes.Compute",), properties={"agent_config": {"install_method": method}})
    )
    host.run("install")
    assert [line for line in host.events_of("h_1") if "agent" in line.lower()] == installed
    host.run("uninstall")
    assert [line for line in host.events_of("h_1") if "agent" in line.lower()] == removed

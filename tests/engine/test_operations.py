"""execute_operation, start, stop, restart, and workflows of blueprints mapped onto them."""

import pytest

from tests.engine.deployment import LIFECYCLE, NOTHING, node, operation, relationship

ECHO = operation(source="#!/bin/bash\nctx logger info $(ctx instance id)=$level; ctx returns echo-$level", level=1)
NAME = operation(
    source="#!/bin/bash\nctx logger info $(ctx operation name | sed 's/.*[.]//') ; ctx logger info $(ctx node id)"
)


@pytest.fixture
def three(deployment):
    """A deployment of `app` in `host`, connected to `db`, all with the operation `w.ops.echo`."""
    operations = {"w.ops.echo": ECHO, "w.ops.nothing": NOTHING, "start": NAME, "stop": NAME}
    return deployment(
        node("app", operations, to=(relationship("host"), relationship("db")), types=("w.App",)),
        node("host", operations, types=("w.Base", "w.Host")),
        node("db", operations),
    )


def test_execute_operation_runs_on_all_instances(three):
    assert three.run("execute_operation", operation="w.ops.echo").state == "terminated"
    assert sorted(three.logs) == ["app_1=1", "db_1=1", "host_1=1"]


def test_operation_result_is_in_success_event(three):
    three.run("execute_operation", operation="w.ops.echo", node_ids=["app"])
    assert three.messages == [
        "Starting 'execute_operation' workflow execution",
        "Subgraph started 'app_1'",
        "Starting operation w.ops.echo",
        "Sending task 'script_runner.tasks.run'",
        "Task started 'script_runner.tasks.run'",
        *three.messages[5:7],
        three.messages[7],
        "Task succeeded 'script_runner.tasks.run' - echo-1",
        "Finished operation w.ops.echo",
        "Subgraph succeeded 'app_1'",
        "'execute_operation' workflow execution succeeded",
    ]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"node_ids": ["db", "host"]}, ["db_1", "host_1"]),
        ({"node_instance_ids": ["app_1"]}, ["app_1"]),
        ({"type_names": ["w.Base"]}, ["host_1"]),
        ({"type_names": ["cloudify.nodes.Root"], "node_ids": ["db"]}, ["db_1"]),
    ],
)
def test_execute_operation_selects_instances(three, selection, expected):
    three.run("execute_operation", operation="w.ops.echo", **selection)
    assert sorted(line.partition("=")[0] for line in three.logs) == expected


def test_replacing_inputs_needs_allow_kwargs_override(three):
    kwargs = {"operation": "w.ops.echo", "operation_kwargs": {"level": 5}, "node_ids": ["db"]}
    result = three.run("execute_operation", **kwargs)
    assert result.state == "failed"
    assert "already has the input level" in result.error
    assert three.run("execute_operation", allow_kwargs_override="false", **kwargs).state == "failed"
    assert three.run("execute_operation", allow_kwargs_override=True, **kwargs).state == "terminated"
    assert "db_1=5" in three.logs
    assert "Starting operation w.ops.echo (Operation parameters: {'level': 5})" in three.messages


def test_run_by_dependency_order_runs_dependent_last(three):
    three.run("execute_operation", operation="w.ops.echo", run_by_dependency_order=True)
    assert three.logs[-1] == "app_1=1"


def test_dependency_order_spans_unselected_instances(deployment):
    echo = {"w.ops.echo": ECHO}
    chain = deployment(
        node("c", echo, to=(relationship("b"),)),
        node("b", echo, to=(relationship("a"),)),
        node("a", {"w.ops.echo": operation(source="sleep 0.2; ctx logger info a")}),
    )
    chain.run("execute_operation", operation="w.ops.echo", node_ids=["a", "c"], run_by_dependency_order=True)
    assert chain.logs == ["a", "c_1=1"]


def test_unknown_operation_fails_with_known_names(three):
    result = three.run("execute_operation", operation="turn_around")
    assert result.state == "failed"
    assert "None of the selected node instances has the operation turn_around" in result.error
    assert result.error.endswith(f"; they have {LIFECYCLE}.start, {LIFECYCLE}.stop, w.ops.echo.")
    assert three.run("execute_operation", operation="w.ops.ecko").error.endswith("; did you mean w.ops.echo?")


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"node_ids": ["dbb"]}, "There is no node dbb in this deployment; there is app, db, host."),
        ({"node_instance_ids": ["db_9"]}, "There is no node instance db_9"),
        ({"type_names": ["w.None"]}, "There is no node type w.None"),
        ({"node_ids": {"db": 1}}, "The parameter node_ids must be a list of names"),
    ],
)
def test_unknown_selection_fails_with_its_name(three, selection, message):
    result = three.run("execute_operation", operation="w.ops.echo", **selection)
    assert result.state == "failed"
    assert message in result.error


def test_operation_without_implementation_does_nothing(three):
    assert three.run("execute_operation", operation="w.ops.nothing").state == "terminated"
    assert three.logs == ["Nothing to do: no selected node instance implements w.ops.nothing."]
    assert three.run("pull").state == "terminated"
    assert three.logs[-1].endswith("no selected node instance implements cloudify.interfaces.lifecycle.pull.")


def test_execute_operation_without_operation_fails(three):
    assert "must name an operation" in three.run("execute_operation").error


def test_start_runs_dependencies_first(three):
    three.run("start", run_by_dependency_order=True)
    assert three.logs[-2:] == ["start", "app"]


def test_stop_runs_dependents_first(three):
    three.run("stop", run_by_dependency_order=True)
    assert three.logs[:2] == ["stop", "app"]


def test_restart_stops_all_before_starting(three):
    assert three.run("restart", run_by_dependency_order=True).state == "terminated"
    words = [line for line in three.logs if line in ("start", "stop")]
    assert words == ["stop"] * 3 + ["start"] * 3
    assert three.logs[1] == three.logs[-1] == "app"


def test_mapped_workflow_runs_with_its_own_defaults(deployment):
    rotate = {
        "plugin": "default_workflows",
        "operation": "cloudify.plugins.workflows.execute_operation",
        "parameters": {"operation": {"default": "w.ops.echo"}, "node_ids": {"default": ["b"]}, "other": {}},
    }
    mapped = deployment(node("a", {"w.ops.echo": ECHO}), node("b", {"w.ops.echo": ECHO}), workflows={"rotate": rotate})
    assert mapped.run("rotate").state == "terminated"
    assert mapped.logs == ["b_1=1"]
    assert mapped.messages[0] == "Starting 'rotate' workflow execution"
    assert mapped.run("rotate", node_ids=["a"]).state == "terminated"
    assert mapped.logs == ["a_1=1"]


def test_plugin_workflow_without_manager_is_refused(deployment):
    own = deployment(node("a"), workflows={"mine": {"plugin": "p", "operation": "p.mine", "parameters": {}}})
    reason = "The workflow mine needs the plugin p (p.mine), and plugins are available only on a manager."
    assert own.run("mine").error == reason

"""execute_operation, start, stop, restart, and workflows of blueprints mapped onto them."""

import pytest

from tests.engine.deployment import LIFECYCLE, NOTHING, node, operation, relationship

ECHO = operation(source="#!/bin/bash\nctx logger info $(ctx instance id)=$level; ctx returns echo-$level", level=1)
NAME = operation(
    source="#!/bin/bash\nctx logger info $(ctx operation name | sed 's/.*[.]//') ; ctx logger info $(ctx node id)"
)


@pytest.fixture
def three(deployment):
    """`app` in `host`, connected to `db`; `w.ops.echo` on all."""
    operations = {"w.ops.echo": ECHO, "w.ops.nothing": NOTHING, "start": NAME, "stop": NAME}
    return deployment(
        node("app", operations, to=(relationship("host"), relationship("db")), types=("w.App",)),
        node("host", operations, types=("w.Base", "w.Host")),
        node("db", operations),
    )


def test_an_operation_runs_on_every_instance_that_has_it(three):
    assert three.run("execute_operation", operation="w.ops.echo").state == "terminated"
    assert sorted(three.logs) == ["app_1=1", "db_1=1", "host_1=1"]


def test_what_it_returns_is_told(three):
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
    ("narrowed", "expected"),
    [
        ({"node_ids": ["db", "host"]}, ["db_1", "host_1"]),
        ({"node_instance_ids": ["app_1"]}, ["app_1"]),
        ({"type_names": ["w.Base"]}, ["host_1"]),
        ({"type_names": ["cloudify.nodes.Root"], "node_ids": ["db"]}, ["db_1"]),
    ],
)
def test_it_is_narrowed_down_by_nodes_instances_and_types(three, narrowed, expected):
    three.run("execute_operation", operation="w.ops.echo", **narrowed)
    assert sorted(line.partition("=")[0] for line in three.logs) == expected


def test_inputs_may_be_added_and_replaced_only_with_leave(three):
    kwargs = {"operation": "w.ops.echo", "operation_kwargs": {"level": 5}, "node_ids": ["db"]}
    ending = three.run("execute_operation", **kwargs)
    assert ending.state == "failed"
    assert "already has the input level" in ending.error
    assert three.run("execute_operation", allow_kwargs_override="false", **kwargs).state == "failed"
    assert three.run("execute_operation", allow_kwargs_override=True, **kwargs).state == "terminated"
    assert "db_1=5" in three.logs
    assert "Starting operation w.ops.echo (Operation parameters: {'level': 5})" in three.messages


def test_dependency_order_is_kept_when_asked_for(three):
    three.run("execute_operation", operation="w.ops.echo", run_by_dependency_order=True)
    assert three.logs[-1] == "app_1=1"


def test_order_passes_through_instances_that_are_left_out(deployment):
    echo = {"w.ops.echo": ECHO}
    chain = deployment(
        node("c", echo, to=(relationship("b"),)),
        node("b", echo, to=(relationship("a"),)),
        node("a", {"w.ops.echo": operation(source="sleep 0.2; ctx logger info a")}),
    )
    chain.run("execute_operation", operation="w.ops.echo", node_ids=["a", "c"], run_by_dependency_order=True)
    assert chain.logs == ["a", "c_1=1"]


def test_an_operation_nobody_has_fails_with_the_names_of_those_there_are(three):
    ending = three.run("execute_operation", operation="turn_around")
    assert ending.state == "failed"
    assert "None of the selected node instances has the operation turn_around" in ending.error
    assert ending.error.endswith(f"; something is run for {LIFECYCLE}.start, {LIFECYCLE}.stop, w.ops.echo.")
    assert three.run("execute_operation", operation="w.ops.ecko").error.endswith("; did you mean w.ops.echo?")


@pytest.mark.parametrize(
    ("narrowed", "sentence"),
    [
        ({"node_ids": ["dbb"]}, "There is no node dbb in this deployment; there is app, db, host."),
        ({"node_instance_ids": ["db_9"]}, "There is no node instance db_9"),
        ({"type_names": ["w.None"]}, "There is no node type w.None"),
        ({"node_ids": {"db": 1}}, "The parameter node_ids must be a list of names"),
    ],
)
def test_what_is_unknown_is_named(three, narrowed, sentence):
    ending = three.run("execute_operation", operation="w.ops.echo", **narrowed)
    assert ending.state == "failed"
    assert sentence in ending.error


def test_an_operation_declared_without_implementation_is_said_to_be_nothing_to_do(three):
    assert three.run("execute_operation", operation="w.ops.nothing").state == "terminated"
    assert three.logs == ["Nothing to do: none of the selected node instances has something to run for w.ops.nothing."]
    assert three.run("pull").state == "terminated"
    assert three.logs[-1].endswith("has something to run for cloudify.interfaces.lifecycle.pull.")


def test_an_operation_must_be_named(three):
    assert "must name an operation" in three.run("execute_operation").error


def test_start_begins_with_what_others_depend_on(three):
    three.run("start", run_by_dependency_order=True)
    assert three.logs[-2:] == ["start", "app"]


def test_stop_begins_with_those_that_depend_on_others(three):
    three.run("stop", run_by_dependency_order=True)
    assert three.logs[:2] == ["stop", "app"]


def test_restart_stops_everything_before_it_starts_anything(three):
    assert three.run("restart", run_by_dependency_order=True).state == "terminated"
    words = [line for line in three.logs if line in ("start", "stop")]
    assert words == ["stop"] * 3 + ["start"] * 3
    assert three.logs[1] == three.logs[-1] == "app"


def test_a_workflow_of_the_blueprint_runs_the_built_in_one_with_its_own_defaults(deployment):
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


def test_a_workflow_with_code_of_its_own_is_refused_with_a_sentence(deployment):
    own = deployment(node("a"), workflows={"mine": {"plugin": "p", "operation": "p.mine", "parameters": {}}})
    why = "The workflow mine needs the plugin p (p.mine), and there is no manager here that keeps plugins."
    assert own.run("mine").error == why

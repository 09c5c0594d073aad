"""Handlers of subgraphs: ignored and failed subgraphs."""

import pytest

from cfy_cli.manager.engine.ports import WorkflowResult
from tests.engine.subgraph_flow import BAD, Flow, operation_log


@pytest.mark.parametrize("decision", ["ignore", "cont"])
def test_workflow_continues_after_ignored_subgraph_failure(subgraph_flow: Flow, decision: str):
    deployed = subgraph_flow(
        f"""
        def on_failure(sub):
            ctx.logger.info("%s %s %s", sub.get_state(), sub.failed_task.info, sub.error["message"])
            return HandlerResult.{decision}()

        first = build("first", step("a"), step("b", "bad"), step("c"), on_failure=on_failure)
        graph.add_dependency(build("second", step("c", "after")), first)
        graph.execute()
        assert (first.get_state(), first.failed_task.get_state(), graph.tasks) == ("failed", "failed", [])
        """
    )
    assert deployed.run("flow") == WorkflowResult("terminated")
    assert operation_log(deployed) == ["ok on a_1", "bad on b_1", "after on c_1"]
    assert "failed ops.do bad luck" in deployed.logs
    assert deployed.messages.count("Subgraph failed 'first'") == 1


def test_dependents_of_members_continue_after_ignored_failure(subgraph_flow: Flow):
    deployed = subgraph_flow(
        """
        parts = [step("a"), step("b", "bad"), step("c"), build("deep", step("c", "deep"))]
        build("first", *parts, on_failure=ignored)
        for part in parts:
            after = step("a", "after")
            graph.add_task(after)
            graph.add_dependency(after, part)
        graph.execute()
        """
    )
    assert deployed.run("flow") == WorkflowResult("terminated")
    assert sorted(operation_log(deployed)) == ["after on a_1"] * 4 + ["bad on b_1", "ok on a_1"]


@pytest.mark.parametrize(("decision", "continues"), [("ignore", True), ("fail", False)])
def test_wait_after_fail_starts_with_decision_of_handler(subgraph_flow: Flow, decision: str, continues: bool):
    deployed = subgraph_flow(
        f"""
        build("first", step("b", "bad"), on_failure=lambda sub: HandlerResult.{decision}())
        graph.sequence().add(step("a", "slow"), step("c"))
        graph.execute()
        """
    )
    result = deployed.run("flow", wait_after_fail=0.2)
    assert result == (WorkflowResult("terminated") if continues else WorkflowResult("failed", BAD.format("bad")))
    assert ("ok on c_1" in operation_log(deployed)) is continues


def test_handler_is_called_after_end_of_all_members(subgraph_flow: Flow):
    deployed = subgraph_flow(
        """
        both = graph.subgraph("both")
        both.on_failure = ignored
        both.add_task(step("a", "slow"))
        both.add_task(step("b", "bad"))
        graph.execute()
        """
    )
    assert deployed.run("flow", wait_after_fail=0.1) == WorkflowResult("terminated")
    assert deployed.messages.index("Task succeeded 'script_runner.tasks.run'") < deployed.index_of("ignoring both")


@pytest.mark.parametrize(
    ("decision", "error"),
    [
        ("HandlerResult.cont()", ""),
        ("HandlerResult.ignore()", ""),
        (
            "HandlerResult.fail()",
            "Task failed: good: NonRecoverableError `The success handler of the task wants it to fail`",
        ),
        ("sub.nothing", "flow.py: AttributeError `'SubgraphTask' object has no attribute 'nothing'`"),
    ],
)
def test_success_handler_can_fail_subgraph(subgraph_flow: Flow, decision: str, error: str):
    deployed = subgraph_flow(
        f"""
        good = build("good", step("a"), on_success=lambda sub: {decision}, on_failure=ignored)
        graph.add_dependency(build("second", step("c", "after")), good)
        graph.execute()
        """
    )
    result = deployed.run("flow")
    assert (result.state, result.error.partition("\n")[0]) == ("failed" if error else "terminated", error)
    assert operation_log(deployed) == (["ok on a_1"] if error else ["ok on a_1", "after on c_1"])


def test_outer_handler_decides_about_failure_of_inner(subgraph_flow: Flow):
    deployed = subgraph_flow(
        """
        def on_failure(sub):
            path = sub.failed_task, sub.failed_task.failed_task
            ctx.logger.info("%s %s %s", sub.name, path[0].name, path[1].cloudify_context["node_name"])
            return HandlerResult.ignore()

        outer = build("outer", on_failure=on_failure)
        inner = build("inner", step("b", "bad"), inside=outer, on_failure=lambda sub: HandlerResult.fail())
        plain = build("plain", build("quiet", step("b", "bad"), on_failure=ignored), step("a"))
        graph.execute()
        """
    )
    assert deployed.run("flow") == WorkflowResult("terminated")
    assert "outer inner b" in deployed.logs
    assert "Subgraph succeeded 'plain'" in deployed.messages


def test_handler_can_fail_containing_subgraph(subgraph_flow: Flow):
    deployed = subgraph_flow(
        """
        def on_failure(sub):
            for task in sub.tasks.values():
                sub.remove_task(task)
            sub.containing_subgraph.failed_task = sub.failed_task
            sub.containing_subgraph.set_state(tasks.TASK_FAILED)
            return HandlerResult.ignore()

        outer = build("outer")
        inner = build("inner", step("a"), step("b", "bad"), step("c"), inside=outer, on_failure=on_failure)
        graph.execute()
        """
    )
    assert deployed.run("flow") == WorkflowResult("failed", BAD.format("bad"))
    assert "Subgraph failed 'outer'" in deployed.messages


def test_dry_run_calls_no_handler(subgraph_flow: Flow):
    deployed = subgraph_flow("build('first', step('a'), on_success=lambda sub: HandlerResult.fail())\ngraph.execute()")
    assert deployed.run("flow", dry_run=True) == WorkflowResult("terminated")

"""Handlers of tasks, and tasks that run in the process of the workflow."""

from pathlib import Path
from typing import Any

import pytest

from tests.engine.python_workflow import START, Flow, succeeded

HANDLED = """
graph = ctx.graph_mode()
instance = ctx.get_node_instance("db_1")
task = instance.execute_operation("cloudify.interfaces.lifecycle.start")
task.total_retries, task.retry_interval = 5, 0.01
seen = []

def on_failure(task):
    seen.append((task.get_state(), task.current_retries, task.error["message"]))
    instance.send_event(f"failed, {ACTION}").apply_async()
    return tasks.HandlerResult.ACTION()

def on_success(task):
    seen.append((task.get_state(), task.async_result.result))
    return tasks.HandlerResult.cont() if len(seen) > 2 else tasks.HandlerResult.retry(retry_after=0.01)

task.on_failure, task.on_success = on_failure, on_success
graph.sequence().add(task, instance.send_event("and on"))
try:
    graph.execute()
finally:
    ctx.logger.info("%s", seen)
"""


@pytest.mark.parametrize(
    ("action", "state", "seen"),
    [
        ("ignore", "terminated", [("failed", 0, "no luck")]),
        ("fail", "failed", [("failed", 0, "no luck")]),
    ],
)
def test_failure_handler_ignores_or_fails_task(flow: Flow, action: str, state: str, seen: Any):
    deployed = flow(HANDLED.replace("{ACTION}", action).replace("ACTION", action), run=False)
    deployed.plan["nodes"][0]["operations"][START]["inputs"]["script_source"] = "ctx abort-operation 'no luck'"
    result = deployed.run("flow")
    assert result.state == state
    assert str(seen) in deployed.logs
    assert deployed.index_of("Task failed 'script_runner.tasks.run' -> no luck") < deployed.index_of(
        f"failed, {action}"
    )
    assert ("and on" in deployed.messages) == (state == "terminated")
    assert sum("Task failed" in message for message in deployed.messages) == 1 + (state == "failed")


def test_handlers_retry_task(flow: Flow, tmp_path: Path):
    deployed = flow(HANDLED.replace("{ACTION}", "retry").replace("ACTION", "retry"), run=False)
    once = (
        f"[ -e {tmp_path}/once ] || {{ touch {tmp_path}/once; ctx abort-operation 'no luck'; exit; }}; ctx returns ok"
    )
    deployed.plan["nodes"][0]["operations"][START]["inputs"]["script_source"] = once
    deployed.result = deployed.run("flow")
    assert str([("failed", 0, "no luck"), ("succeeded", "ok"), ("succeeded", "ok")]) in succeeded(deployed).logs
    assert sum("Task started" in message for message in deployed.messages) == 3


@pytest.mark.parametrize(("ignored", "tries"), [(True, 5), (False, 2)])
def test_handler_can_ignore_total_retries(flow: Flow, ignored: bool, tries: int):
    deployed = flow(
        f"""
        graph = ctx.graph_mode()
        task = ctx.get_node_instance("db_1").execute_operation("cloudify.interfaces.lifecycle.start")
        task.total_retries, task.retry_interval = 1, 0.01
        again = tasks.HandlerResult.retry(ignore_total_retries={ignored})
        task.on_success = lambda task: again if task.current_retries < 4 else tasks.HandlerResult.cont()
        graph.add_task(task)
        graph.execute()
        """
    )
    assert deployed.result.state == ("terminated" if ignored else "failed")
    assert sum("Task started" in message for message in deployed.messages) == tries


def test_handlers_of_events_states_and_nop_tasks_are_called(flow: Flow):
    deployed = succeeded(
        flow(
            """
            graph = ctx.graph_mode()
            instance = ctx.get_node_instance("db_1")
            nothing = instance.execute_operation("cloudify.interfaces.lifecycle.pull")
            steps = [nothing, instance.send_event("emitted"), instance.set_state("configured")]
            for step in steps:
                step.on_success = lambda task: ctx.logger.info("after %s", task.name) or tasks.HandlerResult.cont()
            graph.sequence().add(*steps)
            graph.execute()
            """
        )
    )
    assert deployed.messages[1:-1] == [
        "after NOP",
        "emitted",
        "after SendNodeEventTask",
        "after SetNodeInstanceStateTask",
    ]
    assert deployed.state("db_1") == "configured"


def test_local_tasks_run_in_workflow_process(flow: Flow):
    deployed = succeeded(
        flow(
            """
            import os
            from cloudify.workflows.workflow_context import task_config
            process, tries = os.getpid(), []

            @task_config(total_retries=2, retry_interval=0.01)
            def mine(word):
                tries.append(word)
                assert os.getpid() == process and len(tries) > 1
                return object() if word == "odd" else word * 2

            assert ctx.local_task(mine, kwargs={"word": "ab"}).get() == "abab"
            results = [ctx.local_task(mine, kwargs={"word": str(n)}) for n in range(20)]
            assert [item.get() for item in results] == [str(n) * 2 for n in range(20)]
            graph = ctx.internal.task_graph
            ctx.internal.graph_mode = True
            many = [ctx.local_task(mine, kwargs={"word": str(n)}, send_task_events=False) for n in range(20)]
            for task in many:
                graph.add_task(task)
            graph.add_task(ctx.local_task(mine, kwargs={"word": "odd"}))
            graph.execute()
            assert [item.async_result.get() for item in many] == [str(n) * 2 for n in range(20)]
            """
        )
    )
    assert "Task failed 'mine' -> " in "\n".join(deployed.messages)
    assert sum("Task succeeded 'mine'" in message for message in deployed.messages) == 22

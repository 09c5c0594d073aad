"""Workflows in Python whose subgraphs have handlers."""

import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.deployment import Deployment, node, operation

RUN_SCRIPT = {"plugin": "script", "operation": "script_runner.tasks.execute_workflow"}
HEAD = """
from cloudify.workflows import ctx, parameters, api, tasks
from cloudify.workflows.tasks import HandlerResult
from cloudify.workflows.tasks_graph import *

graph = ctx.graph_mode()

def step(name, word="ok"):
    return ctx.get_node_instance(f"{name}_1").execute_operation("ops.do", {"word": word}, allow_kwargs_override=True)

def build(name, *steps, inside=graph, **handlers):
    subgraph = inside.subgraph(name)
    subgraph.sequence().add(*steps)
    for attribute, handler in handlers.items():
        setattr(subgraph, attribute, handler)
    return subgraph

def ignored(sub):
    ctx.logger.info("ignoring %s", sub.name)
    return HandlerResult.ignore()
"""
SCRIPT = """
ctx logger info "$word on $(ctx instance id)"
case $word in slow) sleep 0.6;; bad*) ctx abort-operation "$word luck";; esac
"""
BAD = "Task failed: script_runner.tasks.run (b_1:ops.do): NonRecoverableError `{} luck`"

Flow = Callable[..., Deployment]


@pytest.fixture
def subgraph_flow(tmp_path: Path) -> Flow:
    """Return a function that creates nodes whose operation fails for bad words, and a script as workflow `flow`."""

    def make(script: str, source: str = SCRIPT, folder: str = ".") -> Deployment:
        nodes = [node(name, {"ops.do": operation(source=source, word="ok")}) for name in "abc"]
        workflows = {"flow": {**RUN_SCRIPT, "parameters": {"script_path": {"default": "flow.py"}}}}
        (tmp_path / folder).mkdir(exist_ok=True)
        deployed = Deployment(tmp_path / folder, *nodes, workflows=workflows)
        return deployed.script("flow.py", HEAD + textwrap.dedent(script))

    return make


def operation_log(deployed: Deployment) -> list[str]:
    """Return the word and the instance of each operation that ran."""
    return [line for line in deployed.logs if re.fullmatch(r"\w+ on \w_1", line)]


RETRIED = """
def retry(sub):
    number = sub.current_retries + 1
    ctx.logger.info("try %d of %s", number, sub.name)
    for task in sub.tasks.values():
        sub.remove_task(task)
    result = HandlerResult.retry(ignore_total_retries=IGNORED)
    result.retried_task = build(f"try {number}", step("a"), step("b", WORDS[number]), on_failure=retry)
    result.retried_task.total_retries = sub.total_retries
    result.retried_task.current_retries = number
    return result

first = build("try 0", step("a"), step("b", WORDS[0]), step("c"), on_failure=retry)
first.total_retries = TRIES
graph.add_dependency(build("second", step("c", "after")), first)
graph.execute()
assert graph.tasks == []
"""


def retried(subgraph_flow: Flow, words: list[str], tries: int, *, ignored: bool = False) -> Deployment:
    return subgraph_flow(f"WORDS, TRIES, IGNORED = {words}, {tries}, {ignored}\n{RETRIED}")

"""Deployments whose workflow `flow` is a Python script."""

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from cfy_cli.manager.engine.ports import WorkflowResult
from tests.engine.deployment import Deployment, node, operation, relationship

RUN_SCRIPT = {"plugin": "script", "operation": "script_runner.tasks.execute_workflow"}
START = "cloudify.interfaces.lifecycle.start"
LOG_AND_RETURN = 'ctx logger info "$(ctx operation name | sed s/.*\\\\.//) of $(ctx instance id)"; ctx returns "$word"'
HEAD = "from cloudify.workflows import ctx, parameters, api, tasks\nfrom cloudify.workflows.tasks_graph import *\n"

Flow = Callable[..., Deployment]


@pytest.fixture
def flow(deployment: Callable[..., Deployment]) -> Flow:
    """Return a function that creates two instances of `web`, connected to `db`, and runs a script as `flow`."""

    def make(script: str, *, run: bool = True, fails: str = "", **parameters: Any) -> Deployment:
        text = f"{LOG_AND_RETURN}; {fails}"
        start = operation(source=text, word="hi")
        link = relationship(
            "db", source={"establish": operation(source=text)}, target_side={"establish": operation(source=text)}
        )
        web = node("web", {"start": start, "ops.none": operation(plugin="", function="")}, count=2, to=(link,))
        workflows = {
            "flow": {**RUN_SCRIPT, "parameters": {"script_path": {"default": "flow.py"}, "given": {"default": 1}}}
        }
        deployed = deployment(node("db", {"start": start}), web, workflows=workflows)
        deployed.script("flow.py", HEAD + textwrap.dedent(script))
        if run:
            deployed.result = deployed.run("flow", **parameters)
        return deployed

    return make


def succeeded(deployed: Deployment) -> Deployment:
    """Check the result of `flow` and return the deployment."""
    assert deployed.result == WorkflowResult("terminated"), deployed.result
    return deployed

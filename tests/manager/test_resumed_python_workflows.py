"""A workflow in Python that operates, scales and heals more than once, and is resumed twice on a manager."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Ask
from tests.manager.conftest import Upload, wait_for_end

Run = Callable[..., dict[str, Any]]
BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  it:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        start: {implementation: say.sh, inputs: {word: start}}
workflows:
  flow: {mapping: flow.py}
"""
SAY = '#!/bin/bash\nctx logger info "did $word"\n'
FLOW = """
import os, pathlib
from cloudify.plugins import workflows
from cloudify.workflows import ctx

steps = pathlib.Path(os.environ["STEPS"])
graph = ctx.graph_mode()
first = next(iter(ctx.node_instances))  # they are in the order of their index

def do(word):
    start = first.execute_operation("cloudify.interfaces.lifecycle.start", {"word": word}, allow_kwargs_override=True)
    start.apply_async().get()

def stop_here(name):
    if not (steps / name).exists():
        (steps / name).touch()
        raise RuntimeError(name)

do("a")
workflows.scale_entity(ctx, "it", 1)
stop_here("one")
if not (steps / "two").exists():
    do("b")  # is left out once the second run has done it
stop_here("two")
workflows.auto_heal_reinstall_node_subgraph(ctx, first.id, force_reinstall=True)
do("a")
do("b")
workflows.scale_entity(ctx, "it", 1)
"""


def test_workflow_is_resumed_without_loss_or_repetition(
    ask: Ask, upload: Upload, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STEPS", str(tmp_path))
    assert upload("app", BLUEPRINT, {"say.sh": SAY, "flow.py": FLOW}).json()["state"] == "uploaded"
    assert ask("PUT", "/deployments/d", json={"blueprint_id": "app"}).status_code == 201
    assert run("d", "install")["status"] == "terminated"
    execution = run("d", "flow")
    for name in ("one", "two"):
        assert (execution["status"], f"RuntimeError `{name}`" in execution["error"]) == ("failed", True)
        assert ask("POST", f"/executions/{execution['id']}", json={"action": "resume"}).status_code == 200
        execution = wait_for_end(ask, execution["id"])
    assert execution["status"] == "terminated", execution["error"]
    query = {"execution_id": execution["id"], "include_logs": "true", "_size": "1000"}
    lines = [event["message"] for event in ask("GET", "/events", params=query).json()["items"]]
    done = Counter(line for line in lines if line.startswith("did "))
    assert done == {"did a": 2, "did b": 2, "did start": 3}
    (node,) = ask("GET", "/nodes", params={"deployment_id": "d"}).json()["items"]
    assert int(node["number_of_instances"]) == 3

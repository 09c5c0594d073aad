"""Workflows in Python that plugins and blueprints contain, started over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Ask
from tests.manager.conftest import Upload, wait_for_end, wait_until
from tests.manager.test_plugin_operations import BUNDLED_CLOUDIFY, messages
from tests.wagons import YAML, package, project, wheel

pytestmark = [pytest.mark.pip, pytest.mark.sqlite]

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
plugins:
  mine: {executor: central_deployment_agent, source: my-plugin}
node_templates:
  it:
    type: cloudify.nodes.Root
    capabilities: {scalable: {properties: {default_instances: 2}}}
    interfaces:
      cloudify.interfaces.lifecycle:
        start: {implementation: say.sh, inputs: {word: start}}
workflows:
  greet:
    mapping: mine.my_flows.greet
    parameters: {word: {default: hello}, port: {}}
  wrong: mine.my_flows.wrong
  script: {mapping: flow.py, parameters: {word: {default: hello}}}
"""
FLOWS = """
import os
from cloudify.decorators import workflow
from cloudify.manager import get_rest_client
from cloudify.workflows import ctx as imported_ctx, parameters
from cloudify.workflows.tasks_graph import make_or_get_graph

START = "cloudify.interfaces.lifecycle.start"

@workflow(resumable=True)
def greet(ctx, word, port, **_):
    os.environ["REST_PORT"] = str(port)
    states = [instance["state"] for instance in get_rest_client().node_instances.list(deployment_id=ctx.deployment.id)]
    ctx.logger.info("%s to %s, %s", word, sorted(states), parameters.word)
    build(ctx, name="greeting").execute()

@make_or_get_graph
def build(ctx):
    graph = ctx.graph_mode()
    for instance in ctx.node_instances:
        graph.sequence().add(
            instance.send_event("Greeting"),
            instance.execute_operation(START, {"word": "hi"}, allow_kwargs_override=True),
            instance.set_state("started"),
        )
    return graph

def wrong(ctx):
    raise ValueError("no such greeting")
"""
SCRIPT = "from cloudify.workflows import ctx, parameters\nctx.logger.info('%s from a script', parameters.word)\n"
SAY = '#!/bin/bash\nctx logger info "$word from $(ctx instance id)"\n'

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def deployed(ask: Ask, upload: Upload) -> None:
    source = {f"plugins/my-plugin/{path}": text for path, text in project({"my_flows.py": FLOWS}).items()}
    uploaded = upload("app", BLUEPRINT, {**source, "say.sh": SAY, "flow.py": SCRIPT}).json()
    assert uploaded["state"] == "uploaded", uploaded["error"]
    assert ask("PUT", "/deployments/app", json={"blueprint_id": "app"}).status_code == 201


@pytest.mark.usefixtures("deployed")
def test_plugin_function_runs_as_workflow(ask: Ask, run: Run, port: int):
    execution = run("app", "greet", parameters={"word": "hey", "port": port})
    assert execution["status"] == "terminated", execution["error"]
    assert (execution["total_operations"], execution["finished_operations"]) == (6, 6)
    lines = messages(ask, execution)
    assert "hey to ['uninitialized', 'uninitialized'], hey" in lines
    assert sum(line.startswith("hi from it_") for line in lines) == 2
    instances = ask("GET", "/node-instances", params={"deployment_id": "app"}).json()["items"]
    assert {instance["state"] for instance in instances} == {"started"}
    graphs = ask("GET", "/tasks_graphs", params={"execution_id": execution["id"]}).json()["items"]
    assert [graph["name"] for graph in graphs] == ["workflow function", "greeting"]
    operations = ask("GET", "/operations", params={"graph_id": graphs[1]["id"]}).json()["items"]
    assert {operation["state"] for operation in operations} == {"succeeded"}
    wrong = run("app", "wrong")
    assert wrong["status"] == "failed"
    assert wrong["error"].startswith("my_flows.wrong: ValueError `no such greeting`\nTraceback of my_flows.wrong")
    assert wrong["error"].count('File "') == 1


@pytest.mark.usefixtures("deployed")
def test_blueprint_script_runs_as_workflow(ask: Ask, run: Run):
    execution = run("app", "script")
    assert execution["status"] == "terminated", execution["error"]
    assert "hello from a script" in messages(ask, execution)


GROW = """
from cloudify.plugins import lifecycle
from cloudify.workflows import ctx

def count():
    ctx.refresh_node_instances()
    node = ctx.get_node("it")
    return f"{node.number_of_instances} counted, {len(list(node.instances))} there"

modification = ctx.deployment.start_modification({"it": {"instances": 3}})
added = {item for item in modification.added.node_instances if item.modification == "added"}
lifecycle.install_node_instances(ctx.graph_mode(), added)
modification.finish()
ctx.logger.info(count())
ctx.deployment.start_modification({"it": {"instances": 5}}).rollback()
ctx.logger.info(count())
"""


def test_workflow_modifies_number_of_instances(ask: Ask, upload: Upload, run: Run):
    files = {"say.sh": SAY, "flow.py": GROW, "plugins/my-plugin/setup.py": ""}
    assert upload("app", BLUEPRINT, files).json()["state"] == "uploaded"
    assert ask("PUT", "/deployments/app", json={"blueprint_id": "app"}).status_code == 201
    execution = run("app", "script")
    assert execution["status"] == "terminated", execution["error"]
    assert [line for line in messages(ask, execution) if "counted" in line] == ["3 counted, 3 there"] * 2
    (node,) = ask("GET", "/nodes", params={"deployment_id": "app"}).json()["items"]
    assert [int(node[name]) for name in ("number_of_instances", "planned_number_of_instances")] == [3, 3]


def test_plugin_with_cloudify_common_uses_our_workflow_modules(ask: Ask, upload: Upload, run: Run):
    flows = """
from cloudify.decorators import operation
from cloudify.exceptions import NonRecoverableError
from cloudify.only_theirs import WORD

def create(**_): pass

def mine(**kwargs):
    from cloudify.plugins import lifecycle
    from cloudify.state import current_workflow_ctx
    from cloudify.workflows import api, ctx
    from cloudify.workflows.tasks import HandlerResult
    assert current_workflow_ctx.ctx is ctx is kwargs["ctx"]
    lifecycle.install_node_instances(ctx.graph_mode(), set(ctx.node_instances))
    raise NonRecoverableError(WORD)
"""
    state = BUNDLED_CLOUDIFY["cloudify/state.py"] + "current_workflow_ctx = _Current()\n"
    wrong = "raise RuntimeError('this is not to be imported')\n"
    files = {
        **BUNDLED_CLOUDIFY,
        "cloudify/state.py": state,
        "cloudify/plugins/__init__.py": "",
        "cloudify/workflows/x.py": wrong,
    }
    name, content = wheel("cloudify-common", "6.4.2", {**files, "cloudify/workflows/__init__.py": wrong})
    yaml = YAML.format(name="tiny-plugin", version="1.0.0") + "workflows: {mine: tiny.tiny_ops.mine}\n"
    data = package(ops=flows, more_wheels={name: content}, requires=("cloudify-common",), yamls={"plugin.yaml": yaml})
    assert ask("POST", "/plugins", data=data).status_code == 201
    blueprint = (
        "tosca_definitions_version: cloudify_dsl_1_4\n"
        "imports: [cloudify/types/types.yaml, 'plugin:tiny-plugin']\n"
        "node_templates: {it: {type: tiny.Node}}\n"
    )
    assert upload("theirs", blueprint, {}).json()["state"] == "uploaded"
    assert ask("PUT", "/deployments/theirs", json={"blueprint_id": "theirs"}).status_code == 201
    execution = run("theirs", "mine")
    assert execution["error"].startswith("tiny_ops.mine: NonRecoverableError `theirs`")
    assert "Node instance started" in messages(ask, execution)


@pytest.mark.usefixtures("deployed")
def test_killed_workflow_process_ends(ask: Ask, upload: Upload):
    flow = "import time\nfrom cloudify.workflows import ctx\nctx.logger.info('there')\ntime.sleep(1000)\n"
    assert (
        upload("slow", BLUEPRINT, {"say.sh": SAY, "flow.py": flow, "plugins/my-plugin/setup.py": ""}).status_code < 300
    )
    assert ask("PUT", "/deployments/slow", json={"blueprint_id": "slow"}).status_code == 201
    body = {"deployment_id": "slow", "workflow_id": "script"}
    started = ask("POST", "/executions", json=body).json()
    wait_until(lambda: messages(ask, started), lambda found: "there" in found)
    assert ask("POST", f"/executions/{started['id']}", json={"action": "kill"}).status_code == 200
    assert wait_for_end(ask, started["id"])["status"] == "cancelled"

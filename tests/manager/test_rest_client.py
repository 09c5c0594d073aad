"""The REST client of scripts, which acts for the user who started the execution."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Ask
from tests.manager.conftest import Upload

pytestmark = pytest.mark.sqlite

SCRIPT = """
from cloudify import ctx
from cloudify.manager import get_rest_client

client = get_rest_client()
client.sites.create("here", location="1,2")
result = {
    "site": client.sites.get("here").location,
    "mine": [item.id == ctx.instance.id for item in client.node_instances.list(deployment_id=ctx.deployment.id)],
    "user": client.users.get_self().username,
}
try:
    client.sites.get("nowhere")
except Exception as error:
    result["refused"] = [error.status_code, error.error_code]
ctx.returns(result)
"""
BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  web:
    type: cloudify.nodes.Root
    interfaces:
      ops:
        speak: {implementation: speak.py, inputs: {REST_PORT: 'THE_PORT'}}
"""


def test_client_reads_creates_and_raises_errors(
    ask: Ask, upload: Upload, run: Callable[..., dict[str, Any]], port: int
):
    blueprint = BLUEPRINT.replace("THE_PORT", str(port))
    assert upload("app", blueprint, {"speak.py": SCRIPT}).json()["state"] == "uploaded"
    ask("PUT", "/deployments/app", json={"blueprint_id": "app"})
    done = run("app", "execute_operation", parameters={"operation": "ops.speak"})
    assert done["status"] == "terminated", done["error"]
    events = ask("GET", "/events", params={"execution_id": done["id"]}).json()["items"]
    (result,) = [event["message"].partition(" - ")[2] for event in events if "Task succeeded 's" in event["message"]]
    assert json.loads(result.replace("'", '"').replace("True", "true")) == {
        "site": "1,2",
        "mine": [True],
        "user": "admin",
        "refused": [404, "not_found_error"],
    }


NAMES = """
import json, logging
from cloudify import context, ctx
from cloudify.logs import init_cloudify_logger
from cloudify.manager import download_resource, get_node_instance, get_resource, get_rest_client, update_node_instance
from cloudify.state import current_ctx
from cloudify.utils import format_exception, get_tenant, setup_logger
from cloudify_rest_client import CloudifyClient
from cloudify_rest_client.exceptions import CloudifyClientError, ExistingRunningExecutionError
from cloudify_rest_client.client import CloudifyClient as TheSame
from cloudify_rest_client.constants import VisibilityState
from cloudify_rest_client.executions import Execution
client, deployment = get_rest_client(), ctx.deployment.id
assert isinstance(client, CloudifyClient) and CloudifyClient is TheSame and ctx.type == context.NODE_INSTANCE
assert isinstance(ctx, context.CloudifyContext)
assert current_ctx.get_ctx() == ctx and get_tenant()["name"] == "default_tenant"
setup_logger("mine").info("written by a logger of Python's own")
init_cloudify_logger(logging.NullHandler(), "unheard").info("dropped")
deployments = client.deployments.list(_include=["id"])
result = {"deployments": [item.id for item in deployments.items], "total": deployments.metadata.pagination.total}
assert client.deployments.get(deployment_id=deployment).visibility == VisibilityState.TENANT
assert client.node_instances.get(node_instance_id=ctx.instance.id).id == ctx.instance.id
result["node"] = client.nodes.get(deployment, ctx.node.id).type
client.secrets.create("key", "one", update_if_exists=True)
client.secrets.update("key", "two")
result["secret"] = client.secrets.get("key").value
client.deployments.update_labels(deployment, [{"kind": "web"}])
rules = [{"key": "kind", "values": ["web"], "operator": "any_of", "type": "label"}]
result["labelled"] = [item.id for item in client.deployments.list(filter_rules=rules)]
result["outputs"] = client.deployments.outputs.get(deployment).outputs
result["running"] = client.executions.get(ctx.execution_id).status not in Execution.END_STATES
instance = get_node_instance(ctx.instance.id)
instance.runtime_properties["seen"] = instance.version
update_node_instance(instance)
try:
    update_node_instance(instance)
except CloudifyClientError as error:
    result["conflict"] = error.status_code
try:
    client.executions.start(deployment, "install")
except ExistingRunningExecutionError as error:
    result["refused"] = format_exception(error).startswith("400: ")
file = (ctx.blueprint.id, deployment, ctx.tenant_name, "names.py")
result["text"] = get_resource(*file)[:12].decode() + open(download_resource(*file, ctx.logger)).read()[:12]
ctx.returns(json.dumps(result))
"""


OTHER_USER = """
import os
from cloudify import ctx
from cloudify_rest_client import CloudifyClient
from cloudify_rest_client.exceptions import UserUnauthorizedError
address = {"host": "127.0.0.1", "port": int(os.environ["REST_PORT"]), "tenant": "default_tenant"}
client = CloudifyClient(username="ann", password="a long password", **address)
assert [item.id for item in client.blueprints.list()] == ["app"]
for wrong in ({"username": "ann", "password": "guess"}, {}):
    try:
        CloudifyClient(**wrong, **address).blueprints.list()
    except UserUnauthorizedError as error:
        print("refused", error.status_code)
try:
    client.deployments.get("")
except ValueError as error:
    print(error)
"""


def test_client_authenticates_as_another_user(ask: Ask, upload: Upload, run: Callable[..., dict[str, Any]], port: int):
    ask("PUT", "/users", json={"username": "ann", "password": "a long password", "role": "sys_admin"})
    blueprint = BLUEPRINT.replace("THE_PORT", str(port)).replace("speak.py", "other_user.py")
    assert upload("app", blueprint, {"other_user.py": OTHER_USER}).json()["state"] == "uploaded"
    ask("PUT", "/deployments/app", json={"blueprint_id": "app"})
    done = run("app", "execute_operation", parameters={"operation": "ops.speak"})
    assert done["status"] == "terminated", done["error"]
    events = ask("GET", "/events?include_logs=true", params={"execution_id": done["id"]}).json()["items"]
    assert [event["message"] for event in events if event["message"].startswith("<out>")] == [
        "<out> refused 401",
        "<out> refused 401",
        "<out> deployments: the key of a resource cannot be empty.",
    ]


def test_shell_script_calls_rest_api_with_token(ask: Ask, upload: Upload, run, port: int):
    script = """#!/bin/bash
python3 - "$(ctx rest-token)" <<'END'
import sys, urllib.request, os
request = urllib.request.Request("http://127.0.0.1:%s/api/v3.1/user" % os.environ["REST_PORT"])
request.add_header("Authentication-Token", sys.argv[1])
print(urllib.request.urlopen(request).read().decode())
END
"""
    blueprint = BLUEPRINT.replace("THE_PORT", str(port)).replace("speak.py", "speak.sh")
    upload("app", blueprint, {"speak.sh": script})
    ask("PUT", "/deployments/app", json={"blueprint_id": "app"})
    done = run("app", "execute_operation", parameters={"operation": "ops.speak"})
    assert done["status"] == "terminated", done["error"]
    events = ask("GET", "/events?include_logs=true", params={"execution_id": done["id"]}).json()["items"]
    assert any('<out> {"username":"admin"' in event["message"] for event in events)


def test_public_names_can_be_imported_and_used(ask: Ask, upload: Upload, run, port: int):
    blueprint = BLUEPRINT.replace("THE_PORT", str(port)).replace("speak.py", "names.py")
    assert upload("app", blueprint, {"names.py": NAMES}).json()["state"] == "uploaded"
    ask("PUT", "/deployments/app", json={"blueprint_id": "app"})
    done = run("app", "execute_operation", parameters={"operation": "ops.speak"})
    assert done["status"] == "terminated", done["error"]
    events = ask("GET", "/events?include_logs=true", params={"execution_id": done["id"]}).json()["items"]
    (result,) = [event["message"].partition(" - ")[2] for event in events if "Task succeeded 's" in event["message"]]
    assert json.loads(result) == {
        "deployments": ["app"],
        "total": 1,
        "node": "cloudify.nodes.Root",
        "secret": "two",
        "labelled": ["app"],
        "outputs": {},
        "running": True,
        "conflict": 409,
        "refused": True,
        "text": "\nimport json" * 2,
    }
    assert "<out> written by a logger of Python's own" in [event["message"] for event in events]

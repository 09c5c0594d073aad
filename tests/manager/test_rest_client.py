"""Scripts that speak to the manager over its REST API, as whoever started their execution."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Ask
from tests.manager.conftest import Upload

SCRIPT = """
from cloudify import ctx
from cloudify.manager import get_rest_client
client = get_rest_client()
client.sites.create("here", location="1,2")
said = {
    "site": client.sites.get("here").location,
    "mine": [one.id == ctx.instance.id for one in client.node_instances.list(deployment_id=ctx.deployment.id)],
    "user": client.request("GET", "/user")["username"],
}
try:
    client.sites.get("nowhere")
except Exception as error:
    said["refused"] = [error.status_code, error.error_code]
ctx.returns(said)
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


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'manager.db'}"


def test_a_script_speaks_to_its_manager(ask: Ask, upload: Upload, run: Callable[..., dict[str, Any]], port: int):
    blueprint = BLUEPRINT.replace("THE_PORT", str(port))
    assert upload("app", blueprint, {"speak.py": SCRIPT}).json()["state"] == "uploaded"
    ask("PUT", "/deployments/app", json={"blueprint_id": "app"})
    done = run("app", "execute_operation", parameters={"operation": "ops.speak"})
    assert done["status"] == "terminated", done["error"]
    events = ask("GET", "/events", params={"execution_id": done["id"]}).json()["items"]
    (said,) = [event["message"].partition(" - ")[2] for event in events if "Task succeeded 's" in event["message"]]
    assert json.loads(said.replace("'", '"').replace("True", "true")) == {
        "site": "1,2",
        "mine": [True],
        "user": "admin",
        "refused": [404, "not_found_error"],
    }

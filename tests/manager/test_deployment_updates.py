"""Updates of deployments."""

from collections.abc import Callable
from typing import Any

from tests.conftest import Ask
from tests.manager.conftest import Upload, wait_for_end

BEFORE = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs: {color: {type: string, default: red}}
node_types:
  w.Node:
    derived_from: cloudify.nodes.Root
    properties: {color: {default: white}}
    interfaces: {cloudify.interfaces.lifecycle: {create: do.sh, delete: do.sh}}
node_templates:
  db: {type: w.Node}
  app:
    type: w.Node
    properties: {color: {get_input: color}}
    relationships: [{type: cloudify.relationships.connected_to, target: db}]
outputs: {color: {value: {get_input: color}}}
"""
DO = '#!/bin/bash\nctx logger info "$(ctx operation name)"\n'


def update(ask: Ask, deployment: str, **body: Any) -> dict[str, Any]:
    """Start an update, wait for its end and return the record."""
    started = ask("POST", f"/deployment-updates/{deployment}/update/initiate", json=body)
    assert started.status_code == 200, started.text
    wait_for_end(ask, started.json()["execution_id"])
    return dict(ask("GET", f"/deployment-updates/{started.json()['id']}").json())


def instances(ask: Ask) -> dict[str, tuple[str, list[str]]]:
    """Return the state of each instance and the targets of its relationships, by node."""
    items = ask("GET", "/node-instances").json()["items"]
    return {item["node_id"]: (item["state"], [link["target_name"] for link in item["relationships"]]) for item in items}


def test_update_replaces_a_node_and_keeps_the_others(ask: Ask, upload: Upload, run: Callable[..., Any]) -> None:
    for name, text in (("v1", BEFORE), ("v2", BEFORE.replace("db", "cache"))):
        upload(name, text, {"do.sh": DO})
    ask("PUT", "/deployments/d", json={"blueprint_id": "v1", "inputs": {}})
    run("d", "install")
    preview = update(ask, "d", blueprint_id="v2", preview=True)
    assert preview["state"] == "preview"
    assert [(step["action"], step["entity_type"], step["entity_id"][1]) for step in preview["steps"]] == [
        ("remove", "node", "db"),
        ("remove", "relationship", "app"),
        ("add", "relationship", "app"),
        ("add", "node", "cache"),
    ]
    assert instances(ask) == {"app": ("started", ["db"]), "db": ("started", [])}
    assert update(ask, "d", blueprint_id="v2")["state"] == "successful"
    assert instances(ask) == {"app": ("started", ["cache"]), "cache": ("started", [])}

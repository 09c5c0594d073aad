"""A deployment with a component, for tests over HTTP."""

from typing import Any

from tests.conftest import Ask

HEAD = "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml]\n"
PARENT = (
    HEAD
    + """
inputs: {greeting: {default: hi}, suffix: {default: false}}
node_templates:
  comp:
    type: cloudify.nodes.Component
    properties:
      resource_config:
        blueprint: {external_resource: true, id: child}
        deployment: {id: kid, auto_inc_suffix: {get_input: suffix}, inputs: {greeting: {get_input: greeting}, port: 81}}
  after:
    type: cloudify.nodes.Root
    relationships: [{type: cloudify.relationships.connected_to, target: comp}]
outputs:
  port: {value: {get_attribute: [comp, capabilities, port]}}
"""
)


def properties(ask: Ask, node: str, deployment: str = "parent") -> dict[str, Any]:
    items = ask("GET", "/node-instances", params={"deployment_id": deployment, "node_id": node}).json()["items"]
    return items[0]["runtime_properties"]

"""Nodes, and what else may happen to their deployment while they are listed."""

from collections.abc import Callable
from typing import Any

import pytest

from cfy_cli.manager.rest import nodes
from cfy_cli.manager.services.deployments import node_instances
from tests.conftest import Ask
from tests.manager.conftest import wait_until

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_types:
  app.nodes.Web: {derived_from: cloudify.nodes.Root, properties: {size: {}, copy: {}}}
node_templates:
  web: {type: app.nodes.Web, properties: {size: 1, copy: {get_attribute: [web, size]}}}
"""


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("place", "name"), [(node_instances, "count"), (nodes, "_evaluate")], ids=["rows are read", "functions are"]
)
def test_nodes_of_a_deployment_that_is_deleted_are_answered(
    place: object, name: str, ask: Ask, deploy: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    deploy(BLUEPRINT)
    work = getattr(place, name)

    def delete_and_work(*arguments: Any) -> Any:
        if ask("DELETE", "/deployments/parent").ok:
            wait_until(lambda: ask("GET", "/deployments/parent").status_code, lambda status: status == 404)
        return work(*arguments)

    [item] = ask("GET", "/nodes?_evaluate_functions=true").json()["items"]
    assert item["properties"]["copy"] == 1
    monkeypatch.setattr(place, name, delete_and_work)
    answer = ask("GET", "/nodes?_evaluate_functions=true")
    assert answer.status_code == 200, answer.text
    for item in answer.json()["items"]:
        assert (item["id"], item["properties"]["size"]) == ("web", 1)
    assert ask("GET", "/nodes?_evaluate_functions=true").json()["items"] == []

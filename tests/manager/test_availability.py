"""The conditions under which workflows are available, by the states of the node instances."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Ask, Cfy
from tests.manager.conftest import Upload

pytestmark = pytest.mark.sqlite

Run = Callable[..., dict[str, Any]]
RULES = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
workflows:
  needs_all: {mapping: flow.py, availability_rules: {node_instances_active: [all]}}
  needs_partial: {mapping: flow.py, availability_rules: {node_instances_active: [partial]}}
  needs_none: {mapping: flow.py, availability_rules: {node_instances_active: [none]}}
"""
NODES = """
node_templates:
  one: {type: cloudify.nodes.Root}
  two:
    type: cloudify.nodes.Root
    interfaces: {cloudify.interfaces.lifecycle: {start: {implementation: start.sh, max_retries: 0}}}
"""
START = '#!/bin/bash\n[ "$fails" != yes ] || ctx abort-operation no\n'
TYPES = """
tosca_definitions_version: cloudify_dsl_{version}
imports: [cloudify/types/types.yaml]
node_templates: {{}}
"""


def applying(ask: Ask) -> set[str]:
    """Return the words of availability rules that apply to the deployment d."""
    workflows = ask("GET", "/workflows?id=d").json()["items"]
    return {
        workflow["name"].removeprefix("needs_")
        for workflow in workflows
        if workflow["name"].startswith("needs_") and workflow["is_available"]
    }


@pytest.fixture
def create(ask: Ask, upload: Upload) -> Callable[[str], None]:
    def create(blueprint: str) -> None:
        assert upload("b", blueprint, {"flow.py": "", "start.sh": START}).status_code == 201
        assert ask("PUT", "/deployments/d", json={"blueprint_id": "b"}).status_code == 201

    return create


def test_rules_apply_by_states_of_instances(ask: Ask, create: Callable[[str], None], run: Run):
    create(RULES + NODES)
    assert applying(ask) == {"none"}
    fails = {"operation_parms": {"fails": "yes"}, "node_ids": ["two"]}
    assert run("d", "install", parameters={"node_ids": ["one"]})["status"] == "terminated"
    assert applying(ask) == {"partial"}
    assert run("d", "install")["status"] == "terminated"
    assert applying(ask) == {"all"}
    assert run("d", "stop", parameters={"node_ids": ["one"]})["status"] == "terminated"
    assert applying(ask) == {"partial"}
    assert run("d", "stop", parameters={"node_ids": ["two"]})["status"] == "terminated"
    assert applying(ask) == {"none", "partial"}, "what is stopped is not started"
    assert run("d", "start", parameters=fails, force=True)["status"] == "failed"
    assert applying(ask) == {"none", "partial"}
    assert run("d", "uninstall")["status"] == "terminated"
    assert applying(ask) == {"none"}


def test_deployment_without_instances_misses_nothing(ask: Ask, create: Callable[[str], None], run: Run):
    create(RULES)
    assert applying(ask) == {"all", "none"}
    refused = ask("POST", "/executions", json={"deployment_id": "d", "workflow_id": "needs_partial"})
    assert refused.status_code == 400
    assert "some of the node instances are active; now there are none." in refused.json()["hint"]


def test_state_set_over_the_api_changes_availability(ask: Ask, create: Callable[[str], None]):
    create(RULES + NODES)

    def set_states(state: str) -> None:
        for instance in ask("GET", "/node-instances?deployment_id=d").json()["items"]:
            change = {"version": instance["version"], "state": state}
            assert ask("PATCH", f"/node-instances/{instance['id']}", json=change).status_code == 200

    for state, words in (("started", {"all"}), ("stopped", {"none", "partial"}), ("deleted", {"none"})):
        set_states(state)
        assert applying(ask) == words
        installed = "active" if state != "deleted" else "inactive"
        assert ask("GET", "/deployments/d").json()["installation_status"] == installed


@pytest.mark.parametrize("version", ["1_3", "1_4", "1_5"])
def test_workflows_end_well_without_nodes(ask: Ask, create: Callable[[str], None], run: Run, version: str):
    create(TYPES.format(version=version))
    workflows = ask("GET", "/workflows?id=d").json()["items"]
    of_hosts = {item["name"] for item in workflows if (item["availability_rules"] or {}).get("node_types_required")}
    ended = {item["name"]: run("d", item["name"]) for item in workflows if is_complete(item)}
    assert {name for name, execution in ended.items() if execution["status"] != "terminated"} == set(), ended
    assert {"install", "uninstall", "stop", "start", "restart"} <= set(ended)
    assert {item["name"] for item in workflows if not item["is_available"]} == of_hosts


def is_complete(workflow: dict[str, Any]) -> bool:
    """Return whether a workflow can be started without parameters now."""
    plans = workflow["parameters"].values()
    missing = [plan for plan in plans if "default" not in plan and plan.get("required", True)]
    return workflow["is_available"] and not missing and workflow["name"] not in ("scale", "execute_operation")


def test_deployment_without_nodes_is_uninstalled(cfy: Cfy, worker: object, tmp_path: Any):
    (tmp_path / "blueprint.yaml").write_text(TYPES.format(version="1_5"))
    cfy(f"install {tmp_path / 'blueprint.yaml'} -b b -d d")
    assert "Deployment `d` deleted" in cfy("uninstall d")

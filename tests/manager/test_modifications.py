"""Deployment modifications: started, finished and rolled back over the API, and by the workflow `scale`."""

from collections.abc import Callable
from typing import Any

import pytest

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import Execution
from tests.conftest import Ask, Cfy
from tests.manager.conftest import wait_until

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  web: {type: cloudify.nodes.Root}
  app:
    type: cloudify.nodes.Root
    relationships: [{type: cloudify.relationships.connected_to, target: web}]
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: say.sh, inputs: {greeting: hello}, max_retries: 0}
"""


def instances(ask: Ask) -> dict[str, dict[str, Any]]:
    return {item["id"]: item for item in ask("GET", "/node-instances?deployment_id=parent").json()["items"]}


def numbers(ask: Ask, node: str = "app") -> tuple[int, int]:
    [item] = ask("GET", f"/nodes?id={node}").json()["items"]
    return item["number_of_instances"], item["planned_number_of_instances"]


def start(ask: Ask, count: int, **fields: Any) -> Any:
    return ask(
        "POST",
        "/deployment-modifications",
        json={"deployment_id": "parent", "nodes": {"app": {"instances": count, **fields}}},
    )


def run(ask: Ask, workflow: str, status: str, **parameters: Any) -> str:
    body = {"deployment_id": "parent", "workflow_id": workflow, "parameters": parameters}
    execution = str(ask("POST", "/executions", json=body).json()["id"])
    wait_until(lambda: ask("GET", f"/executions/{execution}").json()["status"], lambda found: found == status)
    return execution


def test_modification_adds_then_removes_when_finished(ask: Ask, deploy: Callable[..., None]):
    deploy(BLUEPRINT)
    before = instances(ask)
    added = start(ask, 3)
    assert added.status_code == 201, added.text
    modification = added.json()
    assert (modification["status"], modification["ended_at"]) == ("started", None)
    kinds = modification["node_instances"]
    assert sorted((each["node_id"], each["modification"]) for each in kinds["added_and_related"]) == [
        ("app", "added"),
        ("app", "added"),
    ]
    assert {each["id"] for each in kinds["before_modification"]} == set(before)
    assert (len(instances(ask)), numbers(ask)) == (4, (1, 3))
    again = start(ask, 2)
    assert (again.status_code, again.json()["error_code"]) == (400, "existing_started_deployment_modification_error")
    path = f"/deployment-modifications/{modification['id']}"
    assert ask("POST", f"{path}/finish").json()["status"] == "finished"
    assert numbers(ask) == (3, 3)
    for verb in ("finish", "rollback"):
        ended = ask("POST", f"{path}/{verb}")
        assert ended.status_code == 400
        assert "It is already in finished status" in ended.json()["message"]
    keep = next(iter(before.keys() & {name for name, item in instances(ask).items() if item["node_id"] == "app"}))
    reduced = start(ask, 1, removed_ids_exclude_hint=[keep]).json()
    assert len(instances(ask)) == 4
    ask("POST", f"/deployment-modifications/{reduced['id']}/finish")
    assert (set(instances(ask)), numbers(ask)) == (set(before), (1, 1))
    listed = ask("GET", "/deployment-modifications?deployment_id=parent&_include=status").json()
    assert listed["items"] == [{"status": "finished"}] * 2
    assert ask("DELETE", "/deployments/parent").status_code == 204


def test_rollback_restores_instances_as_they_were(ask: Ask, deploy: Callable[..., None]):
    deploy(BLUEPRINT)
    [app] = [name for name, item in instances(ask).items() if item["node_id"] == "app"]
    assert (
        ask("PATCH", f"/node-instances/{app}", json={"version": 1, "runtime_properties": {"port": 80}}).status_code
        == 200
    )
    before = instances(ask)
    modification = start(ask, 2).json()
    changed = {"version": 1, "runtime_properties": {"port": 81}, "state": "started"}
    assert (
        ask("PATCH", f"/node-instances/{app}?force=true", json=changed).json()["version"] == before[app]["version"] + 1
    )
    ended = ask("POST", f"/deployment-modifications/{modification['id']}/rollback").json()
    assert (ended["status"], len(ended["node_instances"]["before_rollback"])) == ("rolledback", 3)
    after = instances(ask)
    assert {**after[app], "version": 0} == {**before[app], "version": 0}
    assert after[app]["version"] > before[app]["version"]
    assert (set(after), numbers(ask)) == (set(before), (1, 1))


@pytest.mark.sqlite
def test_modification_refuses_what_is_no_change(ask: Ask, deploy: Callable[..., None]):
    deploy(BLUEPRINT)
    for nodes in (
        {},
        {"nosuch": {"instances": 1}},
        {"app": {"instances": -1}},
        {"app": {"instances": 10**6}},
        {"app": {}},
    ):
        refused = ask("POST", "/deployment-modifications", json={"deployment_id": "parent", "nodes": nodes})
        assert refused.status_code == 400, refused.text
    missing = ask("POST", "/deployment-modifications", json={"deployment_id": "x", "nodes": {"app": {"instances": 1}}})
    assert missing.status_code == 404
    assert ask("POST", "/deployment-modifications/nosuch/rollback").status_code == 404
    assert ask("GET", "/deployment-modifications").json()["items"] == []


@pytest.mark.sqlite
def test_scale_records_its_modification(app: AppContext, ask: Ask, deploy: Callable[..., None], cfy: Cfy):
    deploy(BLUEPRINT)
    run(ask, "install", "terminated")
    execution = run(ask, "scale", "terminated", scalable_entity_name="app", delta=1)
    [modification] = ask("GET", "/deployment-modifications").json()["items"]
    assert (modification["status"], modification["context"]["execution_id"]) == ("finished", execution)
    assert modification["modified_nodes"] == {"app": {"instances": 2}}
    before = instances(ask)
    with app.database.write() as session:  # the added instance cannot be created
        from cfy_cli.manager.store.models import Node

        node = session.query(Node).filter_by(id="app").one()
        operations = {**node.operations}
        name = "cloudify.interfaces.lifecycle.create"
        operations[name] = {**operations[name], "inputs": {"script_path": "nosuch.sh"}}
        node.operations = operations
    failed = run(ask, "scale", "failed", scalable_entity_name="app", delta=1, rollback_if_failed=False)
    [left] = ask("GET", "/deployment-modifications?status=started").json()["items"]
    assert left["context"]["execution_id"] == failed
    output = cfy(f"deployments modifications get {left['id']}")
    assert "Added node instances:\n  app_" in output
    with app.database.write() as session:
        session.query(Execution).filter_by(id=failed).update({"status": "started"})
    cfy(f"deployments modifications rollback {left['id']}", code=1)
    assert "is still running" in cfy.errors
    with app.database.write() as session:
        session.query(Execution).filter_by(id=failed).update({"status": "failed"})
    assert "rolledback" in cfy(f"deployments modifications rollback {left['id']}")
    assert (set(instances(ask)), numbers(ask)) == (set(before), (2, 2))
    run(ask, "scale", "terminated", scalable_entity_name="app", delta=-1)
    assert "Showing 3 of 3 deployment modifications" in cfy("deployments modifications list parent")
    cfy("deployments modifications list nosuch", code=3)

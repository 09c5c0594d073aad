"""Deletion of the deployments of a group, which a worker deletes many in one transaction."""

from typing import Any

import pytest
from sqlalchemy import select

from cfy_cli.errors import Conflict
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.worker import deletions
from cfy_cli.manager.store.models import Deployment, Execution, Node, NodeInstance
from tests.conftest import Ask
from tests.manager.conftest import Upload, wait_until
from tests.manager.test_group_environments import wait_for_environments

NAMES = ("a", "b", "c")
OFFERS = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
capabilities: {address: {value: somewhere}}
"""
USES = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates: {n: {type: cloudify.nodes.Root}}
outputs: {address: {value: {get_capability: [offer, address]}}}
"""


def get(ask: Ask, path: str) -> Any:
    return ask("GET", path).json()


@pytest.mark.parametrize("together", [True, False], ids=["together", "alone"])
def test_deployments_of_a_group_go_with_all_they_have(
    ask: Ask, upload: Upload, app: AppContext, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    """Delete members, one of them with a deployment inside; what is around them is told."""
    upload("offers", OFFERS)
    upload("uses", USES)
    for name in ("offer", "above"):
        assert ask("PUT", f"/deployments/{name}", json={"blueprint_id": "offers"}).status_code == 201
    labels = [{"csys-obj-parent": "above"}]
    body = {"blueprint_id": "uses", "labels": labels, "new_deployments": [{"id": name} for name in NAMES]}
    assert ask("PUT", "/deployment-groups/g", json=body).ok
    wait_for_environments(ask, len(NAMES) + 2)
    inside = {"blueprint_id": "offers", "labels": [{"csys-obj-parent": "a"}]}
    assert ask("PUT", "/deployments/inside", json=inside).status_code == 201
    assert get(ask, "/deployments/above")["sub_services_count"] == len(NAMES) + 1
    assert "csys-consumer-id" in {label["key"] for label in get(ask, "/deployments/offer")["labels"]}
    with app.database.read() as session:
        ids = session.scalars(select(Deployment.storage_id).where(Deployment.id.in_(NAMES))).all()
        executions = session.scalars(select(Execution.id).where(Execution.deployment_storage_id.in_(ids))).all()
    folders = [app.files.deployment_folder(storage_id) for storage_id in ids]
    assert all(folder.is_dir() for folder in folders)
    refused = ask("DELETE", "/deployment-groups/g?delete_deployments=true")
    assert refused.json()["message"].endswith("`a` is the parent of deployment inside")
    if not together:
        monkeypatch.setattr(deletions.deployments, "delete_many", _refuse_many(deletions.deployments.delete_many))
    query = "delete_deployments=true&recursive=true&delete_logs=true"
    assert ask("DELETE", f"/deployment-groups/g?{query}").status_code == 204
    wait_until(
        lambda: sorted(each["id"] for each in get(ask, "/deployments?_include=id")["items"]),
        lambda left: left == ["above", "offer"],
    )
    with app.database.read() as session:
        for model in (Node, NodeInstance, Execution):
            rows = select(model.storage_id).where(model.deployment_storage_id.in_(ids))
            assert session.scalar(rows.limit(1)) is None, model
    wait_until(lambda: [folder for folder in folders if folder.exists()], lambda left: not left)
    assert not any(get(ask, f"/events?execution_id={each}")["items"] for each in executions)
    assert get(ask, "/deployments/above")["sub_services_count"] == 0
    assert {
        label["key"] for name in ("above", "offer") for label in get(ask, f"/deployments/{name}")["labels"]
    } == set()
    group = get(ask, "/execution-groups?workflow_id=delete_deployment_environment")["items"][0]
    events = get(ask, f"/events?execution_group_id={group['id']}&_size=100")["items"]
    states = [each["message"].rsplit("'", 2)[1] for each in events]
    assert sorted(states) == ["started"] * len(NAMES) + ["terminated"] * len(NAMES)


def _refuse_many(delete_many: Any) -> Any:
    def refuse(store: object, rows: list[Deployment]) -> None:
        if len(rows) > 1:
            raise Conflict("not together")
        delete_many(store, rows)

    return refuse

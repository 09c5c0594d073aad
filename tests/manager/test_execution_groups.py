"""Execution groups over HTTP: starting, concurrency, queues, status, events, target groups, cancelling, resuming."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cfy_cli.contract.json import JsonObject
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployment_groups import members
from cfy_cli.manager.services.worker import claiming
from cfy_cli.manager.store.models import Blueprint, Deployment, DeploymentGroup
from cfy_cli.manager.store.scope import system_scope
from tests.conftest import Ask

PARAMETERS = {"count": {"default": 1, "type": "integer"}, "name": {"default": "n"}}
WORKFLOWS: JsonObject = {
    "noop": {"operation": "cloudify.plugins.workflows.x", "plugin": "", "parameters": PARAMETERS},
    "installed": {"operation": "x", "plugin": "", "availability_rules": {"node_instances_active": ["partial"]}},
}
OWNER = {"tenant_name": "default_tenant", "visibility": "tenant", "created_by": "admin"}
Group = JsonObject


@pytest.fixture
def deployments(app: AppContext) -> Sequence[str]:
    """Five deployments in the group g, and empty groups good and bad."""
    names = [f"d{n}" for n in range(5)]
    with app.writing(system_scope("default_tenant")) as store:
        blueprint = store.add(Blueprint(id="b", state="uploaded", **OWNER))
        rows = [
            store.add(
                Deployment(
                    id=name,
                    display_name=name,
                    blueprint_storage_id=blueprint.storage_id,
                    blueprint_id="b",
                    workflow_definitions=WORKFLOWS,
                    **OWNER,
                )
            )
            for name in names
        ]
        groups = [store.add(DeploymentGroup(id=name, **OWNER)) for name in ("g", "good", "bad")]
        members.add(store, groups[0], [row.storage_id for row in rows])
    return names


@pytest.fixture
def start(ask: Ask, deployments: Sequence[str]) -> Callable[..., Group]:
    def start(workflow: str = "noop", *, code: int = 200, **body: object) -> Group:
        answer = ask("POST", "/execution-groups", json={"deployment_group_id": "g", "workflow_id": workflow, **body})
        assert answer.status_code == code, answer.text
        return dict(answer.json())

    return start


def claim(app: AppContext, limit: int = 4, worker: str = "w") -> list[str]:
    """Return the deployments whose executions a worker starts now."""
    return [str(execution.deployment_id) for execution, _ in claiming.claim(app, worker, limit)]


def end(ask: Ask, group: Group, deployment: str, status: str = "terminated", **body: Any) -> None:
    [execution] = ask("GET", f"/executions?_group_id={group['id']}&deployment_id={deployment}").json()["items"]
    ask("PATCH", f"/executions/{execution['id']}", json={"status": status, **body})


def status(ask: Ask, group: Group) -> object:
    return ask("GET", f"/execution-groups/{group['id']}").json()["status"]


def test_concurrency_is_kept_by_all_workers(app: AppContext, ask: Ask, start: Callable[..., Group]):
    group = start(concurrency=2)
    assert (group["status"], group["concurrency"], len(group["execution_ids"])) == ("queued", 2, 5)  # type: ignore[arg-type]
    assert claim(app, 1, "v") == ["d0"]
    assert claim(app) == ["d1"]
    assert claim(app) == claim(app, 4, "v") == []
    assert status(ask, group) == "started"
    end(ask, group, "d0")
    assert claim(app, 4, "v") == ["d2"]
    ask("PATCH", f"/execution-groups/{group['id']}", json={"concurrency": 0})
    end(ask, group, "d1")
    end(ask, group, "d2", "failed", error="no luck")
    assert claim(app) == []
    ask("PATCH", f"/execution-groups/{group['id']}", json={"concurrency": 9})
    assert claim(app) == ["d3", "d4"]
    for name in ("d3", "d4"):
        end(ask, group, name)
    assert status(ask, group) == "failed"

"""Execution groups over HTTP: starting, concurrency, queues, status, events, target groups, cancelling, resuming."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cfy_cli.contract.json import JsonObject
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployment_groups import members
from cfy_cli.manager.services.executions import exclusive_workflows
from cfy_cli.manager.services.worker import claiming
from cfy_cli.manager.store.models import Blueprint, Deployment, DeploymentGroup
from cfy_cli.manager.store.scope import system_scope
from tests.conftest import Ask
from tests.manager.members import As, as_member

__all__ = ["as_member"]
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


def test_deployments_run_one_execution_in_their_order(app: AppContext, ask: Ask, start: Callable[..., Group]):
    first = start(concurrency=2)
    assert claim(app) == ["d0", "d1"]
    second = start(concurrency=5)  # behind the first one on every deployment
    assert claim(app) == []
    single = {"deployment_id": "d0", "workflow_id": "noop", "queue": True}
    queued = ask("POST", "/executions", json=single).json()
    assert queued["status"] == "queued"
    end(ask, first, "d0")
    assert claim(app, 1) == ["d2"]
    assert claim(app, 1) == ["d0"]  # of the second group
    end(ask, second, "d0")
    assert ask("GET", f"/executions/{queued['id']}").json()["status"] == "pending"
    ask("PATCH", f"/execution-groups/{first['id']}", json={"concurrency": 0})  # lets others pass
    assert claim(app) == ["d0", "d3", "d4"]
    assert status(ask, second) == "started"
    forced = start(concurrency=5, force=True)
    assert claim(app, 9) == ["d0", "d1", "d2", "d3"]
    assert claim(app, 9) == ["d4"]
    assert status(ask, forced) == "started"


def test_paused_group_releases_what_waits_behind_it(app: AppContext, ask: Ask, start: Callable[..., Group]):
    single = {"deployment_id": "d0", "workflow_id": "noop", "queue": True}
    running = ask("POST", "/executions", json=single).json()["id"]
    group = start(concurrency=5)
    behind = ask("POST", "/executions", json=single).json()["id"]
    ask("PATCH", f"/executions/{running}", json={"status": "terminated"})
    assert ask("GET", f"/executions/{behind}").json()["status"] == "queued"
    ask("PATCH", f"/execution-groups/{group['id']}", json={"concurrency": 0})
    assert ask("GET", f"/executions/{behind}").json()["status"] == "pending"


def test_exclusive_execution_goes_before_what_is_queued(app: AppContext, ask: Ask, start: Callable[..., Group]):
    group = start(concurrency=1)
    assert claim(app) == ["d0"]
    with app.writing(system_scope("default_tenant")) as store:
        alone = exclusive_workflows.start(store, "create_snapshot", {}, queue=True).id
    end(ask, group, "d0")
    assert [execution.id for execution, _ in claiming.claim(app, "w", 4)] == [alone]
    assert claim(app) == []
    ask("PATCH", f"/executions/{alone}", json={"status": "terminated"})
    assert claim(app) == ["d1"]


def test_states_of_members_are_events_of_the_group(app: AppContext, ask: Ask, start: Callable[..., Group]):
    group, other = start(concurrency=2), start(concurrency=0)
    claim(app)
    end(ask, group, "d0")
    end(ask, group, "d1", "failed", error="no luck")
    events = ask("GET", f"/events?execution_group_id={group['id']}").json()["items"]
    ids = group["execution_ids"]
    assert [event["message"] for event in events] == [
        f"execution '{ids[0]}' changed state to 'terminated'",  # type: ignore[index]
        f"execution '{ids[1]}' changed state to 'failed' with error 'no luck'",  # type: ignore[index]
    ]
    for event in events:
        assert (event["event_type"], event["execution_group_id"]) == ("execution_state_change", group["id"])
        assert event["execution_id"] is event["deployment_id"] is event["workflow_id"] is None
    for query in ("_group_id", "execution_group_id"):
        listed = ask("GET", f"/executions?{query}={group['id']}&_include=id").json()["items"]
        assert [item["id"] for item in listed] == ids
    counted = ask("GET", f"/summary/executions?_target_field=status&execution_group_id={group['id']}").json()["items"]
    assert {item["status"]: item["executions"] for item in counted} == {"failed": 1, "queued": 3, "terminated": 1}
    items = ask("GET", "/execution-groups?deployment_group_id=g&_sort=-created_at").json()["items"]
    assert [(item["id"], item["status"]) for item in items] == [(other["id"], "queued"), (group["id"], "started")]
    assert ask("GET", "/execution-groups?status=started&_include=id").json()["items"] == [{"id": group["id"]}]


def test_members_join_the_group_of_their_result(app: AppContext, ask: Ask, start: Callable[..., Group]):
    group = start()
    claim(app, 9)
    path = f"/execution-groups/{group['id']}"
    end(ask, group, "d0")
    ask("PUT", "/deployment-groups/good", json={"labels": [{"team": "core"}]})
    for key in ("success_group_id", "failure_group_id"):
        assert ask("PATCH", path, json={key: "nogroup"}).status_code == 404
    assert ask("PATCH", path, json={"success_group_id": "good", "failure_group_id": "bad"}).status_code == 200
    end(ask, group, "d1")
    end(ask, group, "d2", "failed")
    ask("POST", path, json={"action": "kill"})
    end(ask, group, "d3", "cancelled")
    joined = {name: ask("GET", f"/deployment-groups/{name}").json()["deployment_ids"] for name in ("good", "bad")}
    assert joined == {"good": ["d0", "d1"], "bad": ["d2"]}
    assert ask("GET", "/deployments/d1").json()["labels"][0]["value"] == "core"
    assert status(ask, group) == "failed"
    ask("DELETE", "/deployment-groups/good")
    ask("PUT", "/deployment-groups/good", json={})  # another one
    ask("POST", path, json={"action": "resume"})
    claim(app, 9)
    end(ask, group, "d2")
    last = ask("GET", f"/events?execution_group_id={group['id']}&_sort=-reported_timestamp&_size=2").json()["items"]
    assert any("joins no group: the deployment group 'good' is deleted" in event["message"] for event in last)
    assert ask("GET", "/deployment-groups/good").json()["deployment_ids"] == []


def test_group_is_cancelled_and_resumed(app: AppContext, ask: Ask, start: Callable[..., Group]):
    group = start(concurrency=2)
    path = f"/execution-groups/{group['id']}"
    claim(app)
    end(ask, group, "d0")
    assert ask("POST", path, json={"action": "cancel"}).json()["status"] == "started"
    executions = ask("GET", f"/executions?_group_id={group['id']}").json()["items"]
    states = Counter(execution["status"] for execution in executions)
    assert states == {"terminated": 1, "cancelling": 1, "cancelled": 3}
    assert ask("GET", "/deployments/d3").json()["deployment_status"] == "requires_attention"
    assert ask("POST", path, json={"action": "kill"}).status_code == 200
    end(ask, group, "d1", "cancelled")
    assert status(ask, group) == "terminated"
    assert claim(app) == []
    resumed = ask("POST", path, json={"action": "force-resume"}).json()
    assert (resumed["status"], len(resumed["execution_ids"])) == ("started", 5)
    assert claim(app) == ["d1", "d2"]
    executions = ask("GET", f"/executions?_group_id={group['id']}&deployment_id=d4").json()["items"]
    assert [(each["status"], each["ended_at"], each["resume"]) for each in executions] == [("queued", None, True)]
    assert ask("POST", path, json={"action": "stop"}).json()["message"] == (
        "Invalid action: stop, Valid action values are: ['cancel', 'force-cancel', 'kill', 'resume', 'force-resume']"
    )


def test_wrong_group_leaves_nothing_behind(app: AppContext, ask: Ask, start: Callable[..., Group]):
    assert start(code=404, deployment_group_id="nogroup")["error_code"] == "not_found_error"
    assert start("x", code=400)["error_code"] == "nonexistent_workflow_error"
    unavailable = start("installed", code=400)
    assert (unavailable["error_code"], unavailable["message"]) == (
        "unavailable_workflow_error",
        "Workflow not available: installed",
    )
    for wrong in (-1, 1.5, "x", True, 2**31):
        message = start(code=400, concurrency=wrong)["message"]
        assert message == f"concurrency must be a nonnegative number, but got: {wrong}"
    wrong_values = start(code=400, default_parameters={"count": 2}, parameters={"d3": {"count": "many"}})
    assert wrong_values["error_code"] == "illegal_execution_parameters_error"
    assert "d3" in str(wrong_values["hint"])
    assert ask("GET", "/execution-groups").json()["items"] == []
    assert ask("GET", "/executions").json()["items"] == []
    assert start(deployment_group_id="good")["status"] is None
    group = start(default_parameters={"count": 2}, parameters={"d3": {"count": 3}, "nobody": {"x": 1}})
    executions = ask("GET", f"/executions?_group_id={group['id']}").json()["items"]
    assert [each["parameters"]["count"] for each in executions] == [2, 2, 2, 3, 2]


@pytest.mark.parametrize(
    ("permission", "method", "body"),
    [
        ("execution_start", "POST", {"deployment_group_id": "g", "workflow_id": "noop"}),
        ("deployment_update_create", "POST", {"deployment_group_id": "g", "workflow_id": "csys_update_deployment"}),
        ("deployment_group_update", "PATCH", {"success_group_id": "good"}),
        ("deployment_group_update", "PATCH", {"failure_group_id": "bad"}),
        ("execution_start", "POST", {"action": "resume"}),
    ],
)
@pytest.mark.sqlite
def test_group_does_nothing_that_its_user_may_not_do_alone(
    ask: Ask, as_member: As, start: Callable[..., Group], permission: str, method: str, body: dict[str, str]
):
    path = "/execution-groups" if "workflow_id" in body else f"/execution-groups/{start()['id']}"
    alice = as_member("alice")
    assert ask("DELETE", f"/permissions/user/{permission}").status_code == 204
    answer = alice(method, path, json=body)
    assert (answer.status_code, f"`{permission}`" in answer.text) == (403, True), answer.text


def test_private_deployments_of_others_are_left_alone(
    app: AppContext, ask: Ask, as_member: As, start: Callable[..., Group]
):
    with app.writing(system_scope("default_tenant")) as store:
        private = store.get(Deployment, "d4")
        private.visibility, private.created_by = "private", "alice"
    body = {"deployment_group_id": "g", "workflow_id": "noop"}
    assert as_member("vera")("POST", "/execution-groups", json=body).status_code == 403
    bob = as_member("bob")
    assert len(bob("POST", "/execution-groups", json=body).json()["execution_ids"]) == 4
    group = start()
    path = f"/execution-groups/{group['id']}"
    assert bob("GET", path).json()["execution_ids"] == group["execution_ids"][:4]  # type: ignore[index]
    bob("POST", path, json={"action": "cancel"})
    executions = ask("GET", f"/executions?_group_id={group['id']}").json()["items"]
    assert [execution["status"] for execution in executions] == [*["cancelled"] * 4, "queued"]
    assert [*claim(app), *claim(app)][-1] == "d4"

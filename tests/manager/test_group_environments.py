"""Environments of a group's new deployments, which a worker makes many in one transaction."""

from collections.abc import Callable
from typing import Any

import pytest

from cfy_cli.contract.states import ENDED
from cfy_cli.manager.services.worker import environment_batches, environments
from tests.conftest import Ask
from tests.manager.conftest import HELLO, Upload, wait_until

GROUPED = HELLO + "deployment_settings: {default_groups: [made, also]}\nlabels: {tier: {values: [front]}}\n"


@pytest.fixture
def make(ask: Ask, upload: Upload) -> Callable[..., dict[str, dict[str, Any]]]:
    """Make deployments `a`, `b`... in the group `g`; the executions by deployment, when all have ended."""

    def make(count: int, blueprint: str = HELLO, **group: object) -> dict[str, dict[str, Any]]:
        upload("app", blueprint)
        new = [{"id": name} for name in "abcdefgh"[:count]]
        answer = ask("PUT", "/deployment-groups/g", json={"blueprint_id": "app", "new_deployments": new, **group})
        assert answer.status_code == 200, answer.text
        return wait_for_environments(ask, count)

    return make


def wait_for_environments(ask: Ask, count: int) -> dict[str, dict[str, Any]]:
    path = "/executions?workflow_id=create_deployment_environment"
    done = wait_until(
        lambda: ask("GET", path).json()["items"],
        lambda items: len(items) == count and all(item["status"] in ENDED for item in items),
    )
    return {item["deployment_id"]: item for item in done}


def test_environments_made_together_are_as_those_made_alone(
    ask: Ask, make: Callable[..., dict[str, dict[str, Any]]]
) -> None:
    executions = make(3, GROUPED, default_inputs={"port": 81})
    assert {each["status"] for each in executions.values()} == {"terminated"}
    ask("PUT", "/deployments/alone", json={"blueprint_id": "app", "inputs": {"port": 81}})
    ignored = ("id", "display_name", "created_at", "updated_at", "create_execution", "latest_execution", "labels")
    alone, together = (ask("GET", f"/deployments/{name}").json() for name in ("alone", "b"))
    assert together.pop("deployment_groups") == ["also", "g", "made"]
    assert alone.pop("deployment_groups") == ["also", "made"]
    for each in (alone, together):
        assert {(label["key"], label["value"]) for label in each["labels"]} == {("tier", "front")}
        for name in ignored:
            del each[name]
        for workflow in each["workflows"]:
            del workflow["created_at"]
    assert together == alone
    for path in ("nodes", "node-instances"):
        counts = [
            ask("GET", f"/{path}?deployment_id={name}&_include=deployment_id").json()["metadata"]["pagination"]["total"]
            for name in ("alone", "a")
        ]
        assert counts == [1, 1]
    messages = [
        [event["message"] for event in ask("GET", f"/events?execution_id={execution}").json()["items"]]
        for execution in (executions["b"]["id"], ask("GET", "/deployments/alone").json()["create_execution"])
    ]
    assert messages[0] == messages[1]
    [group] = ask("GET", "/execution-groups").json()["items"]
    changes = ask("GET", f"/events?execution_group_id={group['id']}").json()["items"]
    assert sorted(event["message"].rpartition(" ")[2] for event in changes) == ["'started'"] * 3 + ["'terminated'"] * 3
    assert (group["status"], group["concurrency"], len(group["execution_ids"])) == ("terminated", 10, 3)
    assert set(ask("GET", "/deployment-groups/made").json()["deployment_ids"]) == {"a", "b", "c", "alone"}


def test_environment_that_fails_does_not_stop_the_others(
    ask: Ask, make: Callable[..., dict[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One fails alone in its preparation; later, the transaction of all is refused, and each is made alone."""
    prepare = environment_batches.prepare_environment

    def fail_for_b(context: Any, deployment: Any, plan: Any) -> Any:
        if deployment.id == "b":
            raise ValueError("b is special")
        return prepare(context, deployment, plan)

    monkeypatch.setattr(environment_batches, "prepare_environment", fail_for_b)
    monkeypatch.setattr(
        "cfy_cli.manager.services.system_workflows.deployment_environment.prepare_environment", fail_for_b
    )
    executions = make(3)
    assert {name: each["status"] for name, each in executions.items()} == {
        "a": "terminated", "b": "failed", "c": "terminated"
    }  # fmt: skip
    assert "b is special" in executions["b"]["error"]
    assert ask("GET", "/deployment-groups/g").json()["deployment_ids"] == ["a", "b", "c"]

    def refuse(*_: object) -> None:
        raise ValueError("not together")

    monkeypatch.setattr(environment_batches, "store_prepared", refuse)
    ask("PATCH", "/deployment-groups/g", json={"add": {"new_deployments": [{"id": "d"}, {"id": "e"}]}})
    executions = wait_for_environments(ask, 5)
    assert {executions[name]["status"] for name in "de"} == {"terminated"}


def test_environments_join_the_success_group_and_count_above(
    ask: Ask, make: Callable[..., dict[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    make(1, labels=[{"csys-obj-type": "environment"}])
    ask("PUT", "/deployment-groups/good", json={})
    find = environments.group_queues.find_together
    monkeypatch.setattr(environments.group_queues, "find_together", lambda *_: [])
    new = [{"id": name, "labels": [{"csys-obj-parent": "a"}]} for name in ("x", "y")]
    ask("PUT", "/deployment-groups/h", json={"blueprint_id": "app", "new_deployments": new})
    waiting = ask("GET", "/execution-groups?deployment_group_id=h").json()["items"][0]
    assert ask("GET", "/deployments/a").json()["sub_services_status"] == "in_progress"
    ask("PATCH", f"/execution-groups/{waiting['id']}", json={"success_group_id": "good"})
    ask("POST", f"/executions/{ask('GET', '/deployments/y').json()['create_execution']}", json={"action": "cancel"})
    monkeypatch.setattr(environments.group_queues, "find_together", find)
    ended = wait_for_environments(ask, 3)
    assert {name: ended[name]["status"] for name in "xy"} == {"x": "terminated", "y": "cancelled"}
    assert ask("GET", "/deployment-groups/good").json()["deployment_ids"] == ["x"]
    assert ask("GET", "/deployments/a").json()["sub_services_status"] == "requires_attention"


def test_capabilities_of_a_group_are_those_of_its_deployments(
    ask: Ask, make: Callable[..., dict[str, dict[str, Any]]]
) -> None:
    make(2, default_inputs={"port": 81})
    payload = {"all": {"get_group_capability": ["g", "port"]}, "of_b": {"get_group_capability": ["g", "port", "b"]}}
    body = {"deployment_id": "a", "context": {}, "payload": payload}
    answer = ask("POST", "/evaluate/functions", json=body).json()["payload"]
    assert answer == {"all": {"a": 81, "b": 81}, "of_b": 81}
    body["payload"] = {"x": {"get_group_capability": ["nosuch", "port"]}}
    assert "deployment group `nosuch` was not found" in ask("POST", "/evaluate/functions", json=body).json()["message"]


def test_group_is_deleted_with_all_its_deployments(ask: Ask, make: Callable[..., dict[str, dict[str, Any]]]) -> None:
    make(4)
    assert ask("DELETE", "/deployment-groups/g?delete_deployments=true&delete_logs=true").status_code == 204
    assert ask("GET", "/deployment-groups/g").status_code == 404
    wait_until(lambda: ask("GET", "/deployments").json()["items"], lambda items: not items)
    assert ask("DELETE", "/blueprints/app").status_code == 204

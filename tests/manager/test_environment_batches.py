"""Environments of deployments that are created at the same time: a worker makes those that it has claimed together."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cfy_cli.contract.states import ENDED
from cfy_cli.manager import worker
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.worker import claiming, environment_batches
from cfy_cli.manager.store.models import Execution
from tests.conftest import PASSWORD, Ask
from tests.manager.conftest import HELLO, Upload, wait_until

INSIDE_ANOTHER = HELLO + "labels: {csys-obj-parent: {values: [missing]}}\n"
Create = Callable[..., dict[str, dict[str, Any]]]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many environments each transaction has made."""
    counts = list[int]()
    complete = environment_batches._complete

    def record(prepared: Sequence[environment_batches.Prepared]) -> None:
        complete(prepared)
        counts.append(len(prepared))

    monkeypatch.setattr(environment_batches, "_complete", record)
    monkeypatch.setattr(environment_batches, "MAX_PREPARATION", 60.0)  # on a machine that has much to do
    return counts


@pytest.fixture
def create(ask: Ask, upload: Upload, monkeypatch: pytest.MonkeyPatch) -> Create:
    """Create deployments, given by their blueprints, before the worker claims one; return their executions."""

    def create(blueprints: dict[str, str], before: Callable[[], None] = lambda: None, count: int = 0) -> Any:
        find_work = claiming.find_work
        monkeypatch.setattr(worker, "find_work", lambda *_, **__: claiming.Work(False, False, False))
        for name, blueprint in blueprints.items():
            path = f"/deployments/{name}?async_create=true"
            answer = ask("PUT", path, json={"blueprint_id": blueprint, "inputs": {"port": 81}})
            assert answer.status_code == 201, answer.text
        before()
        monkeypatch.setattr(worker, "find_work", find_work)
        done = wait_until(
            lambda: ask("GET", "/executions?workflow_id=create_deployment_environment").json()["items"],
            lambda items: sum(item["status"] in ENDED for item in items) >= (count or len(blueprints)),
        )
        return {item["deployment_id"]: item for item in done}

    return create


@pytest.fixture
def member(ask: Ask) -> str:
    ask("PUT", "/users", json={"username": "dana", "password": PASSWORD, "role": "default"})
    ask("PUT", "/tenants/users", json={"tenant_name": "default_tenant", "username": "dana", "role": "user"})
    return "dana"


def test_environments_claimed_together_are_whole(ask: Ask, upload: Upload, create: Create, made: list[int]) -> None:
    upload("app")
    executions = create({"a": "app", "b": "app", "c": "app"})
    assert made == [3]
    for name in "abc":
        execution = executions[name]
        assert (execution["status"], execution["error"]) == ("terminated", "")
        assert execution["created_at"] <= execution["started_at"] <= execution["ended_at"]
        deployment = ask("GET", f"/deployments/{name}").json()
        assert deployment["installation_status"] == "inactive"
        assert deployment["latest_execution_status"] == "completed"
        [node] = ask("GET", f"/nodes?deployment_id={name}").json()["items"]
        [instance] = ask("GET", f"/node-instances?deployment_id={name}").json()["items"]
        assert (node["number_of_instances"], instance["state"]) == (1, "uninitialized")
        events = ask("GET", f"/events?execution_id={execution['id']}").json()["items"]
        assert [event["message"] for event in events] == [
            "Starting 'create_deployment_environment' workflow execution",
            "'create_deployment_environment' workflow execution succeeded",
        ]
        records = ask("GET", f"/audit?execution_id={execution['id']}").json()["items"]
        changed = {(record["ref_table"], record["ref_identifier"].get("id")) for record in records}
        assert changed == {("deployments", name), ("executions", execution["id"])}


def test_one_that_fails_does_so_alone(ask: Ask, upload: Upload, create: Create, made: list[int]) -> None:
    upload("app")
    upload("inside", INSIDE_ANOTHER)
    executions = create({"a": "app", "b": "inside", "c": "app"})
    assert made == []
    assert {name: each["status"] for name, each in executions.items()} == {
        "a": "terminated", "b": "failed", "c": "terminated"
    }  # fmt: skip
    assert "missing" in executions["b"]["error"]
    assert ask("GET", "/nodes?deployment_id=b").json()["items"] == []


def test_those_of_other_users_are_made_apart(
    ask: Ask, upload: Upload, create: Create, made: list[int], member: str
) -> None:
    """One user loses the right before the worker has claimed the executions."""
    upload("app")

    def take_right() -> None:
        body = {"blueprint_id": "app", "inputs": {"port": 81}}
        assert ask("PUT", "/deployments/d?async_create=true", json=body, user=member).status_code == 201
        ask("DELETE", "/tenants/users", json={"tenant_name": "default_tenant", "username": member})

    executions = create({"a": "app", "b": "app"}, take_right, count=3)
    assert made == [2]
    assert {name: each["status"] for name, each in executions.items()} == {
        "a": "terminated", "b": "terminated", "d": "failed"
    }  # fmt: skip
    assert "`dana`, who started or resumed the execution, is no member" in executions["d"]["error"]


def test_execution_cancelled_before_the_end_stops_none(
    ask: Ask, upload: Upload, create: Create, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client ends one of three while they are prepared: its end stays, and the others are made."""
    upload("app")
    prepare = environment_batches.prepare_environment

    def end_one(context: Any, deployment: Any, plan: Any) -> Any:
        if deployment.id == "b":
            ask("PATCH", f"/executions/{context.execution.id}", json={"status": "failed", "error": "enough"})
        return prepare(context, deployment, plan)

    monkeypatch.setattr(environment_batches, "prepare_environment", end_one)
    executions = create({"a": "app", "b": "app", "c": "app"})
    assert {name: each["status"] for name, each in executions.items()} == {
        "a": "terminated", "b": "failed", "c": "terminated"
    }  # fmt: skip
    assert executions["b"]["error"] == "enough"


def test_execution_that_another_worker_has_is_left_to_it(
    app: AppContext, ask: Ask, upload: Upload, create: Create, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other worker claims it while it is prepared with others, which are then made alone."""
    upload("app")
    prepare = environment_batches.prepare_environment

    def lose_one(context: Any, deployment: Any, plan: Any) -> Any:
        if deployment.id == "b":
            with app.database.write() as session:
                session.get_one(Execution, context.execution.storage_id).claim += 1
        return prepare(context, deployment, plan)

    monkeypatch.setattr(environment_batches, "prepare_environment", lose_one)
    executions = create({"a": "app", "b": "app", "c": "app"}, count=2)
    assert made == []
    assert (executions["a"]["status"], executions["c"]["status"]) == ("terminated", "terminated")
    if not app.database.is_sqlite:  # whose workers are on one machine, and recovered when they have exited
        assert executions["b"]["status"] == "started"
        assert ask("GET", "/nodes?deployment_id=b").json()["items"] == []


def test_what_waits_for_them_is_released(ask: Ask, upload: Upload, create: Create) -> None:
    """A snapshot that is queued behind them starts when they have ended."""
    upload("app")

    def queue() -> None:
        assert ask("PUT", "/snapshots/s", json={"queue": True}).status_code == 201

    create({"a": "app", "b": "app"}, queue)
    wait_until(lambda: ask("GET", "/snapshots/s").json()["status"], lambda status: status == "created")

"""DELETE /executions: what has ended goes, with all that belongs to it; what runs or is needed stays."""

import json
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.executions import deletion
from cfy_cli.manager.store.models import Deployment, Event, Execution, Operation, TasksGraph
from cfy_cli.manager.worker import Worker
from tests.conftest import Ask, Cfy
from tests.manager.conftest import Upload
from tests.manager.members import As, as_member

__all__ = ["as_member"]
STATES = ("terminated", "failed", "cancelled", "started", "queued", "scheduled", "cancelling", "terminated")


@pytest.fixture
def history(app: AppContext, ask: Ask, upload: Upload, worker: Worker) -> list[str]:
    """Executions of a deployment, each with a graph, an operation, an event and a log; the first created it."""
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    worker.stop()  # so that it leaves the others alone
    with app.database.write() as session:
        first = session.scalars(select(Execution).where(Execution.deployment_id == "d")).one()
        first.created_at = "2020-01-01T00:00:00.000Z"
        shared = {"tenant_name": "default_tenant", "visibility": "tenant", "created_by": "admin", "owned_by": "admin"}
        ids = [first.id]
        for number, status in enumerate(STATES):
            ids.append(f"e{number}")
            created = f"2026-01-0{number + 1}T12:00:00.000Z"
            of_deployment = {"deployment_id": "d", "deployment_storage_id": first.deployment_storage_id}
            session.execute(insert(Execution).values(
                id=ids[-1], workflow_id="install", status=status, created_at=created, **shared, **of_deployment
            ))  # fmt: skip
            session.execute(insert(TasksGraph).values(id=f"g{number}", name="g", execution_id=ids[-1], **shared))
            operation = {"id": f"o{number}", "tasks_graph_id": f"g{number}", "name": "o", "type": "t"}
            session.execute(insert(Operation).values(**operation, **shared))
            for kind in ("cloudify_event", "cloudify_log"):
                event = {"type": kind, "execution_id": ids[-1], "message": "x", "deployment_id": "d"}
                session.execute(insert(Event).values(**event, **shared))
        session.execute(update(Deployment).values(latest_execution=ids[-1]))
    return ids


def remaining(ask: Ask) -> list[str]:
    params = {"deployment_id": "d", "_sort": "created_at", "_include": "id"}
    return [item["id"] for item in ask("GET", "/executions", params=params).json()["items"]]


def delete(ask: Ask, params: dict[str, Any] | None = None, **body: Any) -> int:
    answer = ask("DELETE", "/executions", params={"deployment_id": "d", **(params or {})}, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["metadata"] == {"pagination": {}}
    return int(answer.json()["items"][0]["count"])


def test_ended_executions_go_with_all_that_belongs_to_them(
    app: AppContext, ask: Ask, history: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(deletion, "EXECUTIONS_BATCH", 2)
    monkeypatch.setattr(deletion, "EVENTS_BATCH", 1)
    first, *running = history[0], "e3", "e4", "e5", "e6"
    assert delete(ask, keep_last=1) == 3
    assert remaining(ask) == [first, *running, "e7"]
    assert ask("GET", "/deployments/d").json()["latest_execution"] == "e7"
    assert delete(ask, to_datetime="2026-01-08T12:00:00") == 1
    assert delete(ask, keep_days=1) == delete(ask, to_datetime="2100-01-01T00:00:00Z") == 0
    assert remaining(ask) == [first, *running]
    assert ask("GET", "/deployments/d").json()["latest_execution"] == "e6"
    with app.database.read() as session:
        assert session.scalars(select(TasksGraph.execution_id).order_by(TasksGraph.id)).all() == running
        assert session.scalar(select(func.count()).select_from(Operation).where(Operation.name == "o")) == 4
        events = session.scalars(select(Event.execution_id).where(Event.message == "x").order_by(Event.execution_id))
        assert events.all() == [each for each in running for _ in range(2)]


@pytest.mark.sqlite
def test_filters_and_tenants_limit_what_is_deleted(app: AppContext, as_member: As, history: list[str], ask: Ask):
    assert delete(ask, {"status": "failed"}, keep_last=1) == 0
    assert delete(ask, {"status": ["failed", "cancelled"]}, keep_last=1) == 1
    assert remaining(ask) == [each for each in history if each != "e1"]
    assert delete(ask, {"workflow_id": "heal"}, to_datetime="2100-01-01") == 0
    with app.database.write() as session:
        session.execute(update(Execution).where(Execution.id == "e7").values(visibility="global"))
        session.execute(update(Execution).where(Execution.id == "e2").values(visibility="private"))
    for params in ({}, {"_all_tenants": "true"}):
        carol = as_member("carol")("DELETE", "/executions", params=params, json={"to_datetime": "2100-01-01"})
        assert carol.json()["items"] == [{"count": 0}]
    bob = as_member("bob")("DELETE", "/executions", json={"to_datetime": "2100-01-01"}, params={"deployment_id": "d"})
    assert bob.json()["items"] == [{"count": 2}], "the private one is not his"
    assert "e2" in remaining(ask)
    assert as_member("vera")("DELETE", "/executions", json={"keep_last": 1}).status_code == 403


@pytest.mark.sqlite
def test_deletion_that_does_not_say_what_to_keep_is_refused(ask: Ask, history: list[str], cfy: Cfy):
    for params, body in (
        ({}, {}), ({}, {"keep_last": 1, "to_datetime": "2100-01-01"}), ({}, {"keep_last": 0}), ({}, {"keep_last": -1}),
        ({}, {"keep_last": "1"}), ({}, {"keep_last": 1.5}), ({}, {"keep_last": True}), ({}, {"to_datetime": ""}),
        ({}, {"to_datetime": "soon"}), ({}, {"keep_days": 10**9}), ({}, {"keep": 1}),
        ({"status": "started"}, {"keep_last": 1}), ({"nosuch": "1"}, {"keep_last": 1}),
    ):  # fmt: skip
        refused = ask("DELETE", "/executions", params=params, json=body)
        assert refused.status_code == 400, (body, refused.text)
    assert ask("DELETE", "/executions").status_code == 400
    assert remaining(ask) == history
    cfy("executions delete", code=2)
    cfy("executions delete --keep-last 1 --before '1 day'", code=2)
    cfy("executions delete --keep-last 0", code=2)
    assert cfy("executions delete --before '1 day'") == "Deleted 4 executions\n"
    assert (
        cfy("executions delete --keep-last 1") == "No executions to delete\n"
    )  # but that which uploaded the blueprint
    assert json.loads(cfy("executions delete --to 2100-01-01 --json")) == {"deleted": 1}


def test_interrupted_deletion_leaves_no_events_alone(
    app: AppContext, ask: Ask, history: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "EVENTS_BATCH", 1)
    delete_events, calls = deletion._delete_events, []

    def interrupted(*arguments: Any) -> bool:
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("as if the process was killed")
        return delete_events(*arguments)

    monkeypatch.setattr(deletion, "_delete_events", interrupted)
    assert ask("DELETE", "/executions", json={"keep_last": 1}).status_code == 500
    with app.database.read() as session:
        alone = Event.execution_id.not_in(select(Execution.id))
        assert session.scalar(select(func.count()).select_from(Event).where(alone)) == 0
    monkeypatch.setattr(deletion, "_delete_events", delete_events)
    assert ask("DELETE", "/executions", json={"keep_last": 1}).json()["items"][0]["count"] > 0

"""Metrics: those of clients, and what the manager computes of workflows and tasks."""

from collections.abc import Callable

import pytest

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import Event, Execution
from tests.conftest import Ask
from tests.manager.conftest import HELLO

OWNER = {"tenant_name": "default_tenant", "created_by": "admin", "visibility": "tenant", "owned_by": "admin"}
CREATE = "cloudify.interfaces.lifecycle.create"


def time(second: float) -> str:
    return f"2030-01-01T00:00:{second:06.3f}Z"


def add_runs(app: AppContext) -> None:
    """Two ends of `scale`, one of `heal`, and one of another tenant; three runs of an operation, one not ended."""
    runs = [("scale", "terminated", 1, 3), ("scale", "failed", 1, 5), ("heal", "cancelled", None, 9)]
    attempts = [
        ("a", "task_started", 1), ("a", "task_rescheduled", 2), ("a", "task_started", 3), ("a", "task_succeeded", 5),
        ("b", "task_started", 1), ("b", "task_failed", 1.5), ("c", "task_started", 1),
    ]  # fmt: skip
    with app.database.write() as session:
        for number, (workflow, status, start, end) in enumerate(runs):
            times = {"started_at": start and time(start), "ended_at": time(end)}
            session.add(Execution(id=f"e{number}", workflow_id=workflow, status=status, **times, **OWNER))
        session.add(Execution(id="runs", workflow_id="scale", status="started", started_at=time(1), **OWNER))
        for instance, kind, at in attempts:
            fields = {"event_type": kind, "reported_timestamp": time(at), "node_instance_id": instance}
            session.add(
                Event(type="cloudify_event", message="", execution_id="e0", operation=CREATE, **fields, **OWNER)
            )


def summary(ask: Ask, **query: str) -> dict[str, tuple[float, float]]:
    answer = ask("GET", "/metrics-overview", params=query).json()
    assert answer["metadata"] == {"pagination": {}}
    return {each["event_id"]: (round(each["average_duration"], 3), each["success_rate"]) for each in answer["items"]}


def test_overview_averages_what_has_ended(ask: Ask, app: AppContext):
    assert summary(ask) == {}
    add_runs(app)
    scale, heal, create = (3.0, 0.5), (0, 0), (2.25, 0.5)
    assert summary(ask) == {"scale": scale, "heal": heal, CREATE: create}
    assert summary(ask, workflow_id="scale") == {"scale": scale}
    assert summary(ask, task_name=CREATE) == {CREATE: create}
    assert summary(ask, since=time(4), workflow_id="scale") == {"scale": (4.0, 0.0)}
    assert summary(ask, until=time(4), workflow_id="scale") == {"scale": (2.0, 1.0)}
    assert summary(ask, until="2030-02-01T00:00:00.000Z") == {}  # the 30 days before
    assert summary(ask, until="2030-01-30T00:00:00.000Z") == summary(ask)
    for times in ({"since": "soon"}, {"until": "0001-01-01T00:00:00Z"}):
        assert ask("GET", "/metrics-overview", params=times).status_code == 400
    ask("POST", "/tenants/red")
    assert ask("GET", "/metrics-overview", headers={"Tenant": "red"}).json()["items"] == []


@pytest.mark.usefixtures("worker")
def test_metric_belongs_to_an_execution(ask: Ask, deploy: Callable[..., None]):
    deploy(HELLO, "web")
    deploy(HELLO, "other")
    ids = {each["deployment_id"]: each["id"] for each in ask("GET", "/executions").json()["items"]}
    metric = {
        "blueprint_id": "web", "deployment_id": "web", "execution_id": ids["web"],
        "timestamp": "2030-01-01 00:00:01", "name": "size", "value": "7",
    }  # fmt: skip
    made = ask("PUT", "/metrics/4", json=metric)
    assert made.json() == {**metric, "id": 4, "timestamp": time(1)}
    assert ask("PUT", "/metrics/4", json=metric).status_code == 409
    assert ask("GET", "/metrics", params={"id": "4", "_include": "id"}).json()["items"] == [{"id": 4}]
    for change, status in (
        ({"blueprint_id": "other"}, 400),
        ({"execution_id": ids["other"]}, 400),
        ({"execution_id": "none"}, 404),
        ({"deployment_id": "none"}, 404),
        ({"timestamp": "soon"}, 400),
        ({"timestamp": ""}, 400),
        ({"value": None}, 400),
    ):
        assert ask("PUT", "/metrics/5", json=metric | change).status_code == status, change
    lacking = ask("PUT", "/metrics/5", json={name: value for name, value in metric.items() if name != "value"})
    assert (lacking.status_code, "value" in lacking.json()["message"]) == (400, True)
    assert len(ask("GET", "/metrics").json()["items"]) == 1

"""Schedules of executions over the API: created, changed, listed, deleted, and started when they are due."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import update

from cfy_cli.contract.states import ExecutionState
from cfy_cli.contract.timestamps import format_timestamp
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.schedules.starting import LOOK_INTERVAL, start_due
from cfy_cli.manager.store.models import Blueprint, Deployment, Execution, ExecutionSchedule
from cfy_cli.manager.store.scope import system_scope
from tests.conftest import Ask

WORKFLOWS: Any = {
    "rotate": {"plugin": "default_workflows", "operation": "x", "parameters": {"depth": {"default": 1}}},
    "strict": {"plugin": "default_workflows", "operation": "x", "parameters": {"path": {}}},
}
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def deployments(app: AppContext) -> None:
    """Two deployments of a blueprint; no worker runs."""
    with app.writing(system_scope("default_tenant")) as store:
        blueprint = store.add(Blueprint(id="app", plan={}, state="uploaded", main_file_name="blueprint.yaml"))
        for name in ("d1", "d2"):
            store.add(
                Deployment(
                    id=name, display_name=name, blueprint_storage_id=blueprint.storage_id, blueprint_id="app",
                    workflow_definitions=WORKFLOWS,
                )
            )  # fmt: skip


def put(ask: Ask, name: str, deployment: str = "d1", *, code: int = 201, user: Any = None, **body: Any) -> Any:
    fields = {"workflow_id": "rotate", "since": "2030-01-01 01:00:00", **body}
    path = f"/execution-schedules/{name}?deployment_id={deployment}"
    answer = ask("PUT", path, json=fields, **(user or {}))
    assert answer.status_code == code, answer.text
    return answer.json()


def patch(ask: Ask, name: str, *, code: int = 201, user: Any = None, **body: Any) -> Any:
    answer = ask("PATCH", f"/execution-schedules/{name}?deployment_id=d1", json=body, **(user or {}))
    assert answer.status_code == code, answer.text
    return answer.json()


def get(ask: Ask, name: str = "s") -> Any:
    return ask("GET", f"/execution-schedules/{name}?deployment_id=d1").json()


def test_schedule_is_answered_as_by_a_real_manager(ask: Ask):
    body = {
        "workflow_id": "rotate",
        "execution_arguments": {
            "allow_custom_parameters": False, "force": False, "dry_run": True, "wait_after_fail": 600, "queue": True,
        },
        "parameters": {}, "since": "2030-01-01T01:00:00", "until": None, "recurrence": "1 days", "count": 3,
        "weekdays": [], "rrule": None, "slip": 0, "stop_on_fail": "no", "enabled": True,
    }  # fmt: skip
    created = put(ask, "nightly", **body)
    assert created.pop("created_at")
    assert created == {
        "id": "nightly", "visibility": "tenant", "next_occurrence": "2030-01-01T01:00:00.000Z",
        "since": "2030-01-01T01:00:00.000Z", "until": None,
        "rule": {"recurrence": "1 days", "count": 3, "weekdays": None}, "slip": 0, "workflow_id": "rotate",
        "parameters": {},
        "execution_arguments": {
            "allow_custom_parameters": False, "force": False, "is_dry_run": True, "wait_after_fail": 600,
        },
        "stop_on_fail": False, "enabled": True, "deployment_id": "d1", "latest_execution_status": None,
        "tenant_name": "default_tenant", "created_by": "admin", "resource_availability": "tenant",
        "private_resource": False,
        "all_next_occurrences": ["2030-01-01 01:00:00", "2030-01-02 01:00:00", "2030-01-03 01:00:00"], "error": None,
    }  # fmt: skip
    nothing = {
        "since": None, "until": None, "count": None, "weekdays": [], "rrule": None, "slip": 0, "enabled": None,
        "stop_on_fail": False, "workflow_id": None,
    }  # fmt: skip
    changed = patch(ask, "nightly", recurrence="2 weeks", **nothing)
    assert changed["rule"] == {"recurrence": "2 weeks", "count": 3, "weekdays": None}
    assert changed["all_next_occurrences"][1:] == ["2030-01-15 01:00:00", "2030-01-29 01:00:00"]
    ruled = patch(ask, "nightly", rrule="FREQ=MONTHLY;BYMONTHDAY=15;COUNT=2", enabled=False)
    assert (ruled["rule"], ruled["enabled"]) == ({"rrule": "FREQ=MONTHLY;BYMONTHDAY=15;COUNT=2"}, False)
    assert ruled["next_occurrence"] == "2030-01-15T01:00:00.000Z"
    for path in ("execution-schedules", "executions-schedules"):
        found = ask("GET", f"/{path}/nightly?deployment_id=d1&_include=id,slip").json()
        assert found == {"id": "nightly", "slip": 0}
    assert ask("DELETE", "/executions-schedules/nightly?deployment_id=d1").status_code == 204
    gone = ask("DELETE", "/execution-schedules/nightly?deployment_id=d1")
    assert gone.status_code == 404
    assert gone.json()["message"] == (
        "Requested `ExecutionSchedule` with ID `nightly` was not found (filters: {'deployment_id': 'd1'})"
    )


@ON_SQLITE
@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({}, 400, "recurrence must be specified for execution count larger than 1"),
        ({"count": 1, "workflow_id": "nowf"}, 400, "Workflow nowf does not exist in the deployment d1"),
        ({"count": 1, "workflow_id": "strict"}, 400, "must be provided with the following parameters"),
        ({"count": 1, "parameters": {"x": 1}}, 400, "does not have the following parameters declared: x"),
        ({"count": 1, "parameters": []}, 400, "parameters"),
        ({"count": 1, "since": "yesterday"}, 400, "`yesterday` is not a time"),
        ({"count": 1, "since": None}, 400, "Give `since`"),
        ({"count": 1, "until": "2029-01-01 01:00:00"}, 400, "would never occur"),
        ({"count": 1, "slip": -1}, 400, "slip"),
        ({"count": 1, "slip": 10**12}, 400, "slip"),
        ({"count": 1, "execution_arguments": {"speed": 1}}, 400, "speed"),
        ({"count": 1, "weekdays": "mo"}, 400, "weekdays"),
        ({"rrule": "FREQ=DAILY", "count": 2}, 400, "`rrule` cannot be given together"),
        ({"recurrence": "1 fortnight"}, 400, "`1 fortnight` is not a legal recurrence expression"),
    ],
)  # fmt: skip
def test_schedule_that_cannot_be_is_refused(ask: Ask, body: Any, code: int, message: str):
    assert message in put(ask, "s", code=code, **body)["message"]
    assert ask("GET", "/execution-schedules").json()["items"] == []


@ON_SQLITE
def test_schedule_names_are_unique_in_a_deployment(ask: Ask):
    put(ask, "s", recurrence="1d")
    assert put(ask, "s", recurrence="1d", code=409)["error_code"] == "conflict_error"
    put(ask, "s", "d2", rrule="FREQ=DAILY", since=None, workflow_id="strict", parameters={"path": "/x"})
    assert (
        put(ask, "s", "d9", recurrence="1d", code=404)["message"] == "Requested `Deployment` with ID `d9` was not found"
    )
    assert put(ask, "1s", recurrence="1d", code=400)
    assert ask("GET", "/execution-schedules/s").status_code == 400
    assert (
        ask("GET", "/execution-schedules?_search=S&_sort=-next_occurrence").json()["items"][0]["deployment_id"] == "d1"
    )
    listed = ask("GET", "/execution-schedules?deployment_id=d2&_include=id,workflow_id").json()["items"]
    assert listed == [{"id": "s", "workflow_id": "strict"}]
    counts = ask("GET", "/summary/execution_schedules?_target_field=workflow_id&_sub_field=deployment_id").json()[
        "items"
    ]
    assert counts == [
        {
            "workflow_id": name,
            "execution_schedules": 1,
            "by deployment_id": [{"deployment_id": on, "execution_schedules": 1}],
        }
        for name, on in (("rotate", "d1"), ("strict", "d2"))
    ]
    with_schedules = {
        "filter_rules": [{"key": "schedules", "values": [], "operator": "is_not_empty", "type": "attribute"}]
    }
    assert ask("POST", "/searches/deployments", json=with_schedules).json()["metadata"]["pagination"]["total"] == 2
    ask("DELETE", "/execution-schedules/s?deployment_id=d2")
    [found] = ask("POST", "/searches/deployments?_include=id", json=with_schedules).json()["items"]
    assert found == {"id": "d1"}

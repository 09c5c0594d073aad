"""Schedules of executions over the API: created, changed, listed, deleted, and started when they are due."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from cfy_cli.contract.limits import Limits
from cfy_cli.contract.states import ExecutionState
from cfy_cli.contract.timestamps import format_timestamp
from cfy_cli.errors import Busy, Invalid
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.schedules import schedules, starting
from cfy_cli.manager.services.schedules.schedules import set_next
from cfy_cli.manager.services.schedules.starting import LOOK_INTERVAL, start_due
from cfy_cli.manager.store.models import Blueprint, Deployment, Execution, ExecutionSchedule
from cfy_cli.manager.store.scope import system_scope
from tests.conftest import Ask

WORKFLOWS: Any = {
    "rotate": {"plugin": "default_workflows", "operation": "x", "parameters": {"depth": {"default": 1}}},
    "strict": {"plugin": "default_workflows", "operation": "x", "parameters": {"path": {}}},
}


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


@pytest.mark.sqlite
@pytest.mark.parametrize("limits", [Limits(schedules_time=1)])
def test_occurrences_that_take_too_long_are_not_listed(ask: Ask):
    rule = "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29"
    for name in ("a", "b", "c"):
        put(ask, name, rrule=rule, since="2030-01-01 01:00:00")
    last = ask("GET", "/execution-schedules?_sort=id").json()["items"][-1]
    assert last["all_next_occurrences"] == ["2032-02-29 01:00:00"]


@pytest.mark.sqlite
@pytest.mark.parametrize("limits", [Limits(deployment_schedules=3, tenant_schedules=5, frequent_schedules=2)])
def test_number_of_schedules_is_limited(ask: Ask):
    """Say what to do, store nothing, and count among the frequent ones only what is enabled and recurs."""

    def refuse(limit: str, remedy: str, answer: Any) -> None:
        assert answer["error_code"] == "bad_parameters_error"
        assert f"--limit {limit}=" in answer["hint"]
        assert remedy in answer["hint"]

    for name, deployment in (("a", "d1"), ("b", "d1"), ("a", "d2")):
        put(ask, name, deployment, recurrence="59 seconds", enabled=deployment == "d1")
    put(ask, "c", recurrence="1 minute")
    patch(ask, "c", count=9)
    refuse("frequent_schedules", "once a minute or less often", patch(ask, "c", recurrence="1 seconds", code=400))
    for rule in ({"recurrence": "1 seconds"}, {"rrule": "FREQ=HOURLY;BYSECOND=1,2"}):
        refuse("frequent_schedules", "schedule disable", put(ask, "b", "d2", code=400, **rule))
    enabled = ask("PATCH", "/execution-schedules/a?deployment_id=d2", json={"enabled": True})
    refuse("frequent_schedules", "schedule disable", enabled.json())
    patch(ask, "a", enabled=False)
    assert ask("PATCH", "/execution-schedules/a?deployment_id=d2", json={"enabled": True}).status_code == 201
    refuse("deployment_schedules", "schedule delete", put(ask, "d", count=1, code=400))
    put(ask, "b", "d2", count=1)
    refuse("tenant_schedules", "schedule delete", put(ask, "c", "d2", count=1, code=400))
    listed = ask("GET", "/execution-schedules").json()["items"]
    found = sorted((each["deployment_id"], each["id"]) for each in listed)
    assert found == [("d1", "a"), ("d1", "b"), ("d1", "c"), ("d2", "a"), ("d2", "b")]


@pytest.mark.sqlite
def test_schedule_that_counts_from_long_ago_is_refused(ask: Ask):
    rule = "DTSTART:00010103T000000Z\nRRULE:FREQ=DAILY;COUNT=9;BYMONTHDAY=29"
    assert "before the year 1900" in put(ask, "s", rrule=rule, code=400)["message"]


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


@pytest.mark.sqlite
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
        ({"rrule": "DTSTART;TZID=Japan:20300101\nFREQ=DAILY", "until": "9999-12-31T23:59:59Z"}, 400, "No calendar"),
        ({"count": 1, "since": "9" * 30}, 400, "is not a time"),
        ({"count": 1, "since": "9" * 17}, 400, "is not a time"),
        ({"recurrence": "1 fortnight"}, 400, "`1 fortnight` is not a legal recurrence expression"),
    ],
)  # fmt: skip
def test_schedule_that_cannot_be_is_refused(ask: Ask, body: Any, code: int, message: str):
    assert message in put(ask, "s", code=code, **body)["message"]
    assert ask("GET", "/execution-schedules").json()["items"] == []


@pytest.mark.sqlite
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
    by_rule = ask("GET", "/summary/execution_schedules?_target_field=deployment_id&_sub_field=recurrence").json()[
        "items"
    ]
    assert {part["recurrence"] for item in by_rule for part in item["by recurrence"]} == {"recurring"}
    with_schedules = {
        "filter_rules": [{"key": "schedules", "values": [], "operator": "is_not_empty", "type": "attribute"}]
    }
    assert ask("POST", "/searches/deployments", json=with_schedules).json()["metadata"]["pagination"]["total"] == 2
    ask("DELETE", "/execution-schedules/s?deployment_id=d2")
    [found] = ask("POST", "/searches/deployments?_include=id", json=with_schedules).json()["items"]
    assert found == {"id": "d1"}


@pytest.mark.sqlite
def test_change_without_a_value_is_refused(ask: Ask):
    put(ask, "s", recurrence="1d")
    assert "Nothing to change" in patch(ask, "s", code=400, since=None, weekdays=[])["message"]


# --- of blueprints ---

DECLARED: Any = {
    "nightly": {
        "workflow": "rotate", "since": "+1 day", "until": "+2mo", "recurrence": "1 day", "weekdays": ["mo", "L-fr"],
        "slip": 3, "default_enabled": False, "stop_after_fail": True, "workflow_parameters": {"depth": 2},
        "execution_arguments": {"force": True},
    },
    "once": {"workflow": "rotate", "since": "2030-01-01 10:00:00", "count": 1},
}  # fmt: skip


def declare(app: AppContext, declared: Any, former: Any = ()) -> None:
    with app.writing(system_scope("default_tenant")) as store:
        settings = ({"default_schedules": dict(each)} for each in (former, declared))
        schedules.replace_defaults(store, store.get(Deployment, "d1"), *settings)


@pytest.mark.sqlite
def test_schedules_of_the_blueprint_are_made_and_changed(app: AppContext, ask: Ask):
    put(ask, "mine", recurrence="1d")
    nightly = {**DECLARED["nightly"], "recurrence": "1 month"}
    declare(app, {**DECLARED, "nightly": nightly})
    made = get(ask, "nightly")
    assert made["rule"] == {"recurrence": "1 month", "count": None, "weekdays": ["MO", "L-FR"]}
    assert (made["slip"], made["enabled"], made["stop_on_fail"], made["parameters"]) == (3, False, True, {"depth": 2})
    assert made["execution_arguments"] == {
        "allow_custom_parameters": False, "force": True, "is_dry_run": False, "wait_after_fail": 600,
    }  # fmt: skip
    assert ago(hours=-23) < made["since"] <= ago(hours=-24, minutes=-1) < made["until"]
    patch(ask, "once", slip=9)
    changed = {**DECLARED, "nightly": {**nightly, "slip": 4}}
    declare(app, changed, {**DECLARED, "nightly": nightly})
    assert [get(ask, name)["slip"] for name in ("nightly", "once", "mine")] == [4, 9, 0]
    declare(app, {}, {"nightly": nightly})
    assert [each["id"] for each in ask("GET", "/execution-schedules").json()["items"]] == ["mine", "once"]


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"workflow": "nowf"}, "The schedule `once` of the blueprint: Workflow nowf does not exist"),
        ({"count": None}, "The schedule `once` of the blueprint: recurrence must be specified"),
    ],
)
def test_schedule_of_the_blueprint_that_cannot_be_is_told(app: AppContext, change: Any, message: str):
    with pytest.raises(Invalid, match=message):
        declare(app, {"once": {**DECLARED["once"], **change}})


# --- what is due ---


def ago(**spans: float) -> str:
    return format_timestamp((datetime.now(UTC) - timedelta(**spans)).replace(microsecond=0))


def set_back(app: AppContext, *names: str, **columns: Any) -> None:
    """Let schedules, by default `s`, be as they were stored some time ago."""
    with app.database.write() as session:
        session.execute(update(ExecutionSchedule).where(ExecutionSchedule.id.in_(names or ["s"])).values(columns))


def started(ask: Ask) -> list[dict[str, Any]]:
    return list(ask("GET", "/executions").json()["items"])


def end(app: AppContext, status: ExecutionState = ExecutionState.TERMINATED) -> None:
    with app.database.write() as session:
        session.execute(update(Execution).values(status=status))


def put_due(app: AppContext, ask: Ask, *, minutes: float = 0, late: float = 0.2, user: Any = None, **body: Any) -> None:
    """Create the schedule `s`, which recurs every so many minutes, and of which an occurrence is so many late."""
    rule = {"recurrence": f"{minutes} min"} if minutes else {"count": 1}
    since = ago(minutes=late)
    put(ask, "s", since="2030-01-01", user=user, **rule, **body)
    set_back(app, since=since, next_occurrence=since)


def test_due_occurrence_starts_one_execution(app: AppContext, ask: Ask):
    put_due(app, ask, minutes=60, parameters={"depth": 3}, execution_arguments={"dry_run": True, "wait_after_fail": 5})
    assert start_due(app) == LOOK_INTERVAL == start_due(app)
    [execution] = started(ask)
    assert (execution["workflow_id"], execution["deployment_id"], execution["created_by"]) == ("rotate", "d1", "admin")
    assert (execution["parameters"], execution["is_dry_run"]) == ({"depth": 3}, True)
    schedule = get(ask)
    assert (schedule["latest_execution_status"], schedule["error"]) == ("pending", None)
    assert ago(minutes=-59) < schedule["next_occurrence"] < ago(minutes=-60)
    assert len(ask("GET", "/execution-schedules?latest_execution_status=pending").json()["items"]) == 1


def test_occurrence_is_started_once_by_several_workers(app: AppContext, ask: Ask, monkeypatch: pytest.MonkeyPatch):
    names = [f"s{number}" for number in range(6)]
    for name in names:
        put(ask, name, count=1, parameters={"depth": name})
    set_back(app, *names, next_occurrence=ago(), since=ago())
    refused = iter((False, True, False))

    def interrupted(schedule: ExecutionSchedule, present: datetime) -> None:
        """Fail in one of the transactions, after the execution was stored and before the commit."""
        set_next(schedule, present)
        if next(refused, False):
            raise Busy("the worker is interrupted")

    def look(_number: int) -> None:
        with suppress(Busy):
            start_due(app)

    monkeypatch.setattr(starting, "set_next", interrupted)
    with ThreadPoolExecutor(2) as workers:
        for _ in range(2):
            list(workers.map(look, range(2)))
    assert sorted(each["parameters"]["depth"] for each in started(ask)) == names
    assert {each["next_occurrence"] for each in ask("GET", "/execution-schedules").json()["items"]} == {None}


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("minutes", "late", "slip", "count"),
    [
        (0, 0.9, 0, 1),  # there is a minute of grace
        (0, 2, 0, 0),
        (0, 5, 5, 1),
        (0, 9, 5, 0),
        (10, 119, 0, 0),  # what the manager has missed is not caught up
        (10, 125, 30, 1),  # but once within the slip
        (2, 10_000, 10, 1),
    ],
)
def test_occurrence_is_started_within_its_slip(
    app: AppContext, ask: Ask, minutes: float, late: float, slip: int, count: int
):
    put_due(app, ask, minutes=minutes, late=late, slip=slip)
    start_due(app)
    start_due(app)
    assert len(started(ask)) == count
    following = get(ask)["next_occurrence"]
    assert (following is None) == (minutes == 0)
    assert following is None or ago() < following <= ago(minutes=-minutes)


@pytest.mark.sqlite
def test_occurrence_during_an_execution_is_skipped(app: AppContext, ask: Ask):
    put_due(app, ask, minutes=60)
    start_due(app)
    set_back(app, next_occurrence=ago(seconds=1), since=ago(seconds=1))
    start_due(app)
    assert len(started(ask)) == 1
    end(app, ExecutionState.FAILED)
    set_back(app, next_occurrence=ago(), since=ago())
    start_due(app)
    assert len(started(ask)) == 2


@pytest.mark.sqlite
def test_failure_disables_a_schedule_that_stops_on_it(app: AppContext, ask: Ask):
    put_due(app, ask, minutes=60, stop_on_fail=True)
    start_due(app)
    end(app, ExecutionState.FAILED)
    set_back(app, next_occurrence=ago(seconds=1), since=ago(seconds=1))
    start_due(app)
    schedule = get(ask)
    assert (len(started(ask)), schedule["enabled"]) == (1, False)
    assert "has failed" in schedule["error"]
    assert patch(ask, "s", enabled=True)["error"] is None


def test_execution_is_queued_while_another_runs(app: AppContext, ask: Ask):
    ask("POST", "/executions", json={"deployment_id": "d1", "workflow_id": "rotate"})
    put_due(app, ask)
    start_due(app)
    assert [each["status"] for each in started(ask)] == ["pending", "queued"]
    assert get(ask)["latest_execution_status"] == "queued"


def test_nothing_starts_in_maintenance_mode(app: AppContext, ask: Ask):
    put_due(app, ask, minutes=60)
    before = get(ask)
    ask("POST", "/maintenance/activate")
    assert start_due(app) == LOOK_INTERVAL
    ask("POST", "/maintenance/deactivate")
    assert (started(ask), get(ask)["next_occurrence"]) == ([], before["next_occurrence"])
    start_due(app)
    assert len(started(ask)) == 1


@pytest.mark.sqlite
def test_disabled_schedule_starts_nothing_until_enabled(app: AppContext, ask: Ask):
    put_due(app, ask, minutes=60)
    patch(ask, "s", enabled=False)
    start_due(app)
    assert started(ask) == []
    assert patch(ask, "s", slip=5)["next_occurrence"] < ago()
    assert patch(ask, "s", enabled=True)["next_occurrence"] > ago()
    start_due(app)
    assert started(ask) == []


@pytest.mark.sqlite
def test_refused_execution_is_told_by_the_schedule(app: AppContext, ask: Ask):
    put_due(app, ask, minutes=60)
    with app.database.write() as session:
        session.execute(update(Deployment).values(workflow_definitions={"other": WORKFLOWS["rotate"]}))
    start_due(app)
    schedule = get(ask)
    assert "Workflow rotate does not exist in the deployment d1" in schedule["error"]
    assert (started(ask), schedule["enabled"], schedule["next_occurrence"] > ago()) == ([], True, True)


# --- clocks ---


@pytest.mark.sqlite
def test_clock_that_was_ahead_delays_nothing(app: AppContext, ask: Ask):
    put_due(app, ask, minutes=60, late=1440)
    in_ten_years = ago(days=-3650)
    for latest in (None, in_ten_years):
        set_back(app, next_occurrence=in_ten_years, decided_at=in_ten_years, latest_occurrence=latest)
        start_due(app)
        assert ago() < get(ask)["next_occurrence"] <= ago(minutes=-60)
    assert started(ask) == []


@pytest.mark.sqlite
def test_clock_that_is_set_back_repeats_nothing(app: AppContext, ask: Ask):
    put_due(app, ask, minutes=60, late=1440)
    set_back(app, next_occurrence=ago(hours=-4), decided_at=ago(hours=-3), latest_occurrence=ago(hours=-3))
    start_due(app)
    assert ago(hours=-3) < get(ask)["next_occurrence"] <= ago(hours=-4)
    later = ago(hours=-4)
    set_back(app, next_occurrence=later, decided_at=ago(), latest_occurrence=ago(hours=2))
    start_due(app)
    assert get(ask)["next_occurrence"] == later  # nothing is looked at without a reason


# --- rights ---


@pytest.fixture
def ann(ask: Ask) -> dict[str, str]:
    ask("PUT", "/users", json={"username": "ann", "password": "password-of-ann"})
    ask("PUT", "/tenants/users", json={"username": "ann", "tenant_name": "default_tenant", "role": "user"})
    return {"user": "ann", "password": "password-of-ann"}


def test_executions_run_with_the_rights_of_the_creator(app: AppContext, ask: Ask, ann: dict[str, str]):
    put_due(app, ask, minutes=60, user=ann)
    start_due(app)
    assert [each["created_by"] for each in started(ask)] == ["ann"]
    with app.database.read() as session:
        assert {each.acts_for for each in session.query(Execution)} == {"ann"}
    end(app)
    ask("PATCH", "/tenants/users", json={"username": "ann", "tenant_name": "default_tenant", "role": "viewer"})
    set_back(app, next_occurrence=ago(), since=ago())
    start_due(app)
    assert "User `ann` is not permitted to perform the action `execution_start`" in get(ask)["error"]
    assert len(started(ask)) == 1


def deactivate(ask: Ask) -> None:
    ask("POST", "/users/active/ann", json={"action": "deactivate"})


def remove(ask: Ask) -> None:
    ask("DELETE", "/tenants/users", json={"username": "ann", "tenant_name": "default_tenant"})


def replace(ask: Ask) -> None:
    """Delete the user and create another one of the same name."""
    remove(ask)
    ask("DELETE", "/users/ann")
    ask("PUT", "/users", json={"username": "ann", "password": "another-password"})


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("fate", "reason"),
    [
        (deactivate, "was deactivated"),
        (remove, "is no member of tenant `default_tenant`"),
        (replace, "was deleted"),
    ],
)
def test_schedule_of_a_lost_creator_says_so(app: AppContext, ask: Ask, ann: dict[str, str], fate: Any, reason: str):
    put_due(app, ask, minutes=60, user=ann)
    fate(ask)
    start_due(app)
    assert f"User `ann`, who created the schedule or changed it last, {reason}" in get(ask)["error"]
    assert started(ask) == []
    patch(ask, "s", enabled=True, slip=1)  # another user takes it over
    set_back(app, next_occurrence=ago(), since=ago())
    start_due(app)
    assert [each["created_by"] for each in started(ask)] == ["admin"]
    assert (get(ask)["error"], get(ask)["created_by"]) == (None, "ann")


def test_schedule_of_a_deleted_deployment_is_deleted(app: AppContext, ask: Ask):
    put_due(app, ask, minutes=60)
    with app.database.write() as session:
        session.delete(session.query(Deployment).filter_by(id="d1").one())
    assert ask("GET", "/execution-schedules").json()["items"] == []
    start_due(app)
    assert started(ask) == []

"""`cfy deployments schedule`: the times that it sends, and what it says."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from cfy_cli.contract.datetimes import parse_schedule_time
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import Blueprint, Deployment
from cfy_cli.manager.store.scope import system_scope
from tests.conftest import Cfy

DEPTH = {"depth": {"type": "integer", "default": 1}}
WORKFLOWS: Any = {"rotate": {"plugin": "p", "operation": "x", "parameters": DEPTH}}


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine has a time zone with summer time."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(autouse=True)
def deployment(app: AppContext) -> None:
    with app.writing(system_scope("default_tenant")) as store:
        blueprint = store.add(Blueprint(id="app", plan={}, state="uploaded", main_file_name="blueprint.yaml"))
        columns = {"blueprint_storage_id": blueprint.storage_id, "blueprint_id": "app"}
        store.add(Deployment(id="d", display_name="d", workflow_definitions=WORKFLOWS, **columns))


def get(cfy: Cfy, name: str = "s") -> Any:
    return json.loads(cfy(f"deployments schedule get d {name} --json"))


@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize(
    ("times", "since", "until"),
    [
        ('-s "2030-01-31 18:00"', "2030-01-31T17:00:00.000Z", None),  # of this machine
        ('-s "2030-07-31 18:00" -u "2030-12-31 18:00"', "2030-07-31T16:00:00.000Z", "2030-12-31T17:00:00.000Z"),
        ('-s "2030-01-01 01:00" --tz EST', "2030-01-01T06:00:00.000Z", None),
        ('-s "2030-03-30 01:00" --tz Asia/Jerusalem', "2030-03-29T22:00:00.000Z", None),
        ('-s "2030-01-01T01:00:00Z"', "2030-01-01T01:00:00.000Z", None),
    ],
)
def test_times_are_sent_in_utc(cfy: Cfy, times: str, since: str, until: str | None) -> None:
    cfy(f'deployments schedule create d rotate -n s -r "1 day" {times}')
    schedule = get(cfy)
    assert (schedule["since"], schedule["until"]) == (since, until)


def test_relative_times_are_full_minutes_to_come() -> None:
    now = datetime(2026, 11, 23, 13, 31, 37, 12, tzinfo=UTC)
    assert parse_schedule_time("+1 hours", now=now) == datetime(2026, 11, 23, 14, 32, tzinfo=UTC)
    assert parse_schedule_time("now", now=now) == datetime(2026, 11, 23, 13, 32, tzinfo=UTC)
    assert parse_schedule_time("23:30", now=now) == datetime(2026, 11, 23, 23, 30, tzinfo=UTC)


def test_schedule_is_created_and_shown_with_its_occurrences(cfy: Cfy) -> None:
    create = 'deployments schedule create d rotate -s "2030-01-01 01:00" --tz UTC'
    created = cfy(f'{create} -r "1 weeks" --weekdays "mo, fr" --weekdays we -p depth=3 --dry-run --slip 5')
    assert created == "Deployment schedule created successfully\n"
    assert cfy.errors.splitlines() == [
        "Scheduling the execution of workflow `rotate` on deployment `d`.",
        "Schedule name: rotate",
        "Next execution: 2030-01-02 01:00:00.000 UTC",
    ]
    schedule = get(cfy, "rotate")
    assert schedule["rule"] == {"recurrence": "1 weeks", "count": None, "weekdays": ["MO", "FR", "WE"]}
    assert (schedule["parameters"], schedule["slip"]) == ({"depth": 3}, 5)
    assert schedule["execution_arguments"]["is_dry_run"] is True
    shown = cfy("deployments schedule get d rotate --preview 2")
    assert (
        "Computed 1000 upcoming occurrences. Listing first 2:\n  1     2030-01-02 01:00:00\n  2     2030-01-04" in shown
    )
    cfy(f"{create} -c 1", code=1)
    assert "Hint: Change it: cfy deployments schedule update d rotate, or give another name." in cfy.errors


def test_update_changes_only_what_is_given(cfy: Cfy) -> None:
    cfy('deployments schedule create d rotate -n s -s 2030-01-01 --tz UTC -r "1 days" -c 3 --slip 7 --stop-on-fail')
    assert cfy('deployments schedule update d s -r "2 weeks"') == "Deployment schedule updated successfully\n"
    schedule = get(cfy)
    assert (schedule["rule"]["recurrence"], schedule["rule"]["count"]) == ("2 weeks", 3)
    assert (schedule["slip"], schedule["stop_on_fail"]) == (7, True)
    cfy("deployments schedule update d s --continue-on-fail --slip 0")
    schedule = get(cfy)
    assert (schedule["slip"], schedule["stop_on_fail"]) == (0, False)
    cfy("deployments schedule update d s", code=2)
    assert "There is nothing to update" in cfy.errors


def test_disabled_schedule_is_enabled_once(cfy: Cfy) -> None:
    cfy("deployments schedule create d rotate -n s -s 2030-01-01 --rrule FREQ=DAILY")
    cfy("deployments schedule disable d s")
    cfy("deployments schedule disable d s", code=1)
    assert "Schedule `s` on deployment `d` is already disabled" in cfy.errors
    cfy("deployments schedule get d s --preview 3", code=1)
    assert "Hint: Enable it: cfy deployments schedule enable d s" in cfy.errors
    assert cfy("deployments schedule enable d s") == "Deployment schedule enabled successfully\n"
    cfy("deployments schedule enable d s", code=1)


def test_list_shows_what_occurs_in_a_time_range(cfy: Cfy) -> None:
    cfy('deployments schedule create d rotate -n early -s "2030-01-01 01:00" --tz UTC -c 1')
    cfy('deployments schedule create d rotate -n late -s "2031-01-01 01:00" --tz UTC -c 1')
    assert cfy("deployments schedule list d --format name").split() == ["early", "late"]
    assert cfy("deployments schedule list --since 2030-06-01 --format name").split() == ["late"]
    shown = cfy("deployments schedule list -u 2030-06-01 --tz UTC")
    assert "early" in shown
    assert "late" not in shown
    assert "Showing 1 of 2 deployment schedules" in shown
    assert "rotate" in cfy("deployments schedule summary workflow_id")
    assert cfy("deployments schedule delete d early") == "Deployment schedule deleted successfully\n"
    cfy("deployments schedule list nope", code=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("-s yesterday -r 1d", "`yesterday` is not a time"),
        ("-s 18:00 --tz Mars/Base -r 1d", "`Mars/Base` is not a known time zone"),
        ("-s 18:00 --rrule FREQ=DAILY -c 2", "Give --rrule or --count, not both"),
        ("-r 1d", "Missing option '-s' / '--since'"),
        ("-s 18:00 -c 0", "0 is not in the range"),
    ],
)
def test_wrong_options_are_refused(cfy: Cfy, options: str, message: str) -> None:
    cfy(f"deployments schedule create d rotate {options}", code=2)
    assert message in cfy.errors

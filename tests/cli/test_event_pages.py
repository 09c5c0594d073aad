"""Paging of events: by cursor where the manager gives one, else by offset."""

from typing import Any

import pytest
import responses

from .conftest import Run
from .test_follow_execution import API, END, START, event, short_intervals, states

__all__ = ["short_intervals"]  # an autouse fixture with short intervals


def cursor_page(*events: dict[str, Any], total: int, after: int | None) -> dict[str, Any]:
    pagination = {"total": total, "offset": 0, "size": 1000}
    return {"items": list(events), "metadata": {"pagination": pagination, "after": after}}


def paging_of(wire: responses.RequestsMock) -> list[dict[str, Any]]:
    """Return the paging parameters of the requests for events."""
    calls = [call.request.params for call in wire.calls if "/events" in str(call.request.url)]  # type: ignore[attr-defined]
    return [{key: value for key, value in params.items() if key in ("_offset", "_after")} for params in calls]


def test_events_are_paged_by_cursor(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/executions/e1", json={"id": "e1"})
    wire.get(f"{API}/events", json=cursor_page(event(1), total=3, after=1))
    wire.get(f"{API}/events", json=cursor_page(event(2), total=2, after=2))
    wire.get(f"{API}/events", json=cursor_page(event(3), total=1, after=3))
    outcome = run("events list e1")
    assert [line.split()[-1] for line in outcome.out.splitlines()] == ["1", "2", "3"]
    assert "Showing 3 of 3 events" in outcome.err
    assert paging_of(wire) == [{"_offset": "0"}, {"_offset": "0", "_after": "1"}, {"_offset": "0", "_after": "2"}]


def test_events_without_cursor_are_paged_by_offset(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/executions/e1", json={"id": "e1"})
    wire.get(f"{API}/events", json=cursor_page(event(1), total=2, after=None))
    wire.get(f"{API}/events", json=cursor_page(event(2), total=2, after=None))
    assert "Showing 2 of 2 events" in run("events list e1").err
    assert paging_of(wire) == [{"_offset": "0"}, {"_offset": "1"}]


def test_hidden_debug_messages_are_counted_apart(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/executions/e1", json={"id": "e1"})
    debug = event(2, type="cloudify_log", level="debug")
    wire.get(f"{API}/events", json=cursor_page(event(1), debug, total=2, after=2))
    assert run("events list e1").err == ("\nShowing 1 of 2 events\n1 debug messages hidden (use -vv to show them)\n")
    assert "\nShowing 2 of 2 events\n" in run("events list e1 -vv").err
    assert "\nShowing 2 of 2 events\n" in run("events list e1 --json-output").err


def test_reversed_time_range_is_refused(run: Run) -> None:
    assert "--from is later than" in run("events list e1 --from 2026-01-02 --to 2026-01-01", code=2).err


@pytest.mark.parametrize("option", ["--pagination-offset 1", "--pagination-size 1", "--limit 1"])
def test_events_part_is_one_request(run: Run, wire: responses.RequestsMock, option: str) -> None:
    wire.get(f"{API}/executions/e1", json={"id": "e1"})
    wire.get(f"{API}/events", json=cursor_page(event(2), total=2, after=2))
    assert "event 2" in run(f"events list e1 {option}").out
    assert len(paging_of(wire)) == 1


def test_follow_continues_after_cursor(run: Run, wire: responses.RequestsMock) -> None:
    states(wire, "started", "started", "terminated")
    wire.get(f"{API}/events", json=cursor_page(total=0, after=0))
    wire.get(f"{API}/events", json=cursor_page(event(4), total=1, after=4))
    wire.get(f"{API}/events", json=cursor_page(END, total=1, after=9))
    assert [line.split()[-1] for line in run(START).out.splitlines()][:2] == ["4", "succeeded"]
    assert [where.get("_after") for where in paging_of(wire)][:3] == [None, "0", "4"]

"""The compact form of events: one line for each operation, with durations."""

import click
import pytest

from cfy_cli.output.compact_events import CompactEvents, format_duration
from cfy_cli.shell import event_stream
from tests.cli.test_logs import failed
from tests.cli.test_timeline import event
from tests.conftest import Cfy

__all__ = ["failed"]


def lines(*events: dict[str, str | None], since: str | None = None) -> list[str]:
    compact = CompactEvents()
    shown = [line for each in events if (line := compact.format(each, since))]
    return [click.unstyle(line).strip() for line in [*shown, *compact.format_running()]]


def log(second: float, message: str, level: str = "info") -> dict[str, str | None]:
    return event(second, "") | {"type": "cloudify_log", "level": level, "message": message}


def test_operation_is_one_line_with_its_duration() -> None:
    events = [event(1, "sending_task"), event(1, "task_started"), event(3.5, "task_succeeded")]
    assert lines(*events) == ["2.50 s  web_1.create: done after 2.50 s"]
    assert lines(*events, since="2026-11-23T11:59:55.000Z") == ["8.50 s  web_1.create: done after 2.50 s"]


def test_attempts_have_lines_with_their_reasons() -> None:
    refused = {"message": "Task failed: no disk"}
    assert lines(
        event(0, "task_started"), event(2, "task_rescheduled") | refused,
        event(4, "task_started"), event(5, "task_failed") | refused,
    ) == [
        "2.00 s  web_1.create: failed after 2.00 s and is tried again: Task failed: no disk",
        "5.00 s  web_1.create: failed after 1.00 s: Task failed: no disk",
    ]  # fmt: skip


def test_operations_that_run_are_named_at_the_end() -> None:
    assert lines(event(0, "task_started"), log(2, "half of it")) == [
        "2.00 s  web_1.create: half of it",
        "web_1.create: runs, for 2.00 s so far",
    ]
    assert lines(event(0, "task_started"), event(1, "workflow_started", "", "") | {"message": "again"}) == [
        "1.00 s  again"
    ]


def test_logs_and_ends_of_relationships_are_told_apart() -> None:
    source = {"source_id": "web_1", "target_id": "db_2"}
    ends = [event(0, kind, at) | source for kind in ("task_started", "task_succeeded") for at in ("web_1", "db_2")]
    assert lines(*ends, log(1, "Process created, PID: 7"), log(1, "little space", "warning")) == [
        "0.00 s  web_1->db_2.create (source): done after 0.00 s",
        "0.00 s  web_1->db_2.create (target): done after 0.00 s",
        "1.00 s  web_1.create: WARNING: little space",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.254, "0.25 s"), (12.34, "12.3 s"), (59.96, "1:00 min"), (125, "2:05 min"), (3725, "1:02:05 h"), (-1, "0.00 s")],
)
def test_durations_are_as_long_as_they_need(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_events_are_compact_on_request_and_terminals(cfy: Cfy, failed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    full = cfy("logs shop")
    assert "Sending task" in full
    assert "CFY <shop>" in full
    short = cfy("logs shop --compact")
    assert "Sending task" not in short
    assert "start: failed after" in short
    assert "no disk is left" in short
    assert "Subgraph failed" not in short
    assert short.rstrip().endswith("'install' workflow execution failed")
    assert "--no-compact" in cfy.errors
    (cfy.workdir / "config.toml").write_text('events = "compact"\n')
    assert cfy("logs shop") == cfy(f"events list {failed}") == short
    assert cfy("logs shop --no-compact") == full
    assert "start: failed after" in cfy("logs shop -f", code=5)
    (cfy.workdir / "config.toml").unlink()
    monkeypatch.setattr(event_stream, "is_terminal", lambda app: True)
    assert cfy("logs shop") == short
    assert cfy("logs shop -v") == full

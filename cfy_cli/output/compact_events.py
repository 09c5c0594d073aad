"""Events of executions in short: one line for each operation when it has ended, with its duration, and the logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import click

from cfy_cli.output.events import colored, is_log

WORKFLOW_STARTED = "workflow_started"
WORKFLOW_FAILED = "workflow_failed"
TASK_STARTED = "task_started"
TASK_SUCCEEDED = "task_succeeded"
FAILURES = {"task_failed": "", "task_rescheduled": " and is tried again"}
# Steps of the engine around an operation; the operation has a line of its own.
HIDDEN = frozenset({TASK_STARTED, TASK_SUCCEEDED, "sending_task", "workflow_node_event"})
# Log messages of the script runner about its process, which the line of the operation makes superfluous.
PROCESS_MESSAGES = ("Process created, PID:", "Execution done (PID=")
SUBGRAPH_FAILED = "Subgraph failed"  # because of an operation in it
WIDTH = 9  # characters of the time

Event = Mapping[str, object]


class CompactEvents:
    """Format the events of an execution or execution group, one after the other."""

    def __init__(self) -> None:
        self._origin: float | None = None
        self._last = 0.0
        self._has_failures = False  # of operations, whose lines tell the reasons
        self._starts: dict[tuple[str, str], list[float]] = {}  # by place and operation, those of running attempts

    def format(self, event: Event, since: str | None = None) -> str | None:
        """Return the line of the event, or None if it has none.

        Its time is a duration since the time `since`, by default that of the first event.
        """
        self._last = time = _parse_seconds(str(event.get("reported_timestamp") or event.get("timestamp")))
        if self._origin is None:
            self._origin = _parse_seconds(since) if since else time
        message = _format_log(event) if is_log(event) else self._format_step(event, time)
        if message is None:
            return None
        text = ": ".join(filter(None, (_name(event), message)))
        return colored(event, f"{format_duration(time - self._origin):>{WIDTH}}  {text}")

    def _format_step(self, event: Event, time: float) -> str | None:
        kind, message, step = str(event.get("event_type")), str(event.get("message") or ""), _find_step(event)
        if kind == WORKFLOW_STARTED:  # also of a resumed execution: what ran before was interrupted
            self._starts.clear()
        if step and kind == TASK_STARTED:
            self._starts.setdefault(step, []).append(time)
        elif step and kind in (TASK_SUCCEEDED, *FAILURES):
            starts = self._starts.get(step)
            after = f" after {format_duration(time - starts.pop(0))}" if starts else ""
            if kind == TASK_SUCCEEDED:
                return f"done{after}"
            self._has_failures = True
            return f"failed{after}{FAILURES[kind]}: {' '.join(message.split())}"
        if kind in HIDDEN or message.startswith(SUBGRAPH_FAILED):
            return None
        return message.partition(": ")[0] if kind == WORKFLOW_FAILED and self._has_failures else message

    def format_running(self) -> Iterator[str]:
        """Yield a line for each operation that has not ended."""
        for step, starts in self._starts.items():
            for start in starts:
                text = f"{'.'.join(step)}: runs, for {format_duration(self._last - start)} so far"
                yield click.style(f"{'':>{WIDTH}}  {text}", fg="yellow")


def format_duration(seconds: float) -> str:
    """Return `0.25 s`, `12.3 s`, `2:05 min` or `1:02:05 h`."""
    seconds = max(0.0, seconds)
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def _find_step(event: Event) -> tuple[str, str] | None:
    """Return the place and the operation of the event, if it is about one."""
    operation = str(event.get("operation") or "").rpartition(".")[2]
    instance, source = str(event.get("node_instance_id") or ""), event.get("source_id")
    place = f"{source}->{event.get('target_id')}" if source else instance
    if not (operation and place):
        return None
    end = "" if not source else " (source)" if instance == source else " (target)"
    return place, f"{operation}{end}"


def _format_log(event: Event) -> str | None:
    message, level = str(event.get("message") or ""), str(event.get("level") or "info").upper()
    if message.startswith(PROCESS_MESSAGES):
        return None
    return message if level == "INFO" else f"{level}: {message}"


def _name(event: Event) -> str:
    """Return the deployment of an execution of a group, and the node instance or relationship with the operation."""
    step = _find_step(event)
    place = ".".join(step) if step else str(event.get("node_instance_id") or "")
    owner = f"<{event['deployment_id']}>" if event.get("execution_group_id") and event.get("deployment_id") else ""
    return " ".join(filter(None, (owner, place)))


def _parse_seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()

"""Events and log messages of executions as lines of text."""

from collections.abc import Mapping
from typing import cast

import click

from cfy_cli.output.cells import format_time

Event = Mapping[str, object]
_COLORS = {
    "workflow_succeeded": "green", "workflow_failed": "red", "workflow_cancelled": "yellow",
    "task_failed": "red", "task_rescheduled": "yellow",
}  # fmt: skip
_LEVEL_COLORS = {"warning": "yellow", "error": "red", "critical": "red"}
_WITH_CAUSES = frozenset({"task_failed", "task_rescheduled"})
DEBUG_VERBOSITY = 2


def is_visible(event: Event, verbosity: int) -> bool:
    """Tell whether to show the event: debug messages only with -vv."""
    return verbosity >= DEBUG_VERBOSITY or not (is_log(event) and str(event.get("level")).lower() == "debug")


def format_event(event: Event, *, worker_names: bool = False) -> str:
    """Return a line such as `2026-11-23 13:00:15.413  CFY <dep1> [web_x1.create] Task started`."""
    time = format_time(str(event.get("reported_timestamp") or event.get("timestamp") or ""))
    worker = (event.get("manager_name") or event.get("agent_name") or "") if worker_names else ""
    kind = "LOG" if is_log(event) else "CFY"
    if event.get("execution_group_id"):
        return f"{time}  {kind} {_format_context(event)}{_format_message(event)}"
    return f"{time} {worker} {kind} <{event.get('deployment_id')}> {_format_context(event)}{_format_message(event)}"


def colored(event: Event, text: str) -> str:
    """Add the color of the event; when printing, click removes colors that are not wanted."""
    level = str(event.get("level")).lower()
    color = _LEVEL_COLORS.get(level) if is_log(event) else _COLORS.get(str(event.get("event_type")))
    return click.style(text, fg=color) if color else text


def is_log(event: Event) -> bool:
    return "cloudify_log" in str(event.get("type"))


def _format_context(event: Event) -> str:
    """Return the node instance or relationship with the operation, in brackets."""
    operation = event.get("operation")
    name = str(operation).rpartition(".")[2] if operation else None
    if event.get("source_id"):
        return f"[{event['source_id']}->{event.get('target_id')}|{name}] "
    parts = [str(part) for part in (event.get("node_instance_id"), name) if part]
    return f"[{'.'.join(parts)}] " if parts else ""


def _format_message(event: Event) -> str:
    message = str(event.get("message") or "")
    if is_log(event):
        return f"{str(event.get('level') or 'info').upper()}: {message}"
    if event.get("event_type") in _WITH_CAUSES:
        causes = cast("list[dict[str, str]]", event.get("error_causes") or [])
        return "\n".join([message, *(cause["traceback"] for cause in causes if cause.get("traceback"))])
    return message

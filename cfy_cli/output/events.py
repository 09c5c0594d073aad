"""One event or log line of an execution as a line of text."""

from collections.abc import Mapping
from typing import Any

import click

from cfy_cli.output.cells import moment

Event = Mapping[str, Any]
_COLOURS = {
    "workflow_succeeded": "green", "workflow_failed": "red", "workflow_cancelled": "yellow",
    "task_failed": "red", "task_rescheduled": "yellow",
}  # fmt: skip
_LEVEL_COLOURS = {"warning": "yellow", "error": "red", "critical": "red"}
_WITH_CAUSES = frozenset({"task_failed", "task_rescheduled"})


def worth_showing(event: Event, verbosity: int) -> bool:
    """Debug lines are for those who ask twice."""
    return verbosity >= 2 or not (is_log(event) and str(event.get("level")).lower() == "debug")


def event_line(event: Event, *, worker_names: bool = False) -> str:
    """`2026-11-23 13:00:15.413  CFY <dep1> [web_x1.create] Task started`."""
    when = moment(event.get("reported_timestamp") or event.get("timestamp") or "")
    worker = (event.get("manager_name") or event.get("agent_name") or "") if worker_names else ""
    kind = "LOG" if is_log(event) else "CFY"
    if event.get("execution_group_id"):
        return f"{when}  {kind} {_place(event)}{_text(event)}"
    return f"{when} {worker} {kind} <{event.get('deployment_id')}> {_place(event)}{_text(event)}"


def coloured(event: Event, text: str) -> str:
    """The line in the colour of its news; where it is printed, click drops colours that are not wanted."""
    level = str(event.get("level")).lower()
    colour = _LEVEL_COLOURS.get(level) if is_log(event) else _COLOURS.get(str(event.get("event_type")))
    return click.style(text, fg=colour) if colour else text


def is_log(event: Event) -> bool:
    return "cloudify_log" in str(event.get("type"))


def _place(event: Event) -> str:
    operation = event.get("operation")
    verb = operation.rpartition(".")[2] if operation else None
    if event.get("source_id"):
        return f"[{event['source_id']}->{event.get('target_id')}|{verb}] "
    parts = [part for part in (event.get("node_instance_id"), verb) if part]
    return f"[{'.'.join(parts)}] " if parts else ""


def _text(event: Event) -> str:
    message = event.get("message") or ""
    if is_log(event):
        return f"{str(event.get('level') or 'info').upper()}: {message}"
    if event.get("event_type") in _WITH_CAUSES:
        traces = [cause["traceback"] for cause in event.get("error_causes") or () if cause.get("traceback")]
        return "\n".join([message, *traces])
    return message

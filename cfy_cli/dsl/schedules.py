"""Schedules that a deployment gets by default: what is written, and the moments it stands for."""

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cfy_cli.dsl.functions.names import called
from cfy_cli.dsl.shapes import BOOLEAN, INTEGER, TEXT, Entries, FreeMap, ListOf, Reading, expected
from cfy_cli.dsl.source import Node

WEEKDAYS = ("su", "mo", "tu", "we", "th", "fr", "sa")
_DELTA = r"\d+ ?(min(ute)?|h(our)?|d(ay)?|w(eek)?|mo(nth)?|y(ear)?)s?"
_FROM_NOW = re.compile(rf"(\+{_DELTA} ?)+")
_EVERY = re.compile(_DELTA)
_FORMATS = ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S")
_WRITTEN = "%Y-%m-%d %H:%M:%S"


class _Recurrence:
    def read(self, node: Node, reading: Reading) -> Any:
        text = TEXT.read(node, reading)
        if text and not _EVERY.fullmatch(text):
            return reading.tell(node, "time", f"`{text}` is no length of time, such as `2 weeks` or `1h`")
        return text


class _Weekday:
    """A day, or with a number before it one of a month: `mo`, `2mo`, `L-fr`."""

    def read(self, node: Node, reading: Reading) -> Any:
        text = TEXT.read(node, reading)
        if text is not None and text.lower()[-2:] not in WEEKDAYS:
            return reading.tell(node, "time", f"`{text}` does not end in one of {', '.join(WEEKDAYS)}")
        return text


class _Parameters(FreeMap):
    def read(self, node: Node, reading: Reading) -> Any:
        values = super().read(node, reading)
        for value in (values, *values.values()):
            if called(value) == "get_attribute":
                reading.tell(node, "function", "a schedule's parameters cannot be run-time attributes")
        return values


class _Schedule(Entries):
    """Moments are turned to UTC; a length of time from now on stays, for it counts from the deployment's creation."""

    def read(self, node: Node, reading: Reading) -> Any:
        values = super().read(node, reading)
        zone = _zone(values.pop("timezone", None), node, reading)
        for key in ("since", "until"):
            given = node.get(key)
            if values.get(key) and given is not None:
                values[key] = _moment(values[key], zone, given, reading)
        return values


SCHEDULE = _Schedule(
    keys={
        "workflow": TEXT,
        "execution_arguments": Entries(
            keys={
                "force": BOOLEAN,
                "is_dry_run": BOOLEAN,
                "wait_after_fail": INTEGER,
                "allow_custom_parameters": BOOLEAN,
            }
        ),
        "workflow_parameters": _Parameters(),
        "since": TEXT,
        "until": TEXT,
        "recurrence": _Recurrence(),
        "timezone": TEXT,
        "weekdays": ListOf(_Weekday()),
        "count": INTEGER,
        "default_enabled": BOOLEAN,
        "stop_after_fail": BOOLEAN,
        "slip": INTEGER,
    },
    required=("workflow", "since"),
)


def _zone(name: str | None, node: Node, reading: Reading) -> Any:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        reading.tell(node.value["timezone"], "time", f"`{name}` is no known time zone")
        return UTC


def _moment(text: str, zone: Any, node: Node, reading: Reading) -> str | None:
    if text.startswith("+"):
        if not _FROM_NOW.fullmatch(text):
            reading.tell(node, "time", f"`{text}` is no length of time, such as `+2 weeks` or `+1d+10min`")
        return text
    for form in _FORMATS:
        try:
            moment = datetime.strptime(text, form).replace(tzinfo=zone)
        except (ValueError, OverflowError):
            continue
        return moment.astimezone(UTC).strftime(_WRITTEN)
    expected("a moment such as `2030-01-31 18:00`, or `+2 weeks`", node, reading)
    return None

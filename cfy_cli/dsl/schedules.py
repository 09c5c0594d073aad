"""Default schedules of deployments."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import cast

from cfy_cli.contract.datetimes import parse_timezone
from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.recurrences import parse_recurrence, parse_weekday
from cfy_cli.dsl.compilation import Compilation
from cfy_cli.dsl.functions.names import called_function
from cfy_cli.dsl.parsers import BOOLEAN, INTEGER, TEXT, FreeMap, ListOf, Record, report_type
from cfy_cli.dsl.yaml_nodes import YamlNode
from cfy_cli.errors import Usage

_DURATION = r"\d+ ?(min(ute)?|h(our)?|d(ay)?|w(eek)?|mo(nth)?|y(ear)?)s?"
_OFFSET = re.compile(rf"(\+{_DURATION} ?)+")
_INPUT_FORMATS = ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S")
_TIME_OF_DAY = "%H:%M"  # of the day on which the blueprint is compiled
_TIMES = "a time such as `2030-01-31 18:00`, `18:00` or `+2 weeks`"
_OUTPUT_FORMAT = "%Y-%m-%d %H:%M:%S"


class _Recurrence:
    def parse(self, node: YamlNode, compilation: Compilation) -> str | None:
        return _parse_text(parse_recurrence, node, compilation)


class _Weekday:
    """A weekday, or with a number before it one in each month: `mo`, `2mo`, `L-fr`."""

    def parse(self, node: YamlNode, compilation: Compilation) -> str | None:
        return _parse_text(parse_weekday, node, compilation)


def _parse_text(parse: Callable[[str], object], node: YamlNode, compilation: Compilation) -> str | None:
    """Return a text as it is written, once it can be parsed."""
    text = TEXT.parse(node, compilation)
    try:
        if text is not None:
            parse(text)
    except Usage as error:
        compilation.report(node, "time", error.message)
        return None
    return text


class _Parameters(FreeMap):
    def parse(self, node: YamlNode, compilation: Compilation) -> JsonObject:
        values = super().parse(node, compilation)
        for value in (values, *values.values()):
            if called_function(value) == "get_attribute":
                compilation.report(node, "function", "the parameters of a schedule cannot call `get_attribute`")
        return values


class _Time:
    def parse(self, node: YamlNode, compilation: Compilation) -> str | None:
        if isinstance(node.value, int) and not isinstance(node.value, bool):
            hint = "YAML reads 18:00 as a number; write '18:00'"
            compilation.report(node, "type", f"expected {_TIMES}, got the number {node.value}; {hint}")
            return None
        return TEXT.parse(node, compilation)


class _Schedule(Record):
    """A schedule. Times are converted to UTC; offsets stay, as they count from the creation of the deployment."""

    def parse(self, node: YamlNode, compilation: Compilation) -> JsonObject:
        values = super().parse(node, compilation)
        zone = _zone(cast("str | None", values.pop("timezone", None)), node, compilation)
        for key in ("since", "until"):
            written = node.get(key)
            if values.get(key) and written is not None:
                values[key] = _to_utc(cast("str", values[key]), zone, written, compilation)
        return values


SCHEDULE = _Schedule(
    keys={
        "workflow": TEXT,
        "execution_arguments": Record(
            keys={
                "force": BOOLEAN,
                "is_dry_run": BOOLEAN,
                "wait_after_fail": INTEGER,
                "allow_custom_parameters": BOOLEAN,
            }
        ),
        "workflow_parameters": _Parameters(),
        "since": _Time(),
        "until": _Time(),
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


def _zone(name: str | None, node: YamlNode, compilation: Compilation) -> tzinfo:
    try:
        return parse_timezone(name) if name else UTC
    except Usage as error:
        compilation.report(node.get("timezone") or node, "time", error.message)
        return UTC


def _to_utc(text: str, zone: tzinfo, node: YamlNode, compilation: Compilation) -> str | None:
    if text.startswith("+"):
        if not _OFFSET.fullmatch(text):
            compilation.report(node, "time", f"`{text}` is not a duration, such as `+2 weeks` or `+1d+10min`")
        return text
    for form in (*_INPUT_FORMATS, _TIME_OF_DAY):
        try:
            time = datetime.strptime(text, form)
            if form == _TIME_OF_DAY:
                time = datetime.combine(datetime.now(zone), time.time())
            return time.replace(tzinfo=zone).astimezone(UTC).strftime(_OUTPUT_FORMAT)
        except (ValueError, OverflowError):
            continue
    report_type(_TIMES, node, compilation)
    return None

"""Parsers of option values, used as click types: text in; the value, or Usage, out."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cfy_cli.contract.datetimes import parse_datetime
from cfy_cli.contract.durations import parse_duration
from cfy_cli.contract.names import find_fault, suggest
from cfy_cli.contract.resource import Resource
from cfy_cli.contract.states import DISPLAYED_AS, ExecutionState
from cfy_cli.contract.timestamps import format_timestamp
from cfy_cli.errors import ErrorCode, Usage

HOURS = {"h": 1, "d": 24, "w": 7 * 24}
MIN_YEAR = 1970  # of an event


def name_of(resource: Resource) -> Callable[[str], str]:
    """Return the parser of the name of a new resource."""

    def name(text: str) -> str:
        if fault := find_fault(resource, text):
            raise Usage(fault, hint=suggest(resource, text))
        return text

    return name


def execution_state(text: str) -> str:
    """Return the API's name of a state, which may be given as displayed (`completed` for `terminated`)."""
    by_display_name = {display_name: str(state) for state, display_name in DISPLAYED_AS.items()}
    state = by_display_name.get(text.lower(), text.lower())
    if state not in set(ExecutionState):
        raise Usage(f"`{text}` is not a state of executions", hint=f"States: {', '.join(ExecutionState)}")
    return state


def timestamp(text: str) -> str:
    """Return a timestamp of the API."""
    return format_timestamp(parse_datetime(text))


def minute(text: str) -> str:
    """Return a time as executions are scheduled, such as 202611231259+0000; seconds are rounded up."""
    time = parse_datetime(text)
    if time.second or time.microsecond:
        time += timedelta(minutes=1)
    return time.astimezone(UTC).strftime("%Y%m%d%H%M%z")


def moment(text: str) -> str:
    """Return a timestamp of the API; a duration such as `6.5h`, `2d` or `7w` is that long ago, `@N` seconds of 1970."""
    text = text.strip()
    if match := re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)([hdw])", text, re.IGNORECASE):
        try:
            return format_timestamp(datetime.now(UTC) - float(match[1]) * HOURS[match[2].lower()] * timedelta(hours=1))
        except OverflowError:
            return format_timestamp(datetime.min.replace(tzinfo=UTC))
    if re.fullmatch(r"@\d+", text):
        try:
            return format_timestamp(datetime.fromtimestamp(int(text[1:]), UTC))
        except (ValueError, OverflowError, OSError):
            raise Usage(f"`{text}` is not a time: there are no such seconds since 1970") from None
    return timestamp(text)


def retention(text: str) -> str:
    """Return a duration, or an empty text for `always`."""
    return "" if text.strip().lower() == "always" else str(parse_duration(text))


def before(text: str) -> str:
    """Return the timestamp of that long ago."""
    duration = text.strip().removesuffix(" ago")
    try:
        time = parse_duration(duration).before(datetime.now(UTC))
    except Usage as error:
        if error.code != ErrorCode.DURATION_TOO_LONG:
            raise
        time = datetime.min.replace(tzinfo=UTC)
    if time.year < MIN_YEAR:
        raise Usage(f"`{text}` is too long ago: there are no events before {MIN_YEAR}")
    return format_timestamp(time)

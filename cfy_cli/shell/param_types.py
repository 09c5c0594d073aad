"""Values with a grammar of their own, as types for click: text in; the value, or Usage, out."""

import re
from datetime import UTC, datetime, timedelta

from cfy_cli.contract.datetimes import parse_datetime
from cfy_cli.contract.durations import parse_duration
from cfy_cli.contract.states import DISPLAYED_AS, ExecutionState
from cfy_cli.contract.timestamps import format_timestamp
from cfy_cli.errors import ErrorCode, Usage

EARLIEST = 1970


def name(text: str) -> str:
    """What may name a new thing: it becomes part of a URL."""
    if not re.fullmatch(r"[A-Za-z0-9._~-]+", text):
        raise Usage(f"`{text}` cannot be a name", hint="A name is made of letters, digits, `-`, `.`, `_` and `~`.")
    return text


def execution_state(text: str) -> str:
    """A state as shown (`completed`) or as the wire spells it (`terminated`), on the wire's side."""
    shown = {word: str(state) for state, word in DISPLAYED_AS.items()}
    state = shown.get(text.lower(), text.lower())
    if state not in set(ExecutionState):
        raise Usage(f"`{text}` is not the state of an execution", hint=f"States: {', '.join(ExecutionState)}")
    return state


def moment(text: str) -> str:
    """A point in time in the wire's spelling."""
    return format_timestamp(parse_datetime(text))


def minute(text: str) -> str:
    """A point in time as executions are scheduled: 202611231259+0000, not earlier than was typed."""
    then = parse_datetime(text)
    if then.second or then.microsecond:
        then += timedelta(minutes=1)
    return then.astimezone(UTC).strftime("%Y%m%d%H%M%z")


def kept_for(text: str) -> str:
    """For how long things are kept: a length of time, or nothing for always."""
    return "" if text.strip().lower() == "always" else str(parse_duration(text))


def before(text: str) -> str:
    """The point in time that long ago, in the wire's spelling."""
    span = text.strip().removesuffix(" ago")
    try:
        then = parse_duration(span).before(datetime.now(UTC))
    except Usage as error:
        if error.code != ErrorCode.DURATION_TOO_LONG:
            raise
        then = datetime.min.replace(tzinfo=UTC)
    if then.year < EARLIEST:
        raise Usage(f"`{text}` is longer ago than any event")
    return format_timestamp(then)

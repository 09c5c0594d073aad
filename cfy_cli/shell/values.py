"""Values with a grammar of their own, as types for click: text in; the value, or Usage, out."""

import re
from datetime import UTC, datetime, timedelta

from cfy_cli.contract.clock import stamp
from cfy_cli.contract.states import DISPLAYED_AS, ExecutionState
from cfy_cli.errors import Usage

EARLIEST = 1970
_SPAN = r"(\d+) ?(second|minute|hour|day|week|month|year)s?( ago)?"


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
    """A point in time, ISO 8601 or seconds since 1970, by default in UTC, in the wire's spelling."""
    try:
        if re.fullmatch(r"\d{9,}(\.\d+)?", text):
            return stamp(datetime.fromtimestamp(float(text), UTC))
        parsed = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise Usage(f"`{text}` is not a time such as 2026-11-23 or 2026-11-23 12:59") from None
    return stamp(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))


def before(text: str) -> str:
    """The point in time that long ago, in the wire's spelling."""
    found = re.fullmatch(_SPAN, text.strip())
    if not found:
        raise Usage(f"`{text}` is not a span of time such as `2 weeks` or `3 months ago`")
    try:
        then = ago(int(found[1]), found[2], datetime.now(UTC))
    except (ValueError, OverflowError):
        then = datetime.min.replace(tzinfo=UTC)
    if then.year < EARLIEST:
        raise Usage(f"`{text}` is longer ago than any event")
    return stamp(then)


def ago(count: int, unit: str, now: datetime) -> datetime:
    """`now` less so many units; a month earlier than the 31st is the last day of a shorter month."""
    if unit not in ("month", "year"):
        return now - timedelta(**{f"{unit}s": count})
    months = now.year * 12 + now.month - 1 - count * (12 if unit == "year" else 1)
    first = now.replace(year=months // 12, month=months % 12 + 1, day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return first.replace(day=min(now.day, (following - timedelta(days=1)).day))

"""Regular expressions that users write: they are matched within a time limit, since some take exponential time."""

from collections.abc import Iterator
from contextlib import contextmanager

import regex

from cfy_cli.contract.limits import active_limits

MAX_LENGTH = 10_000  # characters, so that compiling takes milliseconds
MAX_SHOWN = 120  # characters, in errors


class PatternTimeout(Exception):
    """The limit `pattern_time` was reached; the message says for which pattern."""


def is_pattern(value: object) -> bool:
    """Return whether a value is a regular expression of a length that is accepted."""
    if not isinstance(value, str) or len(value) > MAX_LENGTH:
        return False
    try:
        regex.compile(value)
    except (regex.error, ValueError, OverflowError, RecursionError):
        return False
    return True


def match(pattern: str, text: str) -> bool:
    """Return whether a text begins with the pattern. Raises PatternTimeout."""
    with _time_limit(pattern) as seconds:
        return regex.match(pattern, text, timeout=seconds, concurrent=True) is not None


def search(pattern: str, text: str) -> bool:
    """Return whether the pattern occurs in a text. Raises PatternTimeout."""
    with _time_limit(pattern) as seconds:
        return regex.search(pattern, text, timeout=seconds, concurrent=True) is not None


@contextmanager
def _time_limit(pattern: str) -> Iterator[float]:
    limit = active_limits().pattern_time
    try:
        yield limit / 1000
    except TimeoutError:
        shown = pattern if len(pattern) <= MAX_SHOWN else f"{pattern[:MAX_SHOWN]}…"
        raise PatternTimeout(f"the pattern `{shown}` takes more than {limit} milliseconds for this value") from None

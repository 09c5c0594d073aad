"""JSON that every database can store and every client can read; what is not is refused here, wherever it comes from."""

import json
import math
import re
import sys
from collections.abc import Iterable, Mapping
from typing import cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.limits import active_limits, raise_hint
from cfy_cli.errors import Invalid, TooLarge

_LONG = 40  # characters of a number or key that a message shows
_MARKS = ",[{"  # one before each value, or nearly so
_PART = r'"(?:[^"\\]++|\\.)*+"|[,\[{]'  # a text or a mark outside of texts


def parse_json(data: bytes | str, what: str) -> Json:
    """Parse JSON; `what` begins the message about a fault, such as "The request body".

    Raises Invalid, also for a key that is given twice, and TooLarge before many more values are built than the limits
    of this process allow.
    """
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
        if sum(map(text.count, _MARKS)) > active_limits().json_values:
            _check_count(text, what)
        value = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)
    except RecursionError:
        raise _too_deep(what) from None
    except UnicodeDecodeError as error:
        raise Invalid(f"{what} is not UTF-8 text: {error.reason} at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise Invalid(f"{what} is not JSON: {error}") from None
    except ValueError as error:  # of the hooks, or of an integer with more digits than Python converts
        reason = str(error) if isinstance(error, _Refused) else "a number with thousands of digits"
        raise Invalid(f"{what} cannot be read: it contains {reason}") from None
    check_json(value, what)
    return cast("Json", value)


def check_json(value: object, what: str) -> None:
    """Raise Invalid unless a value consists of JSON that can be stored unchanged; TooLarge for too many values."""
    try:
        count = _check(value, active_limits().json_depth)
    except _TooDeep:
        raise _too_deep(what) from None
    except _Refused as fault:
        where = f": `{printable('.'.join(reversed(fault.place)))}`" if fault.place else ": it"
        raise Invalid(f"{what} cannot be stored{where} contains {fault}") from None
    if count > active_limits().json_values:
        raise _too_many(what)


def find_fault(value: object) -> str | None:
    """Return what is wrong with a scalar, such as "a number that is infinite"; None when it can be stored."""
    if isinstance(value, str):
        return _text_fault(value)
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return None if -sys.float_info.max <= value <= sys.float_info.max else f"{_shown(value)}, a number too large"
    if isinstance(value, float):
        return None if math.isfinite(value) else "a number that is infinite or not a number"
    return f"a value that JSON does not have ({type(value).__name__})"


def check_text(text: str, what: str) -> str:
    """Return text that can be stored. Raises Invalid."""
    if fault := _text_fault(text):
        raise Invalid(f"{what} cannot be used: it contains {fault}")
    return text


def sanitize_text(text: str) -> str:
    """Replace what is no text: NUL, lone surrogates, bytes in another encoding."""
    if _text_fault(text) is None:
        return text
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def sanitize(value: object) -> object:
    """Return a value with what cannot be written as JSON replaced: characters by U+FFFD, numbers by null."""
    if value is None:
        return None
    if isinstance(value, str):
        return sanitize_text(value)
    if isinstance(value, Mapping):
        return {sanitize_text(str(key)): sanitize(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [sanitize(item) for item in value]
    return None if isinstance(value, int | float) and find_fault(value) else value


def printable(text: str) -> str:
    """Return text with what is not Unicode shown as an escape sequence, for a message."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000")


class _Refused(ValueError):
    """The reason why a value cannot be stored, and the keys to it, from the innermost outwards."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.place: list[str] = []


class _TooDeep(Exception):
    """The value has more levels than the limit."""


def _check(value: object, levels: int) -> int:
    """Return the number of values. Raises _Refused and _TooDeep."""
    if isinstance(value, dict):
        _check_keys(value)
        items: Iterable[tuple[object, object]] = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    elif fault := find_fault(value):
        raise _Refused(fault)
    else:
        return 1
    if levels == 0:
        raise _TooDeep
    count = 1
    for key, item in items:
        try:
            count += _check(item, levels - 1)
        except _Refused as refused:
            refused.place.append(str(key))
            raise
    return count


def _check_keys(mapping: Mapping[object, object]) -> None:
    for key in mapping:
        fault = _text_fault(key) if isinstance(key, str) else f"a key that is not text: {str(key)[:_LONG]}"
        if fault:
            raise _Refused(fault)


def _text_fault(text: str) -> str | None:
    if "\0" in text:
        return "the character NUL (\\u0000)"
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"{printable(text[error.start : error.end])}, which is not Unicode text"
    return None


def _shown(number: int) -> str:
    """Return the beginning of a number, which may have more digits than Python converts to text."""
    digits = f"{number:#x}"
    return f"{digits[:_LONG]}…" if len(digits) > _LONG else digits


def _unique_keys(pairs: list[tuple[str, Json]]) -> JsonObject:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _Refused(f"the key `{printable(twice)}` twice")
    return result


def _refuse_constant(name: str) -> Json:
    raise _Refused(f"{name}, which is not a number of JSON")


def _check_count(text: str, what: str) -> None:
    """Raise TooLarge when the marks outside of texts alone say that there are too many values."""
    maximum = 2 * active_limits().json_values
    for count, _token in enumerate(re.finditer(_PART, text)):
        if count > maximum:  # an empty list has two marks, as has a text in a list
            raise _too_many(what)


def _too_deep(what: str) -> Invalid:
    depth = active_limits().json_depth
    return Invalid(f"{what} is nested too deep: it has more than {depth} levels", hint=raise_hint("json_depth"))


def _too_many(what: str) -> TooLarge:
    return TooLarge(f"{what} has more than {active_limits().json_values:,} values", hint=raise_hint("json_values"))

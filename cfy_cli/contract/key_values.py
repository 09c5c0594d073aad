"""The grammar of keys with values: `key=value`, `a=1;b=2`, `a.b.c=1`, and `key:value,key:value` of some options."""

from collections.abc import Container, Mapping
from typing import Any

from cfy_cli.contract.escapes import escape, split, unescape
from cfy_cli.errors import Usage

_ESCAPED = ",:="


def parse_pairs(text: str, known: Container[str]) -> list[tuple[str, str]]:
    """key=value, split at the first `=`. `a=1;b=2` is two of them only if both keys are known. Raises Usage."""
    parts = [part for part in text.split(";") if part.strip()]
    split_up = [parse_pair(part) for part in parts if "=" in part]
    if len(split_up) == len(parts) > 1 and all(key in known for key, _ in split_up):
        return split_up
    return [parse_pair(text)]


def parse_pair(text: str) -> tuple[str, str]:
    """Raises Usage."""
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise Usage(f"`{text}` is not of the form key=value")
    return key.strip(), value


def format_pair(key: str, value: str) -> str:
    """As parse_pair reads it."""
    return f"{key}={value}"


def nested(key: str, value: Any) -> dict[str, Any]:
    """`a.b.c` with a value as {a: {b: {c: value}}}. Raises Usage when a part of the key is empty."""
    *outer, last = key.split(".")
    if not all((*outer, last)):
        raise Usage(f"`{key}` has an empty part", hint="Write keys as a.b.c.")
    found: dict[str, Any] = {last: value}
    for part in reversed(outer):
        found = {part: found}
    return found


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Both, level by level; where both have a value, the second's."""
    result = dict(first)
    for key, value in second.items():
        before = result.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        result[key] = merged(before, value) if both else value  # type: ignore[arg-type]
    return result


def parse_mapping(text: str) -> dict[str, str]:
    """`key:value,key:value`, or with `=` for the colon; a backslash keeps a letter from separating. Raises Usage."""
    mapping: dict[str, str] = {}
    for part in split(text, ","):
        sign = min((len(pieces[0]), sign) for sign in ":=" if (pieces := split(part, sign)))[1]
        key, *values = split(part, sign)
        if not key.strip() or not values:
            raise Usage(f"`{part}` is not of the form key:value", hint="Write key:value,key:value; `\\,` is a comma.")
        mapping[unescape(key.strip(), _ESCAPED)] = unescape(sign.join(values), _ESCAPED)
    return mapping


def format_mapping(mapping: Mapping[str, str]) -> str:
    """As parse_mapping reads it."""
    return ",".join(f"{escape(key, _ESCAPED)}:{escape(value, _ESCAPED)}" for key, value in mapping.items())

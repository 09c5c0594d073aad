"""Keys with values as users type them: `key=value`, `a=1;b=2`, `a.b.c=1`, and `key:value,key:value`."""

from collections.abc import Container, Mapping

from cfy_cli.contract.escapes import escape, split, unescape
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.errors import Usage

_ESCAPED = ",:="


def parse_pairs(text: str, known: Container[str] | None) -> list[tuple[str, str]]:
    """Parse key=value, split at the first `=`; `known` are the declared keys, None when any key may be given.

    `a=1;b=2` is two pairs only if both keys are known; else the semicolon belongs to the value. Raises Usage.
    """
    parts = [part.partition("=") for part in text.split(";") if part.strip()]
    pairs = [(key.strip(), value) for key, _, value in parts]
    if all(
        key and sign and (known is None or key in known) for (key, _), (_, sign, _) in zip(pairs, parts, strict=True)
    ):
        return pairs or [parse_pair(text)]
    return [parse_pair(text)]


def parse_pair(text: str) -> tuple[str, str]:
    """Parse key=value. Raises Usage."""
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise Usage(f"`{text}` is not of the form key=value")
    return key.strip(), value


def nested(key: str, value: Json) -> JsonObject:
    """Expand `a.b.c` with a value to {a: {b: {c: value}}}. Raises Usage when a part of the key is empty."""
    *outer, last = key.split(".")
    if not all((*outer, last)):
        raise Usage(f"`{key}` has an empty part", hint="Write keys as a.b.c.")
    result: JsonObject = {last: value}
    for part in reversed(outer):
        result = {part: result}
    return result


def merged(first: Mapping[str, Json], second: Mapping[str, Json]) -> JsonObject:
    """Merge two mappings level by level; where both have a value, take the second's."""
    result = dict(first)
    for key, value in second.items():
        before = result.get(key)
        result[key] = merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return result


def parse_mapping(text: str) -> dict[str, str]:
    """Parse `key:value,key:value`, or with `=` for the colon; a backslash escapes a separator. Raises Usage."""
    mapping: dict[str, str] = {}
    for part in split(text, ","):
        sign = min((len(pieces[0]), sign) for sign in ":=" if (pieces := split(part, sign)))[1]
        key, *values = split(part, sign)
        if not key.strip() or not values:
            raise Usage(f"`{part}` is not of the form key:value", hint="Write key:value,key:value; `\\,` is a comma.")
        mapping[unescape(key.strip(), _ESCAPED)] = unescape(sign.join(values), _ESCAPED)
    return mapping


def format_mapping(mapping: Mapping[str, str]) -> str:
    """Format a mapping so that `parse_mapping` parses it."""
    return ",".join(f"{escape(key, _ESCAPED)}:{escape(value, _ESCAPED)}" for key, value in mapping.items())

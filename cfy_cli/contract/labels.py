"""The grammar of labels: `key:value,key:value`, where `\\,` and `\\:` stand for a comma and a colon in a value."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from cfy_cli.contract.escapes import escape, split, unescape
from cfy_cli.errors import Usage

# A plain text, which `re` compiles when it is first used: most command lines hold no label.
_KEY = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_ESCAPED = ",:"
FORM = "key:value,key:value"

Label = tuple[str, str]


def parse_labels(text: str) -> list[Label]:
    """Keys are in lower case, as managers keep them. Raises Usage naming the part that is wrong."""
    labels = []
    for key, value in _parts(text):
        if value is None:
            raise Usage(f"The label `{key}` has no value", hint=f"Write labels as {FORM}")
        labels.append((key, value))
    return labels


def parse_labels_to_delete(text: str) -> list[tuple[str, str | None]]:
    """As parse_labels, but a bare key means all its values."""
    return _parts(text)


def format_label(key: str, value: str) -> str:
    """A label as parse_labels reads it."""
    return f"{key}:{escape(value, _ESCAPED)}"


def labels_in(said: Any) -> list[Label]:
    """Labels as managers say them: a list of keys and values, or the values of each key."""
    if isinstance(said, Mapping):
        return [(key, value) for key, values in said.items() for value in values]
    return [(label["key"], label["value"]) for label in said]


def _parts(text: str) -> list[tuple[str, str | None]]:
    if any(unicodedata.category(char).startswith("C") or char == '"' for char in text):
        raise Usage('A label holds no control characters and no `"`', hint=f"Write labels as {FORM}")
    return [_part(part) for part in split(text, ",")]


def _part(text: str) -> tuple[str, str | None]:
    key, *values = split(text, ":")
    key = key.strip()
    if len(values) > 1 or (values and not values[0]):
        raise Usage(f"The label `{text}` is not of the form key:value", hint="Write a colon in a value as `\\:`.")
    if not re.fullmatch(_KEY, key):
        raise Usage(f"`{key}` cannot be the key of a label", hint="A key is made of letters, digits, `-`, `.` and `_`.")
    return key.lower(), unescape(values[0], _ESCAPED) if values else None

r"""Labels as users type them: `key:value,key:value`, with `\,` and `\:` for a comma and a colon in a value."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import cast

from cfy_cli.contract.escapes import escape, split, unescape
from cfy_cli.errors import Usage

# Plain text, which `re` compiles when it is first used: most command lines hold no label.
_KEY = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_ESCAPED = ",:"
FORM = "key:value,key:value"

Label = tuple[str, str]


def parse_labels(text: str) -> list[Label]:
    """Parse labels; keys become lower case, as managers store them. Raises Usage naming the part that is wrong."""
    labels = []
    for key, value in _parse_parts(text):
        if value is None:
            raise Usage(f"The label `{key}` has no value", hint=f"Write labels as {FORM}")
        labels.append((key, value))
    return labels


def parse_labels_to_delete(text: str) -> list[tuple[str, str | None]]:
    """Parse labels to delete; a key without a value stands for all its values."""
    return _parse_parts(text)


def format_label(key: str, value: str) -> str:
    """Format a label so that `parse_labels` parses it."""
    return f"{key}:{escape(value, _ESCAPED)}"


def labels_in(answer: object) -> list[Label]:
    """Return the labels in a manager's answer: a list of keys and values, or the values of each key."""
    if isinstance(answer, Mapping):
        return [(key, value) for key, values in answer.items() for value in values]
    return [(label["key"], label["value"]) for label in cast("Iterable[Mapping[str, str]]", answer)]


def _parse_parts(text: str) -> list[tuple[str, str | None]]:
    if any(unicodedata.category(char).startswith("C") or char == '"' for char in text):
        raise Usage('A label cannot hold control characters or `"`', hint=f"Write labels as {FORM}")
    return [_parse_part(part) for part in split(text, ",")]


def _parse_part(text: str) -> tuple[str, str | None]:
    key, *values = split(text, ":")
    key = key.strip()
    if len(values) > 1 or (values and not values[0]):
        raise Usage(f"The label `{text}` is not of the form key:value", hint="Write a colon in a value as `\\:`.")
    if not re.fullmatch(_KEY, key):
        raise Usage(
            f"`{key}` cannot be the key of a label", hint="A key consists of letters, digits, `-`, `.` and `_`."
        )
    return key.lower(), unescape(values[0], _ESCAPED) if values else None

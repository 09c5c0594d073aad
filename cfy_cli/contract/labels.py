r"""Labels as users type them: `key:value,key:value`, with `\,` and `\:` for a comma and a colon in a value."""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import cast

from cfy_cli.contract.escapes import escape, split, unescape
from cfy_cli.contract.names import CHARACTERS, describe_others
from cfy_cli.errors import Usage

MAX_LABEL_LENGTH = 256  # characters of a key or value
OBJECT_TYPE = "csys-obj-type"  # `environment` or `service`
_ESCAPED = ",:"
FORM = "key:value,key:value"

Label = tuple[str, str]


def parse_labels(text: str) -> list[Label]:
    """Parse labels; keys become lower case, as managers store them. Raises Usage naming the part that is wrong."""
    labels = []
    for key, value in parse_labels_to_delete(text):
        if value is None:
            raise Usage(f"The label `{key}` has no value", hint=f"Write labels as {FORM}")
        if fault := find_fault(key, value):
            raise Usage(fault, hint=f"Write labels as {FORM}")
        labels.append((key, value))
    return labels


def parse_labels_to_delete(text: str) -> list[tuple[str, str | None]]:
    """Parse labels to delete, also those that no new label may be; a key without a value stands for all its values."""
    return [_parse_part(part) for part in split(text, ",")]


def normalize(key: str, value: str) -> Label:
    """Return a label as managers store it: keys, and the type of the object, are in lower case."""
    key = key.lower()
    return key, value.lower() if key == OBJECT_TYPE else value


def find_fault(key: str, value: str) -> str | None:
    """Return a sentence about what is wrong with a new label; None when nothing is."""
    if not key.strip():
        return "The key of a label cannot be empty"
    if not value.strip():
        return f"The label `{key}` has no value"
    if max(len(key), len(value)) > MAX_LABEL_LENGTH:
        return f"The label `{key[:24]}…` is too long: a key and a value may have {MAX_LABEL_LENGTH} characters each"
    if others := describe_others(key):
        return f"`{key}` cannot be the key of a label: it contains {others}; allowed are {CHARACTERS}"
    if any(unicodedata.category(char).startswith("C") or char == '"' for char in value):
        return f'The value of the label `{key}` cannot hold control characters or `"`'
    return None


def format_label(key: str, value: str) -> str:
    """Format a label so that `parse_labels` parses it."""
    return f"{key}:{escape(value, _ESCAPED)}"


def labels_in(answer: object) -> list[Label]:
    """Return the labels in a manager's answer: a list of keys and values, or the values of each key."""
    if isinstance(answer, Mapping):
        return [(key, value) for key, values in answer.items() for value in values]
    return [(label["key"], label["value"]) for label in cast("Iterable[Mapping[str, str]]", answer)]


def _parse_part(text: str) -> tuple[str, str | None]:
    key, *values = split(text, ":")
    key = key.strip()
    if len(values) > 1 or (values and not values[0]):
        raise Usage(f"The label `{text}` is not of the form key:value", hint="Write a colon in a value as `\\:`.")
    return normalize(key, unescape(values[0], _ESCAPED)) if values else (key.lower(), None)

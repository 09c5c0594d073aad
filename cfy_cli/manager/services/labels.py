"""Labels as people and clients write them, and setting them on a row."""

from collections.abc import Iterable
from typing import Any

from cfy_cli.errors import Invalid

Pair = tuple[str, str]
LONGEST = 256
SPECIMEN = 'give [{"KEY": "VALUE"}], [{"key": "KEY", "value": "VALUE"}] or KEY=VALUE,KEY=VALUE'


def parse(given: Any) -> list[Pair]:
    """The pairs in any of the spellings of the wire, each once, in their order. Raises Invalid."""
    if not given:
        return []
    if isinstance(given, str):
        given = [_split(part) for part in given.split(",")]
    if isinstance(given, dict):
        given = [given]
    if not isinstance(given, list):
        raise Invalid(f"Labels of an unknown form: {SPECIMEN}")
    return list(dict.fromkeys(pair for label in given for pair in _pairs(label)))


def replace(rows: list[Any], kind: type[Any], pairs: Iterable[Pair], created_by: str) -> None:
    """Leave exactly these labels on a row's list; those that stay keep who made them and when."""
    wanted = list(dict.fromkeys(pairs))
    for row in [row for row in rows if (row.key, row.value) not in wanted]:
        rows.remove(row)
    present = {(row.key, row.value) for row in rows}
    rows.extend(
        kind(key=key, value=value, created_by=created_by) for key, value in wanted if (key, value) not in present
    )


def _split(text: str) -> dict[str, str]:
    key, sign, value = text.partition("=")
    if not sign:
        raise Invalid(f"`{text}` is not a label: {SPECIMEN}")
    return {key.strip(): value.strip()}


def _pairs(label: Any) -> list[Pair]:
    if not isinstance(label, dict) or not label:
        raise Invalid(f"`{label}` is not a label: {SPECIMEN}")
    if label.keys() == {"key", "value"}:
        label = {label["key"]: label["value"]}
    return [
        (_checked(key, "key").lower(), _checked(value, "value"))
        for key, values in label.items()
        for value in (values if isinstance(values, list) else [values])
    ]


def _checked(text: Any, what: str) -> str:
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST or not text.isprintable():
        raise Invalid(f"`{text}` cannot be a label's {what}: it is text of 1 to {LONGEST} printable characters")
    return text

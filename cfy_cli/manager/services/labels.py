"""Labels as people and clients write them, and setting them on a row."""

from collections.abc import Iterable
from typing import Any

from cfy_cli.errors import Invalid

Pair = tuple[str, str]
PARENT = "csys-obj-parent"  # the deployment that one stands in
CONSUMER = "csys-consumer-id"  # a deployment that needs this one; set by the manager alone
KIND = "csys-obj-type"
RESERVED = "csys-"
ALLOWED = (
    PARENT,
    "csys-env-type",
    CONSUMER,
    "csys-location-long",
    "csys-wrcp-services",
    "csys-location-name",
    "csys-location-lat",
    "csys-obj-name",
    "csys-environment",
    KIND,
    "csys-wrcp-group-id",
)
FURTHEST = {"csys-location-lat": ("latitude", 90), "csys-location-long": ("longitude", 180)}
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
        _allowed(_checked(key, "key").lower(), _checked(value, "value"))
        for key, values in label.items()
        for value in (values if isinstance(values, list) else [values])
    ]


def _allowed(key: str, value: str) -> Pair:
    if not key.startswith(RESERVED):
        return key, value
    if key not in ALLOWED:
        raise Invalid(
            f"All labels with a `{RESERVED}` prefix are reserved for internal use. "
            f"Allowed `{RESERVED}` prefixed labels are: {', '.join(ALLOWED)}"
        )
    if key in FURTHEST:
        _check_place(value, *FURTHEST[key])
    return key, value.lower() if key == KIND else value


def _check_place(value: str, what: str, most: int) -> None:
    try:
        well = -most <= float(value) <= most
    except ValueError:
        well = False
    if not well:
        raise Invalid(f"Invalid {what} `{value}`. Must be a number between -{most} and {most}")


def _checked(text: Any, what: str) -> str:
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST or not text.isprintable():
        raise Invalid(f"`{text}` cannot be a label's {what}: it is text of 1 to {LONGEST} printable characters")
    return text

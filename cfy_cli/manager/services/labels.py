"""Labels: parsing the forms that the API accepts, and setting them on a row."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

from cfy_cli.contract.labels import OBJECT_TYPE, find_fault, normalize
from cfy_cli.contract.plan import LabelPlan
from cfy_cli.dsl.functions.names import is_function
from cfy_cli.errors import Invalid
from cfy_cli.manager.store.models.labels import Label

Pair = tuple[str, str]  # key, value
L = TypeVar("L", bound=Label)

PARENT = "csys-obj-parent"  # id of a deployment that contains this one
CONSUMER = "csys-consumer-id"  # id of a deployment that depends on this one; only the manager sets it
RESERVED_PREFIX = "csys-"
RESERVED_KEYS = (
    PARENT,
    "csys-env-type",
    CONSUMER,
    "csys-location-long",
    "csys-wrcp-services",
    "csys-location-name",
    "csys-location-lat",
    "csys-obj-name",
    "csys-environment",
    OBJECT_TYPE,
    "csys-wrcp-group-id",
)
COORDINATES = {"csys-location-lat": ("latitude", 90), "csys-location-long": ("longitude", 180)}  # degrees
EXAMPLES = 'give [{"KEY": "VALUE"}], [{"key": "KEY", "value": "VALUE"}] or KEY=VALUE,KEY=VALUE'


def parse(labels: object) -> list[Pair]:
    """Return the pairs in any form of the API, without duplicates and in their order. Raises Invalid.

    Whether they can be labels is checked where they are set.
    """
    if not labels:
        return []
    if isinstance(labels, str):
        labels = [_split(part) for part in labels.split(",")]
    if isinstance(labels, dict):
        labels = [labels]
    if not isinstance(labels, list):
        raise Invalid(f"These are not labels: {EXAMPLES}")
    return list(dict.fromkeys(pair for label in labels for pair in _pairs(label)))


def of_plan(declared: Mapping[str, LabelPlan] | None) -> list[Pair]:
    """Return the labels that a plan declares. Raises Invalid for a value that is still a call of a function."""
    pairs = []
    for key, label in (declared or {}).items():
        for value in label["values"]:
            if is_function(value):
                raise Invalid(
                    f"The label `{key}` cannot be set: {value} has no value before the deployment is installed"
                )
            pairs.append(normalize(key, str(value)))
    return pairs


def replace(rows: list[L], create: Callable[..., L], pairs: Iterable[Pair], created_by: str) -> None:
    """Change a row's list of labels to exactly these pairs; labels that stay keep their creator and time.

    Raises Invalid for a new pair that cannot be a label; what was stored before may stay.
    """
    new = dict.fromkeys(normalize(key, value) for key, value in pairs)
    check(new, present=[(row.key, row.value) for row in rows])
    for row in [row for row in rows if (row.key, row.value) not in new]:
        rows.remove(row)
    present = {(row.key, row.value) for row in rows}
    rows.extend(
        create(key=key, value=value, created_by=created_by) for key, value in new if (key, value) not in present
    )


def check(pairs: Iterable[Pair], present: Collection[Pair] = ()) -> None:
    """Raise Invalid for a pair that cannot be a label, unless it is one of those present."""
    for key, value in pairs:
        if (key, value) in present:
            continue
        if fault := find_fault(key, value):
            raise Invalid(fault)
        if key.startswith(RESERVED_PREFIX):
            _check_reserved(key, value)


def _split(text: str) -> dict[str, str]:
    key, sign, value = text.partition("=")
    if not sign:
        raise Invalid(f"`{text}` is not a label: {EXAMPLES}")
    return {key.strip(): value.strip()}


def _pairs(label: object) -> list[Pair]:
    if not isinstance(label, dict) or not label:
        raise Invalid(f"`{label}` is not a label: {EXAMPLES}")
    if label.keys() == {"key", "value"}:
        label = {label["key"]: label["value"]}
    return [
        normalize(_check_text(key, "key"), _check_text(value, "value"))
        for key, values in label.items()
        for value in (values if isinstance(values, list) else [values])
    ]


def _check_reserved(key: str, value: str) -> None:
    if key not in RESERVED_KEYS:
        raise Invalid(
            f"All labels with a `{RESERVED_PREFIX}` prefix are reserved for internal use. "
            f"Allowed `{RESERVED_PREFIX}` prefixed labels are: {', '.join(RESERVED_KEYS)}"
        )
    if key in COORDINATES:
        _check_coordinate(value, *COORDINATES[key])


def _check_coordinate(value: str, name: str, limit: int) -> None:
    try:
        is_valid = -limit <= float(value) <= limit
    except ValueError:
        is_valid = False
    if not is_valid:
        raise Invalid(f"Invalid {name} `{value}`. Must be a number between -{limit} and {limit}")


def _check_text(text: object, part: str) -> str:
    if not isinstance(text, str):
        raise Invalid(f"`{text}` cannot be the {part} of a label: give text")
    return text

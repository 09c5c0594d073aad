"""How many instances there may be of a node or a group."""

from typing import Any

from cfy_cli.dsl.functions.names import is_function
from cfy_cli.dsl.shapes import AtLeast, Either, Entries, Reading, Scalar, Shape, expected
from cfy_cli.dsl.source import Node

UNBOUNDED = -1
UNBOUNDED_NAME = "UNBOUNDED"


class _Call:
    """A call of a function, which gives the number when a deployment is made."""

    def read(self, node: Node, reading: Reading) -> Any:
        value = reading.value(reading, node)
        return value if is_function(value) else expected("a number or a function", node, reading)


class _Most(Scalar):
    def read(self, node: Node, reading: Reading) -> Any:
        if node.value in (UNBOUNDED, UNBOUNDED_NAME):
            return UNBOUNDED
        value = super().read(node, reading)
        if isinstance(value, str) or (value is not None and value < 1):
            return reading.tell(node, "range", f"`{value}` is neither a positive number nor `{UNBOUNDED_NAME}`")
        return value


_COUNT: Shape = Either(AtLeast(0, "a whole number", int), _Call())
_KEYS = Entries(
    keys={
        "default_instances": _COUNT,
        "min_instances": _COUNT,
        "max_instances": Either(_Most("a whole number", int, str), _Call()),
    },
    rest={"default_instances": 1, "min_instances": 0, "max_instances": UNBOUNDED},
)


class Scalable:
    """`properties` of the capability `scalable` and of scaling policies."""

    def read(self, node: Node, reading: Reading) -> dict[str, Any]:
        return complete(_check(_KEYS.read(node, reading), node, reading))


def complete(counts: dict[str, Any]) -> dict[str, Any]:
    return {
        **counts,
        "current_instances": counts["default_instances"],
        "planned_instances": counts["default_instances"],
    }


def instances(count: int = 1) -> dict[str, Any]:
    """What stands for a template that says no more than a number, if that."""
    return {
        "min_instances": 0,
        "max_instances": UNBOUNDED,
        "default_instances": count,
        "current_instances": count,
        "planned_instances": count,
    }


def _check(counts: dict[str, Any], node: Node, reading: Reading) -> dict[str, Any]:
    least, most, first = counts["min_instances"], counts["max_instances"], counts["default_instances"]
    if most == UNBOUNDED:
        most = {}  # no more known than if it were a function
    for smaller, larger, sentence in (
        (least, first, "default_instances ({1}) is less than min_instances ({0})"),
        (least, most, "min_instances ({0}) is more than max_instances ({1})"),
        (first, most, "default_instances ({0}) is more than max_instances ({1})"),
    ):
        if isinstance(smaller, int) and isinstance(larger, int) and smaller > larger:
            reading.tell(node, "range", sentence.format(smaller, larger))
    return counts

"""Numbers of instances of nodes and scaling groups."""

from typing import cast

from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import InstanceCounts
from cfy_cli.dsl.compilation import Compilation
from cfy_cli.dsl.functions.names import is_function
from cfy_cli.dsl.functions.values import parse_value
from cfy_cli.dsl.parsers import INTEGER, AtLeast, Either, Parser, Record, Scalar, report_type
from cfy_cli.dsl.yaml_nodes import YamlNode

UNBOUNDED = -1
UNBOUNDED_NAME = "UNBOUNDED"


class _Call:
    """A call of a function whose result is the number."""

    def parse(self, node: YamlNode, compilation: Compilation) -> Json:
        value = parse_value(compilation, node)
        if is_function(value):
            return value
        report_type("a number or a function", node, compilation)
        return None


_INTEGER_OR_STRING: Scalar[int | str] = Scalar("an integer", int, str)


class _Maximum:
    def parse(self, node: YamlNode, compilation: Compilation) -> int | None:
        if node.value in (UNBOUNDED, UNBOUNDED_NAME):
            return UNBOUNDED
        value = _INTEGER_OR_STRING.parse(node, compilation)
        if isinstance(value, str) or (value is not None and value < 1):
            compilation.report(node, "range", f"`{value}` is neither a positive number nor `{UNBOUNDED_NAME}`")
            return None
        return value


_COUNT: Parser[object] = Either(AtLeast(0, INTEGER), _Call())
COUNTS = Record(
    keys={"default_instances": _COUNT, "min_instances": _COUNT, "max_instances": Either(_Maximum(), _Call())},
    defaults={"default_instances": 1, "min_instances": 0, "max_instances": UNBOUNDED},
)


class ScalableParser:
    """`properties` of the capability `scalable` and of scaling policies."""

    def parse(self, node: YamlNode, compilation: Compilation) -> InstanceCounts:
        counts = cast("InstanceCounts", COUNTS.parse(node, compilation))
        _check(counts, node, compilation)
        initial = counts["default_instances"]
        return {**counts, "current_instances": initial, "planned_instances": initial}


def default_counts(count: int = 1) -> InstanceCounts:
    """Return the counts of a node that declares only its initial number of instances, or nothing."""
    return {
        "min_instances": 0,
        "max_instances": UNBOUNDED,
        "default_instances": count,
        "current_instances": count,
        "planned_instances": count,
    }


def _check(counts: InstanceCounts, node: YamlNode, compilation: Compilation) -> None:
    minimum, maximum, initial = counts["min_instances"], counts["max_instances"], counts["default_instances"]
    for smaller, larger, sentence in (
        (minimum, initial, "default_instances ({1}) is less than min_instances ({0})"),
        (minimum, maximum, "min_instances ({0}) is more than max_instances ({1})"),
        (initial, maximum, "default_instances ({0}) is more than max_instances ({1})"),
    ):
        if isinstance(smaller, int) and isinstance(larger, int) and UNBOUNDED != larger < smaller:
            compilation.report(node, "range", sentence.format(smaller, larger))

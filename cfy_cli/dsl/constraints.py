"""What may be demanded of an input: the constraints, their arguments, and whether a value meets them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cfy_cli.dsl.functions.names import is_function
from cfy_cli.dsl.problems import near, one_of
from cfy_cli.dsl.shapes import Reading, expected
from cfy_cli.dsl.source import Node
from cfy_cli.dsl.versions import name_of

MESSAGE = "error_message"


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _pattern(value: Any) -> bool:
    try:
        re.compile(value)
    except (re.error, TypeError, OverflowError, RecursionError):
        return False
    return isinstance(value, str)


@dataclass(frozen=True, slots=True)
class Constraint:
    takes: str  # what its argument must be, in words
    fits: Callable[[Any], bool]  # whether an argument is that
    met: Callable[[Any, Any], bool] | None = None  # (value, argument) -> whether it is met
    says: str = ""  # what a value must be, with {0} for the argument

    @property
    def asks_the_manager(self) -> bool:
        """Whether only a manager can say if it is met: it narrows down deployments, blueprints and the like."""
        return self.met is None


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _list(value: Any) -> bool:
    return isinstance(value, list)


def _mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_number, value))


CONSTRAINTS: Mapping[str, Constraint] = {
    "equal": Constraint("a number", _number, lambda value, arg: bool(value == arg), "equal to {0}"),
    "greater_than": Constraint("a number", _number, lambda value, arg: bool(value > arg), "greater than {0}"),
    "greater_or_equal": Constraint("a number", _number, lambda value, arg: bool(value >= arg), "{0} or greater"),
    "less_than": Constraint("a number", _number, lambda value, arg: bool(value < arg), "less than {0}"),
    "less_or_equal": Constraint("a number", _number, lambda value, arg: bool(value <= arg), "{0} or less"),
    "in_range": Constraint(
        "a list of two numbers", _pair, lambda value, arg: bool(arg[0] <= value <= arg[1]), "from {0[0]} to {0[1]}"
    ),
    "valid_values": Constraint("a list", _list, lambda value, arg: value in arg, "one of {0}"),
    "length": Constraint("a number", _number, lambda value, arg: len(value) == arg, "of length {0}"),
    "min_length": Constraint("a number", _number, lambda value, arg: len(value) >= arg, "of length {0} or more"),
    "max_length": Constraint("a number", _number, lambda value, arg: len(value) <= arg, "of length {0} or less"),
    "pattern": Constraint(
        "a regular expression", _pattern, lambda value, arg: bool(re.match(arg, value)), "like the pattern {0}"
    ),
    "filter_id": Constraint("a string", _text),
    "labels": Constraint("a list", _list),
    "tenants": Constraint("a list", _list),
    "name_pattern": Constraint("a mapping", _mapping),
    "deployment_id": Constraint("a string", _text),
}


class ConstraintShape:
    """One entry of `constraints`: a mapping of one operator, and from 1_5 on a sentence of the author's."""

    def read(self, node: Node, reading: Reading) -> Any:
        if not isinstance(node.value, dict):
            expected("a mapping of one constraint", node, reading)
            return {}
        names = [name for name in node.value if name != MESSAGE]
        if MESSAGE in node.value and reading.version < (1, 5):
            reading.tell(node.key_place(MESSAGE), "version", f"`{MESSAGE}` needs {name_of((1, 5))} or later")
        if len(names) != 1:
            reading.tell(node, "constraint", f"each entry holds one constraint; this has {len(names)}")
        for name in names:
            if name not in CONSTRAINTS:
                reading.tell(
                    node.key_place(name),
                    "constraint",
                    f"unknown constraint `{name}`{near(name, CONSTRAINTS) or f'; there are {one_of(CONSTRAINTS)}'}",
                )
                continue
            argument = node.value[name].plain
            if not is_function(argument) and not CONSTRAINTS[name].fits(argument):
                reading.tell(node.value[name], "constraint", f"`{name}` takes {CONSTRAINTS[name].takes}")
        return reading.value(reading, node)


def violation(value: Any, entry: Mapping[str, Any]) -> str | None:
    """Why `value` does not meet one entry of `constraints`, as the end of a sentence that names the value."""
    for name, argument in entry.items():
        constraint = CONSTRAINTS.get(name)
        if constraint is None or constraint.met is None or not constraint.fits(argument):
            continue  # the manager's to say, a function's, or told where it is written
        try:
            met = constraint.met(value, argument)
        except TypeError:
            met = False
        if not met:
            return str(entry.get(MESSAGE) or f"must be {constraint.says.format(argument)}")
    return None

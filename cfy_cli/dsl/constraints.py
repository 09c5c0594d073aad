"""Constraints of inputs: their arguments, and whether values meet them."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.json_values import parse_json
from cfy_cli.dsl.compilation import Compilation
from cfy_cli.dsl.functions.names import holds_function, is_function
from cfy_cli.dsl.functions.values import parse_value
from cfy_cli.dsl.parsers import report_type
from cfy_cli.dsl.patterns import PatternTimeout, is_pattern, match
from cfy_cli.dsl.problems import quote_all, suggest
from cfy_cli.dsl.value_types import REFERENCE_TYPES, is_number
from cfy_cli.dsl.versions import version_name
from cfy_cli.dsl.yaml_nodes import YamlNode
from cfy_cli.errors import CfyError

MESSAGE = "error_message"


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint; without `is_met` only a manager can check it, because it selects resources of the manager."""

    argument: str  # what its argument must be
    is_argument: Callable[[object], bool]
    # Of the value and the argument; comparisons of values of other types raise TypeError, which is handled.
    is_met: Callable[[Any, Any], bool] | None = None
    requirement: str = ""  # what a value must do, where {0} is the argument
    kinds: tuple[str, ...] = ()  # the types of values that a manager checks it for
    searched: tuple[str, ...] = ()  # those of them for which it is met by more than `is_met` knows


def _is_string(value: object) -> bool:
    return isinstance(value, str)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _is_mapping(value: object) -> bool:
    return isinstance(value, dict)


def _is_range(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(is_number, value))


_LABELED = ("deployment_id", "blueprint_id")
# Types of values that name a part of a deployment.
IN_DEPLOYMENT = ("capability_value", "scaling_group", "node_id", "node_type", "node_instance", "operation_name")
CONSTRAINTS: Mapping[str, Constraint] = {
    "equal": Constraint("a number", is_number, lambda value, arg: bool(value == arg), "be equal to {0}"),
    "greater_than": Constraint("a number", is_number, lambda value, arg: bool(value > arg), "be greater than {0}"),
    "greater_or_equal": Constraint("a number", is_number, lambda value, arg: bool(value >= arg), "be {0} or greater"),
    "less_than": Constraint("a number", is_number, lambda value, arg: bool(value < arg), "be less than {0}"),
    "less_or_equal": Constraint("a number", is_number, lambda value, arg: bool(value <= arg), "be {0} or less"),
    "in_range": Constraint(
        "a list of two numbers",
        _is_range,
        lambda value, arg: bool(arg[0] <= value <= arg[1]),
        "be from {0[0]} to {0[1]}",
    ),
    "valid_values": Constraint(
        "a list", _is_list, lambda value, arg: value in arg, "be one of {0}", searched=("node_type",)
    ),
    "length": Constraint("a number", is_number, lambda value, arg: len(value) == arg, "be of length {0}"),
    "min_length": Constraint("a number", is_number, lambda value, arg: len(value) >= arg, "be of length {0} or more"),
    "max_length": Constraint("a number", is_number, lambda value, arg: len(value) <= arg, "be of length {0} or less"),
    "pattern": Constraint(
        "a regular expression", is_pattern, lambda value, arg: match(arg, value), "match the pattern {0}"
    ),
    "filter_id": Constraint("a string", _is_string, kinds=_LABELED),
    "labels": Constraint("a list", _is_list, kinds=_LABELED),
    "tenants": Constraint("a list", _is_list, kinds=_LABELED),
    "name_pattern": Constraint("a mapping", _is_mapping, kinds=tuple(REFERENCE_TYPES)),
    "deployment_id": Constraint("a string", _is_string, kinds=IN_DEPLOYMENT),
}


class ConstraintParser:
    """An entry of `constraints`: a mapping of one constraint and, since 1_5, the error message of the author."""

    def parse(self, node: YamlNode, compilation: Compilation) -> Json:
        if not isinstance(node.value, dict):
            report_type("a mapping of one constraint", node, compilation)
            return {}
        names = [name for name in node.value if name != MESSAGE]
        if MESSAGE in node.value and compilation.version < (1, 5):
            compilation.report(
                node.key_location(MESSAGE), "version", f"`{MESSAGE}` needs {version_name((1, 5))} or later"
            )
        if len(names) != 1:
            compilation.report(node, "constraint", f"each entry must hold one constraint; this one holds {len(names)}")
        for name in names:
            if name not in CONSTRAINTS:
                hint = suggest(name, CONSTRAINTS) or f"; the constraints are {quote_all(CONSTRAINTS)}"
                compilation.report(node.key_location(name), "constraint", f"unknown constraint `{name}`{hint}")
                continue
            argument = node.value[name].plain
            if not is_function(argument) and not CONSTRAINTS[name].is_argument(argument):
                compilation.report(node.value[name], "constraint", f"`{name}` takes {CONSTRAINTS[name].argument}")
        return parse_value(compilation, node)


def find_violation(value: Json, entry: JsonObject, written: JsonObject, kind: str | None = None) -> str | None:
    """Return the violation of one entry of `constraints`, as the end of a sentence that begins with the value.

    `written` is the entry with its calls: their values may be secret, so they are not shown.
    """
    for name, argument in entry.items():
        constraint = CONSTRAINTS.get(name)
        if constraint is None or constraint.is_met is None or kind in constraint.searched or holds_function(argument):
            continue  # checked by the manager, or not evaluated
        is_called = holds_function(written[name])
        argument = _read_argument(argument, constraint) if is_called else argument
        if not constraint.is_argument(argument):
            if is_called:
                return f"cannot be checked: `{name}` takes {constraint.argument}, and {_show(written[name])} is none"
            continue  # reported where it is written
        try:
            is_met = constraint.is_met(value, argument)
        except TypeError:
            is_met = False
        except PatternTimeout as error:
            return f"cannot be checked: {error}"
        if not is_met:
            requirement = (
                f"meet `{name}: {_show(written[name])}`" if is_called else constraint.requirement.format(argument)
            )
            return str(entry.get(MESSAGE) or f"must {requirement}")
    return None


def _read_argument(argument: Json, constraint: Constraint) -> Json:
    """Return the value of a call; secrets are text, which may be JSON."""
    if isinstance(argument, str) and not constraint.is_argument(argument):
        with suppress(CfyError):
            return parse_json(argument, "The argument")
    return argument


def _show(argument: Json) -> str:
    return json.dumps(argument, ensure_ascii=False)


def is_checked_by_manager(entry: JsonObject, kind: str | None) -> bool:
    """Return whether only a manager can tell if values of a type meet an entry of `constraints`."""
    known = [CONSTRAINTS[name] for name in entry if name in CONSTRAINTS]
    return any(constraint.is_met is None or kind in constraint.searched for constraint in known)

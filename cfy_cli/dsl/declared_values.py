"""The rule for values of declared inputs and parameters: their types, item types and constraints.

Whoever takes values from outside calls it: for the inputs of deployments and operations, and parameters of workflows.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import ParameterPlan, Schema
from cfy_cli.dsl.coercion import Coercion, DataTypes
from cfy_cli.dsl.constraints import CONSTRAINTS, MESSAGE, find_violation, is_checked_by_manager
from cfy_cli.dsl.functions.names import holds_function, is_function
from cfy_cli.dsl.parsers import describe_value
from cfy_cli.dsl.problems import InputsInvalid, quote_all
from cfy_cli.dsl.typed_text import coerce_parameter
from cfy_cli.dsl.value_types import BASIC_TYPES, REFERENCE_TYPES, has_type
from cfy_cli.errors import CfyError

Constraints = Sequence[tuple[str, Json]]  # names and arguments
CHECKED_KEYS: tuple[Literal["type", "item_type", "constraints", "required"], ...] = (
    "type",
    "item_type",
    "constraints",
    "required",
)
TEXT_TYPES = ("string", "textarea")


class ExistingResources(Protocol):
    """The resources of a manager, for values that refer to deployments, nodes, secrets and the like."""

    def find_violation(self, kind: str, value: Json, constraints: Constraints) -> str | None:
        """Return a sentence if no `kind` (`deployment_id`, `secret_key`, ...) named `value` meets the constraints."""

    def evaluate(self, value: Json, inputs: Mapping[str, Json]) -> Json:
        """Evaluate the calls in constraints, given all inputs of the deployment. Raises CfyError."""


@dataclass(frozen=True, slots=True)
class ValueProblem:
    message: str
    path: str = ""  # below the value, such as `[town]`


@dataclass(frozen=True, slots=True)
class DeclaredValues:
    """Checks values against their declarations.

    Without `existing`, constraints that only a manager can check are not. `evaluate` is for calls in constraints; calls
    that it leaves are not checked. With `converts_text`, text stands for a value of the declared type: so clients send
    the parameters of workflows. With `strict_text`, no other value stands for text.
    """

    data_types: DataTypes
    existing: ExistingResources | None = None
    evaluate: Callable[[Json], Json] = lambda value: value
    converts_text: bool = False
    strict_text: bool = False

    def coerce(self, value: Json, declaration: ParameterPlan) -> tuple[Json, list[ValueProblem]]:
        """Return the value with the defaults of its data type, and the problems of its type."""
        kind = declaration.get("type")
        if self.converts_text:
            value = _convert(value, declaration)
        if kind is None or is_function(value):
            return value, []
        if self.strict_text and kind in TEXT_TYPES and not isinstance(value, str):
            return value, [ValueProblem(f"expected a value of the type {kind}, got {describe_value(value)}")]
        coercion = Coercion(self.data_types, [])
        value = coercion.coerce(value, kind)
        problems = [
            ValueProblem(mismatch.message, "".join(f"[{step}]" for step in mismatch.path))
            for mismatch in coercion.mismatches
        ]
        return value, problems + self.find_mistyped_items(value, declaration)

    def find_mistyped_items(self, value: Json, declaration: ParameterPlan) -> list[ValueProblem]:
        item_type = declaration.get("item_type")
        if not item_type or not isinstance(value, list):
            return []
        return [
            ValueProblem(f"the item `{item}` must be of the type {item_type}, not {describe_value(item)}")
            for item in value
            if not self._is_item(item, item_type)
        ]

    def find_violations(self, value: Json, declaration: ParameterPlan) -> list[str]:
        """Return the constraints that a coerced value violates, as sentences."""
        written = declaration.get("constraints") or []
        if is_function(value):
            return ["a value with constraints cannot be a function"] if written else []
        try:
            entries = [self._evaluate_entry(entry) for entry in written]
        except CfyError as error:
            return [f"its constraints cannot be evaluated: {error.message}"]
        items, kind, item_type = [value], declaration.get("type"), declaration.get("item_type")
        if item_type and isinstance(value, list):
            items, kind = value, item_type
        problems = [
            f"`{item}` {violation}"
            for item in items
            for entry, source in zip(entries, written, strict=True)
            if (violation := find_violation(item, entry, source, kind))
        ]
        return problems + list(self._find_missing(items, kind, entries, declaration))

    def _find_missing(
        self, items: list[Json], kind: str | None, entries: list[JsonObject], declaration: ParameterPlan
    ) -> Iterable[str]:
        """Yield the violations of constraints that select resources of the manager."""
        constraints = [
            (name, argument)
            for entry in entries
            if is_checked_by_manager(entry, kind)
            for name, argument in entry.items()
            if name != MESSAGE
        ]
        for name, _argument in constraints:
            if kind not in (*CONSTRAINTS[name].kinds, *CONSTRAINTS[name].searched):
                yield f"the constraint `{name}` does not apply to values of the type {kind}"
                return
        if self.existing is None or kind not in REFERENCE_TYPES:
            return
        messages = [str(entry[MESSAGE]) for entry in entries if is_checked_by_manager(entry, kind) and MESSAGE in entry]
        for item in items:
            if item in (None, "") and not declaration.get("required", True):
                continue
            if violation := self.existing.find_violation(kind, item, constraints):
                yield f"`{item}` {messages[0]}" if messages else violation

    def _evaluate_entry(self, entry: JsonObject) -> JsonObject:
        if not holds_function(entry):
            return entry
        return {name: self.evaluate(argument) for name, argument in entry.items()}

    def _is_item(self, item: Json, item_type: str) -> bool:
        if self.strict_text and item_type in TEXT_TYPES:
            return isinstance(item, str)
        return is_function(item) or item_type not in BASIC_TYPES or has_type(item, item_type)


def select_checked(schema: Schema) -> Schema:
    """Return of each declaration what values of primitive types are checked by; nothing for what takes any value."""
    checked: Schema = {}
    for name, declaration in schema.items():
        kind = declaration.get("type")
        if declaration.get("constraints") or (kind in BASIC_TYPES and kind not in TEXT_TYPES):
            checked[name] = cast("ParameterPlan", {key: declaration[key] for key in CHECKED_KEYS if key in declaration})
    return checked


def check_values(values: Mapping[str, Json], schema: Schema) -> JsonObject:
    """Return values for an operation, converted to their declared types. Raises InputsInvalid with every problem."""
    rule = DeclaredValues({}, converts_text=True)
    checked, problems = dict(values), []
    for name in values.keys() & schema.keys():
        if values[name] is None or holds_function(values[name]):
            continue
        checked[name], mismatches = rule.coerce(values[name], schema[name])
        problems += [f"the input `{name}`{mismatch.path}: {mismatch.message}" for mismatch in mismatches]
        problems += [f"the input `{name}`: {each}" for each in rule.find_violations(checked[name], schema[name])]
    if problems:
        raise InputsInvalid(problems)
    return checked


def find_useless_constraints(schema: Schema) -> Iterator[tuple[str, str]]:
    """Yield the name and the problem of declarations whose constraints refuse every value, as a sentence."""
    for name, declaration in schema.items():
        kind = declaration.get("type") or ""
        kind = declaration.get("item_type", kind) if kind == "list" else kind
        constraints = [key for entry in declaration.get("constraints") or [] for key in entry if key in CONSTRAINTS]
        for constraint in constraints:
            kinds = CONSTRAINTS[constraint].kinds
            if kinds and kind not in kinds:
                yield name, f"`{constraint}` refuses every value of `{name}`: it is for values of {quote_all(kinds)}"


def find_wrong_defaults(schema: Schema) -> Iterator[tuple[str, str]]:
    """Yield the name and the problem of defaults that violate their own constraints, as a sentence."""
    rule = DeclaredValues({})
    for name, declaration in schema.items():
        default = declaration.get("default")
        if default is not None:
            mistyped = [mismatch.message for mismatch in rule.find_mistyped_items(default, declaration)]
            for problem in (*mistyped, *rule.find_violations(default, declaration)):
                yield name, f"the default of `{name}`: {problem}"


def _convert(value: Json, declaration: ParameterPlan) -> Json:
    """Convert text to the declared type, in lists to that of the items; return what cannot be converted as it is."""
    item_type = declaration.get("item_type")
    if isinstance(value, str):
        try:
            value = coerce_parameter(declaration, value)
        except InputsInvalid:
            return value
    if item_type and isinstance(value, list):
        return [_convert(item, {"type": item_type}) for item in value]
    return value

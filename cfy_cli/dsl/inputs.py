"""Inputs of a deployment, checked against the declarations of its blueprint."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import ParameterPlan, Plan, Schema
from cfy_cli.dsl.coercion import Coercion, DataTypes
from cfy_cli.dsl.compilation import Compilation
from cfy_cli.dsl.constraints import MESSAGE, find_violation, is_checked_by_manager
from cfy_cli.dsl.functions.names import is_function
from cfy_cli.dsl.parsers import describe_value
from cfy_cli.dsl.problems import InputsInvalid, quote_all, suggest
from cfy_cli.dsl.value_types import REFERENCE_TYPES, has_type
from cfy_cli.dsl.yaml_nodes import Path, YamlNode
from cfy_cli.errors import ErrorCode


class ExistingResources(Protocol):
    """The resources of a manager, for inputs that refer to deployments, nodes, secrets and the like."""

    def exists(self, kind: str, value: Json, constraints: Mapping[str, Json]) -> bool:
        """Return whether a `kind` (`deployment_id`, `secret_key`, ...) named `value` meets the constraints."""


def check_inputs(plan: Plan, given: Mapping[str, Json], *, existing: ExistingResources | None = None) -> JsonObject:
    """Return all inputs of the deployment: the given ones, and the defaults of the others.

    Raises InputsInvalid with every problem; its code is that of missing inputs, else of unknown ones, else the general
    one.
    """
    declared = plan["inputs"]
    data_types: DataTypes = plan.get("data_types") or {}
    missing, invalid = [], []
    inputs: JsonObject = {}
    for name, declaration in declared.items():
        value = given.get(name, declaration.get("default"))
        if name not in given and value is None:
            value = _default_of_type(declaration, data_types)
            if value is None and declaration.get("required", True):
                missing.append(name)
                continue
        if value is None and name not in given:
            inputs[name] = None
            continue
        coercion = Coercion(data_types, [])
        inputs[name] = coercion.coerce(value, declaration.get("type"))
        invalid += [_message(name, mismatch.path, mismatch.message) for mismatch in coercion.mismatches]
        invalid += [f"the input `{name}`: {problem}" for problem in _violations(inputs[name], declaration, existing)]
    unknown = [name for name in given if name not in declared]
    if missing or unknown or invalid:
        problems = [f"the input `{name}` is required and was not given" for name in missing]
        problems += [f"there is no input `{name}`{suggest(name, declared) or _list(declared)}" for name in unknown]
        raise InputsInvalid(problems + invalid, code=_code(missing, unknown))
    return inputs


def _code(missing: list[str], unknown: list[str]) -> ErrorCode | None:
    if missing:
        return ErrorCode.MISSING_REQUIRED_DEPLOYMENT_INPUT
    return ErrorCode.UNKNOWN_DEPLOYMENT_INPUT if unknown else None


def check_defaults(declared: Schema, section: YamlNode, compilation: Compilation) -> None:
    """Report defaults that violate their own constraints."""
    for name, declaration in declared.items():
        default = declaration.get("default")
        if default is None:
            continue
        for problem in _violations(default, declaration, None):
            compilation.report(section.locate((name, "default")), "constraint", f"the default of `{name}`: {problem}")


def _default_of_type(declaration: ParameterPlan, data_types: DataTypes) -> Json:
    """Return the default of an input of a data type all of whose required properties have defaults, else None."""
    kind = declaration.get("type")
    if kind not in data_types:
        return None
    coercion = Coercion(data_types, [])
    value = coercion.coerce({}, kind)
    return None if coercion.mismatches else value or None


def _violations(value: Json, declaration: ParameterPlan, existing: ExistingResources | None) -> Iterable[str]:
    entries = declaration.get("constraints") or []
    if is_function(value):
        return ["a value with constraints cannot be a function"] if entries else []
    items, kind = [value], declaration.get("type")
    item_type = declaration.get("item_type")
    if item_type and isinstance(value, list):
        items, kind = value, item_type
    problems = []
    for item in items:
        if kind and items is value and not has_type(item, kind):
            problems.append(f"the item `{item}` must be of the type {kind}, not {describe_value(item)}")
        problems += [
            f"`{item}` {violation}"
            for entry in entries
            if not is_checked_by_manager(entry) and (violation := find_violation(item, entry))
        ]
        if existing is not None and kind is not None and kind in REFERENCE_TYPES:
            constraints = _manager_constraints(entries)
            if not existing.exists(kind, item, constraints):
                problems.append(f"there is no {kind} `{item}`" + (" that meets the constraints" if constraints else ""))
    return problems


def _manager_constraints(entries: Iterable[JsonObject]) -> JsonObject:
    return {
        name: value
        for entry in entries
        if is_checked_by_manager(entry)
        for name, value in entry.items()
        if name != MESSAGE
    }


def _message(name: str, path: Path, message: str) -> str:
    below = "".join(f"[{step}]" for step in path)
    return f"the input `{name}`{below}: {message}"


def _list(declared: Schema) -> str:
    return f"; the inputs are {quote_all(declared)}" if declared else "; the blueprint has no inputs"

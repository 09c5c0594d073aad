"""Inputs of a deployment: what a person gives against what the blueprint says."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Protocol, cast

import yaml

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import ParameterPlan, Plan
from cfy_cli.dsl.constraints import CONSTRAINTS, MESSAGE, violation
from cfy_cli.dsl.fitting import DataTypes, Fitting
from cfy_cli.dsl.functions.names import is_function
from cfy_cli.dsl.problems import InputsInvalid, near, one_of
from cfy_cli.dsl.shapes import Reading, kind_of
from cfy_cli.dsl.source import Node
from cfy_cli.dsl.value_types import NAMING, is_of

MISSING = "missing_required_deployment_input_error"
UNKNOWN = "unknown_deployment_input_error"
About = ParameterPlan


class Known(Protocol):
    """Who can tell what a manager keeps: for inputs that name deployments, nodes, secrets and the like."""

    def exists(self, kind: str, value: Json, constraints: Mapping[str, Json]) -> bool:
        """Whether `value` names a `kind` (`deployment_id`, `secret_key`, ...) that meets these constraints."""


def check_inputs(plan: Plan, given: Mapping[str, Json], *, known: Known | None = None) -> JsonObject:
    """The deployment's inputs in full: those given, and the defaults of the others.

    Raises InputsInvalid, which names every problem; its code is that of the first sort found: missing, unknown, other.
    """
    declared = plan["inputs"]
    data_types = cast("DataTypes", plan.get("data_types") or {})
    missing, wrong = [], []
    inputs: dict[str, Json] = {}
    for name, about in declared.items():
        value = given.get(name, about.get("default"))
        if name not in given and value is None:
            value = _made_up(about, data_types)
            if value is None and about.get("required", True):
                missing.append(name)
                continue
        if value is None and name not in given:
            inputs[name] = None
            continue
        fitting = Fitting(data_types, [])
        inputs[name] = fitting.value(value, about.get("type"))
        wrong += [_sentence(name, misfit.path, misfit.message) for misfit in fitting.misfits]
        wrong += [f"the input `{name}`: {sentence}" for sentence in _complaints(inputs[name], about, known)]
    unknown = [name for name in given if name not in declared]
    if missing or unknown or wrong:
        problems = [f"the input `{name}` is required and was not given" for name in missing]
        problems += [f"there is no input `{name}`{near(name, declared) or _all(declared)}" for name in unknown]
        raise InputsInvalid(problems + wrong, code=MISSING if missing else UNKNOWN if unknown else None)
    return inputs


def coerce_input(about: About, text: str) -> Json:
    """What a person typed for an input, as a value of its type; text stays text. Raises InputsInvalid."""
    kind = about.get("type")
    try:
        if kind == "integer":
            return int(text)
        if kind == "float":
            number = float(text)
            if math.isfinite(number):
                return number
            raise ValueError(text)
        if kind == "boolean":
            return {"true": True, "yes": True, "false": False, "no": False}[text.strip().lower()]
    except (ValueError, KeyError):
        raise InputsInvalid([f"`{text}` is not of the type {kind}"]) from None
    if not text or kind is None or kind in ("string", "textarea", "regex") or kind in NAMING:
        return text
    value = _structure(text)
    if kind == "list" and isinstance(value, str | int | float):
        value = _structure(f"[{text}]")  # as people type it: a,b
    wanted = list if kind == "list" else dict
    if not isinstance(value, wanted):
        raise InputsInvalid([f"`{text}` is not of the type {kind}; write it as JSON or YAML"])
    return value


def coerce_parameter(about: About, text: str) -> Json:
    """Parse a parameter of a workflow like an input of the blueprint.

    Without a declared type, the default value decides between a boolean, a list, a map and a string.
    """
    implied = {bool: "boolean", list: "list", dict: "dict"}.get(type(about.get("default")), "string")
    return coerce_input({"type": about.get("type") or implied}, text)


def check_defaults(declared: Mapping[str, About], section: Node, reading: Reading) -> None:
    """Tell the defaults that break their own constraints."""
    for name, about in declared.items():
        if about.get("default") is None:
            continue
        for sentence in _complaints(about["default"], about, None):
            reading.tell(section.place_of((name, "default")), "constraint", f"the default of `{name}`: {sentence}")


def _structure(text: str) -> Json:
    try:
        return cast("Json", json.loads(text))
    except ValueError:
        pass
    try:
        return cast("Json", yaml.safe_load(text))
    except (yaml.YAMLError, RecursionError, ValueError):
        return None


def _made_up(about: About, data_types: DataTypes) -> Json:
    """The value that an input of a data type has when all it needs has defaults, else None."""
    if about.get("type") not in data_types:
        return None
    fitting = Fitting(data_types, [])
    value = fitting.value({}, about["type"])
    return None if fitting.misfits else value or None


def _complaints(value: Json, about: About, known: Known | None) -> Iterable[str]:
    entries = about.get("constraints") or []
    if is_function(value):
        return ["a value with constraints cannot be a function"] if entries else []
    items, kind = [value], about.get("type")
    if about.get("item_type") and isinstance(value, list):
        items, kind = value, about["item_type"]
    found = []
    for item in items:
        if kind and items is value and not is_of(item, kind):
            found.append(f"the item `{item}` must be of the type {kind}, not {kind_of(item)}")
        found += [f"`{item}` {why}" for entry in entries if (why := violation(item, entry)) and not _of_manager(entry)]
        if known is not None and kind in NAMING and not known.exists(kind, item, _asked(entries)):
            found.append(f"`{item}` names no {kind}" + (" that meets the constraints" if _asked(entries) else ""))
    return found


def _of_manager(entry: Mapping[str, Json]) -> bool:
    return any(CONSTRAINTS[name].met is None for name in entry if name in CONSTRAINTS)


def _asked(entries: Iterable[Mapping[str, Json]]) -> dict[str, Json]:
    return {name: value for entry in entries if _of_manager(entry) for name, value in entry.items() if name != MESSAGE}


def _sentence(name: str, path: tuple[str | int, ...], message: str) -> str:
    below = "".join(f"[{step}]" for step in path)
    return f"the input `{name}`{below}: {message}"


def _all(declared: Mapping[str, About]) -> str:
    return f"; there are {one_of(declared)}" if declared else "; the blueprint has none"

"""Conversion of text from a command line to the declared type of an input or parameter."""

import json
import math
from typing import cast

import yaml

from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import ParameterPlan
from cfy_cli.dsl.functions.names import is_function
from cfy_cli.dsl.problems import InputsInvalid
from cfy_cli.dsl.value_types import REFERENCE_TYPES

_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}


def coerce_input(declaration: ParameterPlan, text: str) -> Json:
    """Return the text as a value of the declared type; string types keep it as it is. Raises InputsInvalid."""
    kind = declaration.get("type")
    try:
        if kind == "integer":
            return int(text)
        if kind == "float":
            number = float(text)
            if math.isfinite(number):
                return number
            raise ValueError(text)
        if kind == "boolean":
            return _BOOLEANS[text.strip().lower()]
    except (ValueError, KeyError):
        raise InputsInvalid([f"`{text}` is not of the type {kind}"]) from None
    if not text or kind is None or kind in ("string", "textarea", "regex") or kind in REFERENCE_TYPES:
        return text
    value = _parse(text)
    if kind == "list" and isinstance(value, str | int | float):
        value = _parse(f"[{text}]")  # a,b is a list too
    if not isinstance(value, list if kind == "list" else dict):
        raise InputsInvalid([f"`{text}` is not of the type {kind}; write it as JSON or YAML"])
    return value


def correct_type(declaration: ParameterPlan, value: Json) -> Json:
    """Return text as the integer, float or boolean that is declared, and anything else as it is."""
    if not isinstance(value, str) or declaration.get("type") not in ("integer", "float", "boolean"):
        return value
    try:
        return coerce_input(declaration, value)
    except InputsInvalid:
        return value


def coerce_parameter(declaration: ParameterPlan, text: str) -> Json:
    """Do the same for a parameter of a workflow; without a declared type, it has that of its default."""
    default = declaration.get("default")
    kinds = {bool: "boolean", list: "list", dict: "dict"}
    implied = "string" if is_function(default) else kinds.get(type(default), "string")
    return coerce_input({"type": declaration.get("type") or implied}, text)


def _parse(text: str) -> Json:
    try:
        return cast("Json", json.loads(text))
    except ValueError:
        pass
    try:
        return cast("Json", yaml.safe_load(text))
    except (yaml.YAMLError, RecursionError, ValueError):
        return None

"""Conversion of text from a command line to the declared type of an input or parameter."""

from contextlib import suppress

from cfy_cli.contract.json import Json
from cfy_cli.contract.json_values import check_json, find_fault, parse_json
from cfy_cli.contract.plan import ParameterPlan
from cfy_cli.dsl.functions.names import is_function
from cfy_cli.dsl.problems import InputsInvalid
from cfy_cli.dsl.value_types import REFERENCE_TYPES
from cfy_cli.dsl.yaml_reader import load_plain
from cfy_cli.errors import CfyError

_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}


def coerce_input(declaration: ParameterPlan, text: str) -> Json:
    """Return the text as a value of the declared type; string types keep it as it is. Raises InputsInvalid."""
    kind = declaration.get("type")
    try:
        if kind in ("integer", "float"):
            number = int(text) if kind == "integer" else float(text)
            if find_fault(number):
                raise ValueError(text)
            return number
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
    """Return the value of JSON or YAML; None for other text."""
    with suppress(CfyError):
        return parse_json(text, "The value")
    with suppress(ValueError, CfyError):
        value = load_plain(text.encode())
        check_json(value, "The value")
        return value
    return None

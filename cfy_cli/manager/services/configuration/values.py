"""Values that are given to entries of the configuration: converted from text, and checked against the schema."""

import math
from contextlib import suppress
from typing import TYPE_CHECKING

from cfy_cli.contract.json import Json
from cfy_cli.contract.limits import active_limits
from cfy_cli.errors import Conflict
from cfy_cli.manager.services.configuration.catalogue import ConfigEntry

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

MAX_NUMBER = 2**31 - 1
BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
ARTICLES = {"integer": "an integer", "number": "a number", "boolean": "a boolean", "string": "text"}


def check_value(entry: ConfigEntry, given: Json) -> Json:
    """Return the value of an entry. Raises Conflict, as this API does; secrets are not repeated in the error.

    Null takes a value away where there is none by default.
    """
    if given is None and entry.default is None:
        return None
    schema = entry.schema or {}
    value = _convert(given, str(schema.get("type")))
    mismatch = _find_mismatch(value, {"maximum": MAX_NUMBER, **schema})
    if mismatch is not None:
        shown = "the value" if entry.is_secret else given
        if mismatch.validator == "type":
            reason = f"{shown} is not {ARTICLES[str(schema['type'])]}"
        else:
            reason = "the value is refused" if entry.is_secret else mismatch.message
        raise Conflict(f"Error validating {entry.full_name}: {reason}", hint="Show the present values: cfy config list")
    if isinstance(value, str):
        active_limits().check("config_value", len(value), f"The characters of {entry.full_name}", Conflict)
    return int(value) if schema["type"] == "integer" and isinstance(value, float) else value


def _convert(given: Json, kind: str) -> Json:
    """Return what text stands for where no text belongs; the text itself when it stands for nothing."""
    if not isinstance(given, str) or kind == "string":
        return given
    with suppress(ValueError):
        if kind == "integer":
            return int(given)
        if kind == "number" and math.isfinite(number := float(given)):
            return number
    return BOOLEANS.get(given.lower(), given) if kind == "boolean" else given


def _find_mismatch(value: Json, schema: dict[str, Json]) -> "ValidationError | None":
    from jsonschema import Draft202012Validator  # slow to import
    from jsonschema.exceptions import best_match

    return best_match(Draft202012Validator(schema).iter_errors(value))

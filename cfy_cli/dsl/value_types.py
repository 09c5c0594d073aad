"""The primitive types of values, and whether a value is of one."""

import re
from typing import Any

from cfy_cli.dsl.versions import Version

PLAIN = ("string", "integer", "float", "boolean", "list", "dict", "regex", "textarea")
# Types of text that names something a manager keeps, and since when.
NAMING: dict[str, Version] = {
    "blueprint_id": (1, 4),
    "deployment_id": (1, 4),
    "capability_value": (1, 4),
    "scaling_group": (1, 4),
    "node_id": (1, 4),
    "node_type": (1, 4),
    "node_instance": (1, 4),
    "secret_key": (1, 4),
    "operation_name": (1, 5),
}
PRIMITIVES = frozenset((*PLAIN, *NAMING))


def is_of(value: Any, primitive: str) -> bool:
    """Whether a value is of a primitive type; the types of text take anything, as they always have."""
    if primitive == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if primitive == "float":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if primitive == "boolean":
        return isinstance(value, bool)
    if primitive == "list":
        return isinstance(value, list)
    if primitive == "dict":
        return isinstance(value, dict)
    return primitive != "regex" or _is_regex(value)


def _is_regex(value: Any) -> bool:
    try:
        re.compile(value)
    except (re.error, TypeError, OverflowError, RecursionError):
        return False
    return isinstance(value, str)

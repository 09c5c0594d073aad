"""The primitive types of values."""

from cfy_cli.dsl.patterns import is_pattern
from cfy_cli.dsl.versions import Version

BASIC_TYPES = ("string", "integer", "float", "boolean", "list", "dict", "regex", "textarea")
# Types of strings that refer to a resource of the manager, with the version of the language that introduced them.
REFERENCE_TYPES: dict[str, Version] = {
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
PRIMITIVE_TYPES = frozenset((*BASIC_TYPES, *REFERENCE_TYPES))


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def has_type(value: object, primitive: str) -> bool:
    """Return whether a value is of a primitive type; string types accept any value, as in the public parser."""
    if primitive == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if primitive == "float":
        return is_number(value)
    if primitive == "boolean":
        return isinstance(value, bool)
    if primitive == "list":
        return isinstance(value, list)
    if primitive == "dict":
        return isinstance(value, dict)
    return primitive != "regex" or is_pattern(value)

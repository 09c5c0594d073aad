"""Which values are calls of a function."""

from typing import Any

NAMES = frozenset(
    {
        "concat",
        "get_attribute",
        "get_attributes_dict",
        "get_attributes_list",
        "get_capability",
        "get_consumers",
        "get_environment_capability",
        "get_group_capability",
        "get_input",
        "get_label",
        "get_property",
        "get_secret",
        "get_sys",
        "merge",
        "string_find",
        "string_lower",
        "string_replace",
        "string_split",
        "string_upper",
    }
)

OF_INPUTS = ("get_input",)
OF_NODES = ("get_property", "get_attribute", "get_attributes_list", "get_attributes_dict")
TYPE = "type"  # a call may say what type its result must be of: {get_input: port, type: integer}


def called(value: Any) -> str | None:
    """The function's name when `value` is a call: a mapping of that name alone, or with `type` beside it."""
    if not isinstance(value, dict) or not 0 < len(value) < 3:
        return None
    name = None
    for key in value:
        if key == TYPE:
            continue
        if key not in NAMES:
            return None
        name = key
    return name


def is_function(value: Any) -> bool:
    return called(value) is not None


def holds_function(value: Any) -> bool:
    """Whether a call stands anywhere in `value`."""
    if isinstance(value, dict):
        return called(value) is not None or any(map(holds_function, value.values()))
    return isinstance(value, list) and any(map(holds_function, value))

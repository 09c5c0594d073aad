"""Detection of calls of functions in values."""

from difflib import get_close_matches
from functools import cache

# Functions of state that exists only at run time.
RUNTIME_FUNCTIONS = frozenset(
    {
        "get_attribute",
        "get_attributes_dict",
        "get_attributes_list",
        "get_capability",
        "get_consumers",
        "get_environment_capability",
        "get_group_capability",
        "get_label",
        "get_secret",
        "get_sys",
    }
)
PLAN_FUNCTIONS = ("get_input", "get_property")  # of which every argument must be known when a deployment is created
NAMES = RUNTIME_FUNCTIONS.union(
    PLAN_FUNCTIONS,
    ("concat", "merge", "string_find", "string_lower", "string_replace", "string_split", "string_upper"),
)

INPUT_FUNCTIONS = ("get_input",)
NODE_FUNCTIONS = ("get_property", "get_attribute", "get_attributes_list", "get_attributes_dict")
_TYPICAL_PREFIXES = ("get_", "get-", "string_", "string-")  # of functions, and of no data by chance
INSTANCE_WORDS = ("SELF", "SOURCE", "TARGET")
TYPE = "type"  # a call may declare the type of its result: {get_input: port, type: integer}


def called_function(value: object) -> str | None:
    """Return the name of the function if `value` is a call: a mapping of that name alone, or with `type` beside it."""
    if not isinstance(value, dict) or not 0 < len(value) < 3:
        return None
    name: str | None = None
    for key in value:
        if key == TYPE:
            continue
        if key not in NAMES:
            return None
        name = key
    return name


def is_function(value: object) -> bool:
    return called_function(value) is not None


def find_runtime_call(value: object) -> str | None:
    """Return the name of a function of run-time state that is called in `value`."""
    if isinstance(value, dict):
        name = called_function(value)
        if name in RUNTIME_FUNCTIONS:
            return name
        return next(filter(None, map(find_runtime_call, value.values())), None)
    return next(filter(None, map(find_runtime_call, value)), None) if isinstance(value, list) else None


def holds_function(value: object) -> bool:
    """Return whether `value` is or contains a call."""
    if isinstance(value, dict):
        return called_function(value) is not None or any(map(holds_function, value.values()))
    return isinstance(value, list) and any(map(holds_function, value))


@cache
def similar_function(name: str) -> str | None:
    """Return the function that the only key of a mapping probably means, None when it means nothing of the kind."""
    if name in NAMES or not name.lower().startswith(_TYPICAL_PREFIXES):
        return None
    matches = get_close_matches(name.lower().replace("-", "_"), NAMES, n=1, cutoff=0.8)
    return matches[0] if matches else None


def needs_instance(value: object) -> bool:
    """Return whether `value` holds a call that only a node instance can answer, such as `get_attribute` of SELF."""
    if isinstance(value, dict):
        name = called_function(value)
        arguments = value[name] if name else None
        if name in NODE_FUNCTIONS and isinstance(arguments, list) and arguments and arguments[0] in INSTANCE_WORDS:
            return True
        return any(map(needs_instance, value.values()))
    return isinstance(value, list) and any(map(needs_instance, value))

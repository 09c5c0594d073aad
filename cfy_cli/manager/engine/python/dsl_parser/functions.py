"""Intrinsic functions, as code of plugins may define and recognize them."""

import abc
from collections.abc import Callable
from typing import TypeVar

TEMPLATE_FUNCTIONS: dict[str, "type[Function]"] = {}
SELF, SOURCE, TARGET = "SELF", "SOURCE", "TARGET"

K = TypeVar("K", bound="type[Function]")


class Function(abc.ABC):
    """A function with its arguments, as `{name: args}` is written in a blueprint."""

    name = ""

    def __init__(
        self, args: object, scope: object = None, context: object = None, path: object = None, raw: object = None
    ) -> None:
        self.scope, self.context, self.path, self.raw = scope, context, path, raw
        self.parse_args(args)

    @abc.abstractmethod
    def parse_args(self, args: object) -> None:
        """Read the arguments."""

    def validate(self, plan: object) -> None:  # noqa: B027 - functions may leave it out
        """Accept every plan."""

    def evaluate(self, handler: object) -> object:
        """Return the function itself: the manager evaluates what it knows."""
        return self.raw


def register(fn: "K | None" = None, name: str | None = None) -> "K | Callable[[K], K]":
    """Add a function to those that `is_function` knows; usable as a decorator."""
    if fn is None:
        return lambda kind: _add(kind, name)
    return _add(fn, name)


def unregister(name: str) -> None:
    TEMPLATE_FUNCTIONS.pop(name, None)


def is_function(value: object) -> bool:
    """Return whether a value is a call of a function of the language or of a registered one."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in {*BUILT_IN, *TEMPLATE_FUNCTIONS}


def _add(kind: K, name: str | None) -> K:
    key = name or kind.name
    if not key:
        raise ValueError(f"{kind.__name__} needs a name")
    kind.name = key
    TEMPLATE_FUNCTIONS[key] = kind
    return kind


BUILT_IN = (
    "get_input", "get_property", "get_attribute", "get_secret", "get_capability", "get_environment_capability",
    "get_attributes_list", "get_attributes_dict", "get_label", "get_sys", "get_consumers", "get_group_capability",
    "concat", "merge", "string_find", "string_replace", "string_split", "string_lower", "string_upper",
)  # fmt: skip

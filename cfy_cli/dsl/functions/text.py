"""Functions of their arguments alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cfy_cli.dsl.functions.function import Function, FunctionFailed, Json
from cfy_cli.dsl.functions.names import is_function


def _a_list(arguments: Any) -> str | None:
    return None if isinstance(arguments, list) else "takes a list"


def _mappings(arguments: Any) -> str | None:
    if not isinstance(arguments, list) or not all(isinstance(item, dict) for item in arguments):
        return "takes a list of mappings"
    return None


def _text(arguments: Any) -> str | None:
    return None if isinstance(arguments, str) or is_function(arguments) else "takes one string"


def _words(names: str, *kinds: type, optional: int = 0) -> Callable[[Any], str | None]:
    """A check for a list of arguments of these kinds, the last `optional` of which may be left out."""

    def check(arguments: Any) -> str | None:
        if not isinstance(arguments, list) or not len(kinds) - optional <= len(arguments) <= len(kinds):
            return f"takes {names}"
        for value, kind in zip(arguments, kinds, strict=False):
            if not is_function(value) and (not isinstance(value, kind) or isinstance(value, bool)):
                return f"takes {names}, and `{value}` is not {'a string' if kind is str else 'a whole number'}"
        return None

    return check


def _pure(
    name: str, check: Callable[[Any], str | None], give: Callable[[Any], Json], since: tuple[int, int] = (1, 0)
) -> Function:
    return Function(name, check, lambda arguments, _world, _context: give(arguments), since)


def _split(arguments: list[Any]) -> Json:
    text, separator = arguments[:2]
    if not separator:
        raise FunctionFailed("cannot split at an empty string")
    parts = text.split(separator)
    if len(arguments) == 2:
        return parts
    try:
        return parts[arguments[2]]
    except IndexError:
        raise FunctionFailed(f"there are {len(parts)} parts, and no number {arguments[2]}") from None


def _merge(arguments: list[dict[str, Any]]) -> Json:
    return {key: value for mapping in arguments for key, value in mapping.items()}


FUNCTIONS = (
    _pure("concat", _a_list, lambda items: "".join(map(str, items)), (1, 1)),
    replace(_pure("merge", _mappings, _merge, (1, 3)), waits=lambda items: any(map(is_function, items))),
    _pure("string_find", _words("a string and what to find in it", str, str), lambda args: args[0].find(args[1])),
    _pure(
        "string_replace",
        _words("a string, what to replace, by what, and how often at most", str, str, str, int, optional=1),
        lambda args: args[0].replace(*args[1:]),
    ),
    _pure(
        "string_split",
        _words("a string, where to split it, and the number of a part", str, str, int, optional=1),
        _split,
    ),
    _pure("string_lower", _text, str.lower),
    _pure("string_upper", _text, str.upper),
)

"""Functions of their arguments alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.dsl.functions.function import Function, FunctionFailed
from cfy_cli.dsl.functions.names import is_function
from cfy_cli.dsl.versions import Version

A = TypeVar("A")


def _check_list(arguments: Json) -> str | None:
    return None if isinstance(arguments, list) else "takes a list"


def _check_mappings(arguments: Json) -> str | None:
    if not isinstance(arguments, list) or not all(isinstance(item, dict) for item in arguments):
        return "takes a list of mappings"
    return None


def _check_string(arguments: Json) -> str | None:
    return None if isinstance(arguments, str) or is_function(arguments) else "takes one string"


def _check_items(usage: str, *types: type, optional: int = 0) -> Callable[[Json], str | None]:
    """Return a check for a list of items of these types, of which the last `optional` may be omitted."""

    def check(arguments: Json) -> str | None:
        if not isinstance(arguments, list) or not len(types) - optional <= len(arguments) <= len(types):
            return f"takes {usage}"
        for value, kind in zip(arguments, types, strict=False):
            if not is_function(value) and (not isinstance(value, kind) or isinstance(value, bool)):
                return f"takes {usage}, and `{value}` is not {'a string' if kind is str else 'an integer'}"
        return None

    return check


def _pure(
    name: str, check: Callable[[Json], str | None], call: Callable[[A], Json], since: Version = (1, 0)
) -> Function[A]:
    return Function(name, check, lambda arguments, _evaluator, _context: call(arguments), since)


def _concat(items: list[Json]) -> Json:
    return "".join(map(str, items))


def _find(arguments: tuple[str, str]) -> Json:
    text, substring = arguments
    return text.find(substring)


def _replace(arguments: tuple[str, str, str] | tuple[str, str, str, int]) -> Json:
    return arguments[0].replace(*arguments[1:])


def _split(arguments: tuple[str, str] | tuple[str, str, int]) -> Json:
    text, separator = arguments[:2]
    if not separator:
        raise FunctionFailed("the separator is an empty string")
    parts = text.split(separator)
    if len(arguments) == 2:
        return [*parts]
    try:
        return parts[arguments[2]]
    except IndexError:
        raise FunctionFailed(f"the index {arguments[2]} is out of range: there are {len(parts)} parts") from None


def _merge(arguments: list[JsonObject]) -> Json:
    return {key: value for mapping in arguments for key, value in mapping.items()}


def _has_function(items: list[JsonObject]) -> bool:
    return any(map(is_function, items))


FUNCTIONS = (
    _pure("concat", _check_list, _concat, (1, 1)),
    replace(_pure("merge", _check_mappings, _merge, (1, 3)), is_deferred=_has_function),
    _pure("string_find", _check_items("a string and the substring to find", str, str), _find),
    _pure(
        "string_replace",
        _check_items(
            "a string, the substring to replace, its replacement, and optionally the maximum number of replacements",
            str,
            str,
            str,
            int,
            optional=1,
        ),
        _replace,
    ),
    _pure(
        "string_split",
        _check_items("a string, a separator, and optionally the index of a part", str, str, int, optional=1),
        _split,
    ),
    _pure("string_lower", _check_string, str.lower),
    _pure("string_upper", _check_string, str.upper),
)

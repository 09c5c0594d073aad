"""Operators of filter rules and constraints: as SQL for rows, and in Python for items of a plan.

`%` and `_` stand for themselves everywhere. Where case does not matter, that is so for the letters A to Z, which both
databases fold alike.
"""

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, not_, or_

from cfy_cli.manager.store.models.expressions import position
from cfy_cli.manager.store.models.types import Sql

Condition = ColumnElement[bool]
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_SURROGATES = range(0xD800, 0xE000)  # code points that no text has
_LAST = 0x10FFFF


@dataclass(frozen=True, slots=True)
class AttributeOperator:
    """An operator on the value of an attribute, which may be null, and the values of the rule."""

    condition: Callable[[Sql, Sequence[str]], Condition]
    matches: Callable[[str | None, Sequence[str]], bool]


@dataclass(frozen=True, slots=True)
class NameOperator:
    """An operator of the constraint `name_pattern`, in which upper and lower case differ."""

    condition: Callable[[Sql, str], Condition]
    matches: Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class LabelOperator:
    """An operator on labels: which labels of the key it looks for, and whether one must be there or none may."""

    label: Callable[[Sql, Sequence[str]], Condition] | None  # None: any value
    must_exist: bool
    is_common: bool = False  # most rows are expected to match


def fold(text: str) -> str:
    """Return a text as it is compared where case does not matter."""
    return text.translate(_LOWER)


def starts_with(text: Sql, prefix: str) -> Condition:
    """Match text that starts with a prefix whatever its case, as a range that an index on `lower(text)` serves."""
    return is_in_range(func.lower(text), fold(prefix))


def is_in_range(text: Sql, prefix: str) -> Condition:
    """Match text that starts with a prefix, as a range that an index serves; the text must sort by code point."""
    end = _next_prefix(prefix)
    return and_(text >= prefix, *([text < end] if end else []))


def contains_folded(text: Sql, part: str) -> Condition:
    """Match text with a part whatever its case."""
    return func.lower(text).contains(fold(part), autoescape=True)


def _contains(text: Sql, part: str) -> Condition:
    return position(text, part) > 0


def _ends_with(text: Sql, suffix: str) -> Condition:
    return func.lower(text).endswith(fold(suffix), autoescape=True)


def _next_prefix(prefix: str) -> str:
    """Return the first text after all that start with the prefix; empty text when there is none."""
    kept = prefix.rstrip(chr(_LAST))
    if not kept:
        return ""
    code = ord(kept[-1]) + 1
    return kept[:-1] + chr(_SURROGATES.stop if code in _SURROGATES else code)


def _any(text: str | None, values: Sequence[str], matches: Callable[[str, str], bool]) -> bool:
    return text is not None and any(matches(text, value) for value in values)


ATTRIBUTE_OPERATORS: Mapping[str, AttributeOperator] = {
    "any_of": AttributeOperator(
        lambda attribute, values: attribute.in_(values),
        lambda text, values: text in values,
    ),
    "not_any_of": AttributeOperator(
        lambda attribute, values: or_(attribute.not_in(values), attribute.is_(None)),
        lambda text, values: text not in values,
    ),
    "contains": AttributeOperator(
        lambda attribute, values: or_(*(_contains(attribute, value) for value in values)),
        lambda text, values: _any(text, values, lambda text, value: value in text),
    ),
    "not_contains": AttributeOperator(
        lambda attribute, values: or_(
            attribute.is_(None), and_(*(not_(_contains(attribute, value)) for value in values))
        ),
        lambda text, values: not _any(text, values, lambda text, value: value in text),
    ),
    "starts_with": AttributeOperator(
        lambda attribute, values: or_(*(starts_with(attribute, value) for value in values)),
        lambda text, values: _any(text, values, lambda text, value: fold(text).startswith(fold(value))),
    ),
    "ends_with": AttributeOperator(
        lambda attribute, values: or_(*(_ends_with(attribute, value) for value in values)),
        lambda text, values: _any(text, values, lambda text, value: fold(text).endswith(fold(value))),
    ),
    "is_not_empty": AttributeOperator(
        lambda attribute, _values: and_(attribute.is_not(None), attribute != ""),
        lambda text, _values: bool(text),
    ),
}
LABEL_OPERATORS: Mapping[str, LabelOperator] = {
    "any_of": LabelOperator(lambda value, values: value.in_(values), must_exist=True),
    "not_any_of": LabelOperator(lambda value, values: value.not_in(values), must_exist=True, is_common=True),
    "is_not": LabelOperator(lambda value, values: value.in_(values), must_exist=False),
    "is_null": LabelOperator(None, must_exist=False),
    "is_not_null": LabelOperator(None, must_exist=True, is_common=True),
}
WITHOUT_VALUES = ("is_null", "is_not_null", "is_not_empty")
NAME_OPERATORS: Mapping[str, NameOperator] = {
    "contains": NameOperator(_contains, lambda name, part: part in name),
    "starts_with": NameOperator(lambda name, part: position(name, part) == 1, str.startswith),
    "ends_with": NameOperator(
        lambda name, part: func.substr(name, func.length(name) - len(part) + 1) == part, str.endswith
    ),
    "equals_to": NameOperator(lambda name, part: name == part, str.__eq__),
}

"""SQL of the parameters of a list: filters, ranges, search, order and page."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from sqlalchemy import Boolean, ColumnElement, Integer, Select, and_, or_, true
from sqlalchemy.orm import InstrumentedAttribute, class_mapper

from cfy_cli.errors import Invalid
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.models import Base

M = TypeVar("M", bound=Base)
Condition = ColumnElement[bool]
BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def column(model: type[Base], name: str) -> InstrumentedAttribute[Any]:
    """Return a mapped attribute by name; the type checker knows only the attributes that all models have."""
    attribute: InstrumentedAttribute[Any] = getattr(model, name)
    return attribute


def all_of(*conditions: Condition) -> Condition:
    """Combine conditions; without any, the result is always true."""
    return and_(true(), *conditions)


def apply_filters(statement: Select[M], model: type[M], listing: Listing, search: tuple[str, ...]) -> Select[M]:
    """Add filters, ranges and the search word, which is looked for in the columns `search`.

    Raises Invalid for unknown fields.
    """
    _check_fields(model, listing.filters, "Filter")
    for name, values in listing.filters.items():
        statement = statement.where(_is_one_of(model, name, values))
    for range_ in listing.ranges:
        _check_fields(model, [range_.column], "Range")
        attribute = column(model, range_.column)
        if range_.start:
            statement = statement.where(attribute >= range_.start)
        if range_.end:
            statement = statement.where(attribute <= range_.end)
    if listing.search and search:
        word = listing.search
        statement = statement.where(or_(*(column(model, name).icontains(word, autoescape=True) for name in search)))
    return statement


def apply_page(statement: Select[M], model: type[M], listing: Listing) -> Select[M]:
    """Add the order and the page. Equal rows are in the order of their creation. Raises Invalid for unknown fields."""
    names = [name.lstrip("-") for name in listing.sort]
    _check_fields(model, names, "Sort")
    for name, key in zip(names, listing.sort, strict=True):
        attribute = column(model, name)
        statement = statement.order_by(attribute.desc() if key.startswith("-") else attribute.asc())
    return statement.order_by(model.storage_id).offset(listing.offset).limit(listing.size)


def filterable_fields(model: type[Base]) -> tuple[str, ...]:
    """Return the fields of the API that are columns, and so can be filtered and sorted by."""
    mapper = class_mapper(model)
    columns = {*mapper.column_attrs.keys(), *mapper.synonyms.keys()}
    return tuple(name for name in model.WIRE_FIELDS if name in columns)


def _check_fields(model: type[Base], names: Collection[str], parameter: str) -> None:
    allowed = filterable_fields(model)
    unknown = [name for name in names if name not in allowed]
    if unknown:
        raise Invalid(_message(parameter, unknown, allowed))


def _message(parameter: str, unknown: Sequence[str], allowed: Sequence[str]) -> str:
    return f"{parameter} keys '{list(unknown)}' do not exist. Allowed keys are: {list(allowed)}"


def _is_one_of(model: type[Base], name: str, values: Sequence[str]) -> ColumnElement[bool]:
    attribute = column(model, name)
    if isinstance(attribute.type, Boolean):
        return attribute.in_(_parse_all(name, values, lambda text: BOOLEANS[text.lower()]))
    if isinstance(attribute.type, Integer):
        return attribute.in_(_parse_all(name, values, int))
    return attribute.in_(values)


def _parse_all(name: str, values: Sequence[str], parse: Callable[[str], int]) -> list[int]:
    return [_parse(name, value, parse) for value in values]


def _parse(name: str, value: str, parse: Callable[[str], int]) -> int:
    try:
        return parse(value)
    except (KeyError, ValueError):
        raise Invalid(f"`{value}` is not a value that `{name}` can have") from None

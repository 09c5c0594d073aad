"""Turning what was asked of a list into SQL."""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Boolean, ColumnElement, Integer, Select, or_
from sqlalchemy.orm import InstrumentedAttribute, class_mapper

from cfy_cli.errors import CfyError, ErrorCode, Invalid
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.models import Base

M = TypeVar("M", bound=Base)
TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def apply_filters(chosen: Select[M], model: type[M], listing: Listing, search: tuple[str, ...]) -> Select[M]:
    """Filters, ranges and the search word. Raises Invalid for a field that does not exist, by its name."""
    _known(model, listing.filters, "Filter")
    for name, values in listing.filters.items():
        chosen = chosen.where(_equals(model, name, values))
    for span in listing.ranges:
        _known(model, [span.column], "Range")
        column = _column(model, span.column)
        if span.start:
            chosen = chosen.where(column >= span.start)
        if span.end:
            chosen = chosen.where(column <= span.end)
    if listing.search and search:  # what has nothing to search in is given whole
        chosen = chosen.where(
            or_(*(_column(model, name).icontains(listing.search, autoescape=True) for name in search))
        )
    return chosen


def page(chosen: Select[M], model: type[M], listing: Listing) -> Select[M]:
    """The order and the part asked for; equal rows keep the order they were made in."""
    names = [name.lstrip("-") for name in listing.sort]
    _known(model, names, "Sort")
    for name, key in zip(names, listing.sort, strict=True):
        column = _column(model, name)
        chosen = chosen.order_by(column.desc() if key.startswith("-") else column.asc())
    return chosen.order_by(model.storage_id).offset(listing.offset).limit(listing.size)


def check_include(model: type[Base], names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in model.WIRE_FIELDS]
    if unknown:
        raise Invalid(_sentence("Include", unknown, model.WIRE_FIELDS), code=ErrorCode.NO_SUCH_INCLUDE_FIELD)


def fields(model: type[Base]) -> tuple[str, ...]:
    """The wire fields that are columns: what can be filtered and sorted by."""
    mapper = class_mapper(model)
    columns = {*mapper.column_attrs.keys(), *mapper.synonyms.keys()}
    return tuple(name for name in model.WIRE_FIELDS if name in columns)


def _known(model: type[Base], names: Any, what: str) -> None:
    allowed = fields(model)
    unknown = [name for name in names if name not in allowed]
    if unknown:
        raise Invalid(_sentence(what, unknown, allowed))


def _sentence(what: str, unknown: Sequence[str], allowed: Sequence[str]) -> str:
    return f"{what} keys '{list(unknown)}' do not exist. Allowed keys are: {list(allowed)}"


def _column(model: type[Base], name: str) -> InstrumentedAttribute[Any]:
    column: InstrumentedAttribute[Any] = getattr(model, name)
    return column


def _equals(model: type[Base], name: str, values: Sequence[str]) -> ColumnElement[bool]:
    column = _column(model, name)
    if isinstance(column.type, Boolean):
        return column.in_([_parse(name, value, lambda text: TRUTH[text.lower()]) for value in values])
    if isinstance(column.type, Integer):
        return column.in_([_parse(name, value, int) for value in values])
    return column.in_(values)


def _parse(name: str, value: str, parse: Any) -> Any:
    try:
        return parse(value)
    except (KeyError, ValueError):
        raise _unreadable(name, value) from None


def _unreadable(name: str, value: str) -> CfyError:
    return Invalid(f"`{value}` is not a value that `{name}` can have")

"""Lists of items that are no rows: filtered, sorted and paged as those of rows are."""

from collections.abc import Mapping, Sequence
from typing import cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.manager.rest.serialize import page_of
from cfy_cli.manager.store.listing import Listing, Page, Range
from cfy_cli.manager.store.models.types import TimestampText
from cfy_cli.manager.store.query import check_keys, parse_values

Item = Mapping[str, object]


def page_of_items(items: Sequence[Item], listing: Listing, fields: Sequence[str]) -> JsonObject:
    """Return the page of these items that a list asks for. Raises Invalid for fields that they do not have."""
    check_keys("Filter", listing.filters, fields)
    order = [(key.lstrip("-+ "), key.startswith("-")) for key in listing.sort]
    check_keys("Sort", [name for name, _ in order], fields)
    check_keys("Range", [range_.column for range_ in listing.ranges], fields)
    found = [
        item
        for item in items
        if all(_is_one_of(item, *each) for each in listing.filters.items())
        and all(_is_within(item[range_.column], range_) for range_ in listing.ranges)
    ]
    for name, descending in reversed(order):
        found.sort(key=lambda item, name=name: _sort_key(item[name]), reverse=descending)  # type: ignore[misc]
    page = found[listing.offset : listing.offset + listing.size]
    return page_of(Page(page, len(found), listing.offset, listing.size, listing.is_whole), cast("list[Json]", page))


def _is_one_of(item: Item, name: str, values: Sequence[str]) -> bool:
    return item[name] in parse_values(name, values, _kind_of(name, item[name]))


def _is_within(value: object, range_: Range) -> bool:
    """Return whether a value is between the ends of a range; null is not. Raises Invalid for other ends."""
    if value is None:
        return False
    ends = [
        parse_values(range_.column, [end], _kind_of(range_.column, value))[0] if end else value
        for end in (range_.start, range_.end)
    ]
    return _sort_key(ends[0]) <= _sort_key(value) <= _sort_key(ends[1])


def _kind_of(name: str, value: object) -> type:
    """Return the type that values of a field are read as."""
    return TimestampText if isinstance(value, str) and name.endswith("_at") else type(value)


def _sort_key(value: object) -> tuple[bool, bool | float | str]:
    """Order values of one type; those that are null come last, objects and lists by their text."""
    return value is None, value if isinstance(value, bool | int | float | str) else str(value)

"""Rows as the API answers them."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.json_values import sanitize
from cfy_cli.contract.limits import format_limit, raise_hint
from cfy_cli.errors import Invalid
from cfy_cli.manager.store.listing import MAX_PAGE_SIZE, Page
from cfy_cli.manager.store.models import Base

LABEL_FIELDS = ("key", "value", "created_at", "created_by", "creator_id")


def serialize(row: Base, include: Sequence[str] | None = None, **computed: Callable[[], object]) -> JsonObject:
    """Return the wire fields of a row, or those in `include`; `computed` gives the values of further fields."""
    values = {
        name: computed[name]() if name in computed else _value(getattr(row, name))
        for name in include or row.WIRE_FIELDS
    }
    return cast("JsonObject", values)


def serialize_all(rows: Iterable[Base], include: Sequence[str] | None = None) -> list[JsonObject]:
    return [serialize(row, include) for row in rows]


def select_fields(answer: object, include: Sequence[str] | None) -> object:
    """Return an answer with the fields that `include` names, of each item of a list; all fields without it."""
    if include is None:
        return answer
    if isinstance(answer, list):
        return [select_fields(item, include) for item in answer]
    if not isinstance(answer, dict):
        return answer
    if {"items", "metadata"} <= answer.keys():
        return {**answer, "items": select_fields(answer["items"], include)}
    return {name: answer[name] for name in include if name in answer}


def page_of(page: Page[object], items: Sequence[Json]) -> JsonObject:
    """Return the envelope of a page. Raises Invalid when a page of all items has not all of them."""
    if page.is_whole and page.offset + page.size < page.total:
        raise Invalid(
            f"There are {page.total} items, more than {format_limit('all_results', page.size)} for `_get_all_results`",
            hint=f"Read them in pages, with `_offset` and `_size`. {raise_hint('all_results')}",
        )
    pagination: JsonObject = {
        "total": page.total,
        "size": min(page.size, max(page.total, MAX_PAGE_SIZE)) if page.is_whole else page.size,
        "offset": page.offset,
    }
    return {"items": list(items), "metadata": {"pagination": pagination, "filtered": page.filtered}}


def whole_list(items: Sequence[Json]) -> JsonObject:
    """Return the envelope of a list that has only one page."""
    return page_of(Page(items, len(items), 0, len(items)), items)


def _value(value: object) -> object:
    """Turn label rows into objects; everything else is plain already."""
    if isinstance(value, list) and value and hasattr(value[0], "created_by"):
        return [{name: getattr(label, name) for name in LABEL_FIELDS} for label in value]
    return value


def dump(answer: object) -> bytes:
    """Return an answer as JSON, whatever was stored: what cannot be written is replaced."""
    try:
        return _dump(answer)
    except ValueError:  # lone surrogates, numbers that are not finite
        return _dump(sanitize(answer))


def _dump(answer: object) -> bytes:
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=str).encode()

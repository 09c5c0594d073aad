"""What a list is asked, read from the query string."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request
from starlette.datastructures import QueryParams

from cfy_cli.contract.timestamps import format_timestamp, parse_timestamp
from cfy_cli.errors import Invalid
from cfy_cli.manager.store.listing import MAX_PAGE_SIZE, Listing, Range

OURS = frozenset(
    {
        "_include",
        "_sort",
        "_offset",
        "_size",
        "_search",
        "_all_tenants",
        "_range",
        "_get_all_results",
    }
)


def listing(*, sort: str, extra: tuple[str, ...] = ()) -> Callable[[Request], Any]:
    """A dependency that reads a Listing. `extra` are further parameters the endpoint itself looks at."""

    async def parse_timestamp(request: Request) -> Listing:
        return parse(request.query_params, sort, frozenset(extra))

    return parse_timestamp


def parse(query: QueryParams, sort: str, extra: frozenset[str] = frozenset()) -> Listing:
    unknown = [name for name in query if name.startswith("_") and name not in OURS | extra]
    if unknown:
        raise Invalid(f"Unknown parameters: {', '.join(unknown)}. Allowed are: {', '.join(sorted(OURS | extra))}")
    return Listing(
        include=included(query),
        sort=tuple(key for value in query.getlist("_sort") for key in value.split(",") if key) or (sort,),
        offset=number(query, "_offset", 0),
        size=min(number(query, "_size", MAX_PAGE_SIZE), MAX_PAGE_SIZE),
        search=query.get("_search") or None,
        filters={name: query.getlist(name) for name in query if not name.startswith("_") and name not in extra},
        ranges=tuple(_range(value) for value in query.getlist("_range")),
        all_tenants=flag(query, "_all_tenants"),
    )


def included(query: QueryParams) -> tuple[str, ...] | None:
    """`_include=id,name`: the fields wanted; None, and so all of them, when it names none."""
    return tuple(name for value in query.getlist("_include") for name in value.split(",") if name) or None


def flag(query: Mapping[str, Any], name: str, default: bool = False) -> bool:
    value = str(query.get(name, default)).lower()
    if value not in ("true", "false", "1", "0", "", "none"):
        raise Invalid(f"`{value}` is neither true nor false ({name})")
    return value in ("true", "1")


def number(query: QueryParams, name: str, default: int) -> int:
    value = query.get(name)
    if value in (None, "", "None"):
        return default
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if not 0 <= number < 2**63:
        raise Invalid(f"`{value}` is not a number from 0 upwards ({name})")
    return number


def _range(text: str) -> Range:
    column, *ends = text.split(",")
    if len(ends) != 2:
        raise Invalid(f"`{text}` is not a range: give FIELD,FROM,TO; either end may be empty (_range)")
    start, end = (moment(value) for value in ends)
    return Range(column, start, end)


def moment(text: str) -> str | None:
    """A point in time as the store has it; one without a zone is in UTC. None when there is none."""
    if not text:
        return None
    try:
        return format_timestamp(parse_timestamp(text))
    except (ValueError, OverflowError):
        raise Invalid(f"`{text}` is not a time such as 2026-01-31T12:00:00Z") from None

"""Types of the values that shared options pass to commands, named as in queries of the API."""

from typing import TypedDict


class PagingOptions(TypedDict):
    """Values of `options.paging`."""

    _offset: int | None
    _size: int | None


class ListOptions(PagingOptions, total=False):
    """Values of `options.listing`; `_search` and `_all_tenants` only for resources that have them."""

    _sort: str
    descending: bool
    _search: str | None
    _all_tenants: bool


class TimeOptions(TypedDict):
    """Values of `options.with_logs` and `options.times`."""

    include_logs: bool
    since: str | None
    until: str | None
    before: str | None

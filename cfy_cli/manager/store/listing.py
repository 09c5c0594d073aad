"""Parameters and results of lists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T", covariant=True)
MAX_PAGE_SIZE = 1000  # rows


@dataclass(frozen=True, slots=True)
class Range:
    """`_range=created_at,FROM,TO`; None is an open end."""

    column: str
    start: str | None
    end: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """Parameters of a list, from the query string."""

    include: tuple[str, ...] | None = None
    sort: tuple[str, ...] = ()  # `-` in front: descending; `+`: ascending
    offset: int = 0
    size: int = MAX_PAGE_SIZE
    is_whole: bool = False  # all items are asked for, up to `size`
    searches: tuple[tuple[str, str], ...] = ()  # column and text that it must contain; OR between them
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)  # OR within a field, AND between fields
    ranges: tuple[Range, ...] = ()
    all_tenants: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list, and the total number of rows."""

    items: Sequence[T]
    total: int
    offset: int
    size: int
    is_whole: bool = False
    filtered: int | None = None  # rows that only the filter rules exclude

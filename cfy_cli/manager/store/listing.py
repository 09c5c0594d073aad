"""What may be asked of a list, and what a list answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")
MAX_PAGE_SIZE = 1000  # a page never holds more; `metadata.pagination.size` says what it held


@dataclass(frozen=True, slots=True)
class Range:
    """`_range=created_at,FROM,TO`: either end may be open."""

    column: str
    start: str | None
    end: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    include: tuple[str, ...] | None = None
    sort: tuple[str, ...] = ()  # `-` in front: descending
    offset: int = 0
    size: int = MAX_PAGE_SIZE
    search: str | None = None
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)  # OR within a field, AND between fields
    ranges: tuple[Range, ...] = ()
    all_tenants: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: Sequence[T]
    total: int
    offset: int
    size: int
    filtered: int | None = None  # how many more there would be without the filter rules

    def of(self, items: Sequence[Any]) -> "Page[Any]":
        """The same page with its items in another shape."""
        return Page(items, self.total, self.offset, self.size, self.filtered)

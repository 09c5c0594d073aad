"""Tables that are as wide as a terminal when there is one, and as wide as they need to be when there is none."""

import textwrap
from collections.abc import Sequence

NARROWEST = 8  # below this a column cannot be read: records are shown one below the other instead
BORDERS = 3  # what each column needs besides its text; the table as a whole needs one more


def fits(natural: Sequence[int], width: int | None) -> bool:
    needed = sum(min(column, NARROWEST) + BORDERS for column in natural) + 1
    return width is None or needed <= width


def table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None, *, left: bool = False
) -> str:
    """Rows of text as a grid; with a width, cells are wrapped to keep within it."""
    from tabulate import tabulate

    if width is not None:
        limits = shared(natural_widths(headings, rows), width - 1 - BORDERS * len(headings))
        headings, rows = _wrapped(headings, limits), [_wrapped(row, limits) for row in rows]
    align = ["left"] * len(headings) if left and rows else None
    return tabulate(rows, headers=headings, tablefmt="pretty", disable_numparse=True, colalign=align)


def natural_widths(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    columns = zip(headings, *rows, strict=True)
    return [max(len(line) for text in column for line in text.split("\n")) for column in columns]


def shared(natural: Sequence[int], available: int) -> list[int]:
    """Widths that fit together: narrow columns keep theirs, wide ones share what is left evenly."""
    limits = list(natural)
    pending = sorted(range(len(natural)), key=lambda index: natural[index])
    while pending:
        share = max(available // len(pending), 1)
        index = pending.pop(0)
        limits[index] = min(natural[index], share)
        available -= limits[index]
    return limits


def _wrapped(row: Sequence[str], limits: Sequence[int]) -> list[str]:
    return [_wrap(text, limit) for text, limit in zip(row, limits, strict=True)]


def _wrap(text: str, limit: int) -> str:
    if all(len(line) <= limit for line in text.split("\n")):
        return text
    lines = (textwrap.wrap(line, limit, break_on_hyphens=False) or [""] for line in text.split("\n"))
    return "\n".join(part for lines_of_one in lines for part in lines_of_one)

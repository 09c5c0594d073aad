"""Fitting of tables into the width of a terminal: cells are wrapped, or columns are left out and cells shortened."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cfy_cli.output.colors import STATE_COLUMNS
from cfy_cli.output.table import Cells, cell_widths, table_width
from cfy_cli.output.width import cut, width, wrap

MAX_UNBROKEN_WORD = 40  # columns; ids are copied from tables, so words up to this length are not broken
MIN_SHORTENED = 10  # columns; text is not shortened to less
COMFORTABLE = 30  # columns; further columns are shown only when the text of the ones before is not shortened to less
TIGHT = 8  # columns; the least width of headings and text where what must be kept does not fit otherwise
MAX_SHORTENED = 2  # the number of columns that are shown even if they have to be shortened further
DATE_AND_TIME = 11  # columns of the shortest time: 11-23 12:59
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Say what a narrow terminal may do to a table."""

    order: Sequence[str]  # columns by importance: others are left out first
    kept: frozenset[str]  # columns that are never left out
    key: str  # the column whose text is never shortened


@dataclass(frozen=True, slots=True)
class Fit:
    """Say what may happen to a column where space is short."""

    is_kept: bool = False  # it is never left out
    is_whole: bool = False  # its cells are never shortened
    rank: int = 0  # of its importance; 0 is the most important


@dataclass(frozen=True, slots=True)
class Fitted:
    """A table that fits, and the numbers of the columns that it shows."""

    headings: Cells
    rows: Sequence[Cells]
    shown: Sequence[int]


def wrap_cells(headings: Cells, rows: Sequence[Cells], columns: int) -> Fitted | None:
    """Wrap headings and cells to fit into the columns of the terminal; None when words would be broken."""
    minimum = _longest_words(headings, rows)
    spare = columns - table_width(minimum)
    if spare < 0:
        return None
    natural = cell_widths((headings, *rows))
    return _wrapped(headings, rows, _grown(minimum, natural, spare), range(len(headings)))


def wrap_anyway(headings: Cells, rows: Sequence[Cells], columns: int) -> Fitted:
    """Wrap headings and cells to fit into the columns of the terminal, and break words where necessary."""
    available = max(columns - table_width([0] * len(headings)), len(headings))
    limits = _share(cell_widths((headings, *rows)), available)
    return wrap_cells(headings, rows, columns) or _wrapped(headings, rows, limits, range(len(headings)))


def shorten(headings: Cells, rows: Sequence[Cells], columns: int, narrowing: Narrowing) -> Fitted | None:
    """Leave out columns and shorten cells until the table fits; None when even what must be kept does not."""
    for is_tight in (False, True):
        fits = _rank_columns(headings, rows, narrowing, is_tight=is_tight)
        fitted = _shorten(headings, rows, columns, fits, TIGHT if is_tight else None)
        if fitted:
            return fitted
    return None


def _shorten(
    headings: Cells, rows: Sequence[Cells], columns: int, fits: Sequence[Fit], tight: int | None
) -> Fitted | None:
    cells = cell_widths(rows) if rows else [0] * len(headings)
    words = [min(_longest_word(_breakable(heading)), tight or MAX_UNBROKEN_WORD) for heading in headings]
    times = [any(_TIME.fullmatch(row[index]) for row in rows) for index in range(len(headings))]
    least = [
        max(word, size if fit.is_whole else min(size, DATE_AND_TIME if is_time else tight or MIN_SHORTENED))
        for word, size, fit, is_time in zip(words, cells, fits, times, strict=True)
    ]
    shown = _choose(least, [max(pair) for pair in zip(words, cells, strict=True)], columns, fits)
    if shown is None:
        return None
    limits = [least[index] for index in shown]
    for wanted in (cells, cell_widths((headings, *rows))):
        limits = _grown(limits, [wanted[index] for index in shown], columns - table_width(limits))
    return Fitted(
        [_wrap_cell(headings[index], limit) for index, limit in zip(shown, limits, strict=True)],
        [[_shortened(row[index], limit) for index, limit in zip(shown, limits, strict=True)] for row in rows],
        shown,
    )


def _choose(least: Sequence[int], natural: Sequence[int], columns: int, fits: Sequence[Fit]) -> list[int] | None:
    """Return the columns to show: those kept, then the most important ones; None when those kept do not fit."""
    shown = [index for index, fit in enumerate(fits) if fit.is_kept]
    sizes = {index: least[index] for index in shown}
    if table_width(list(sizes.values())) > columns:
        return None
    others = sorted(set(range(len(fits))) - set(shown), key=lambda index: fits[index].rank)
    for number, index in enumerate(others):
        if table_width([*sizes.values(), least[index]]) <= columns:
            shown.append(index)
            sizes[index] = least[index] if number < MAX_SHORTENED else natural[index]
        if number >= MAX_SHORTENED - 1:
            sizes = {index: max(least[index], min(natural[index], COMFORTABLE)) for index in shown}
    return sorted(shown)


def _rank_columns(columns: Sequence[str], rows: Sequence[Cells], narrowing: Narrowing, *, is_tight: bool) -> list[Fit]:
    """Say what may happen to each column; empty columns are the least important."""
    ranks = {column: rank for rank, column in enumerate(narrowing.order)}
    is_empty = [bool(rows) and not any(row[index] for row in rows) for index in range(len(columns))]
    return [
        Fit(
            is_kept=column in narrowing.kept,
            is_whole=column == narrowing.key or (column in STATE_COLUMNS and not is_tight),
            rank=ranks.get(column, len(ranks)) + len(ranks) * empty,
        )
        for column, empty in zip(columns, is_empty, strict=True)
    ]


def _shortened(cell: str, limit: int) -> str:
    """Cut the year of a time, the end of a sentence or list, and the middle of a name: names differ in their ends."""
    text = cell.replace("\n", " ")
    if width(text) <= limit:
        return text
    if _TIME.fullmatch(text) and limit >= DATE_AND_TIME:
        return text[-DATE_AND_TIME:]
    if " " in text or "," in text:
        return f"{cut(text, limit - 1)}{ELLIPSIS}"
    end = cut(text[::-1], (limit - 1) // 2)[::-1]
    return f"{cut(text, limit - 1 - width(end))}{ELLIPSIS}{end}"


def _wrapped(headings: Cells, rows: Sequence[Cells], limits: Sequence[int], shown: Sequence[int]) -> Fitted:
    head, *body = [
        [_wrap_cell(cell, limit) for cell, limit in zip(row, limits, strict=True)] for row in (headings, *rows)
    ]
    return Fitted(head, body, shown)


def _longest_words(headings: Cells, rows: Sequence[Cells]) -> list[int]:
    """Return the longest word of each column; headings may be broken after underscores."""
    columns = zip(*rows, strict=True) if rows else ([] for _ in headings)
    return [
        min(max(_longest_word(_breakable(heading)), *(_longest_word(text) for text in column), 0), MAX_UNBROKEN_WORD)
        for heading, column in zip(headings, columns, strict=True)
    ]


def _longest_word(text: str) -> int:
    """Return the width of the longest word; a time is not broken between day and hour."""
    return width(text) if _TIME.match(text) else max(map(width, text.split()), default=0)


def _grown(minimum: Sequence[int], natural: Sequence[int], spare: int) -> list[int]:
    """Return the widths of columns, between minimum and natural, that use the spare space."""
    missing = [max(wanted - least, 0) for wanted, least in zip(natural, minimum, strict=True)]
    return [least + share for least, share in zip(minimum, _share(missing, spare), strict=True)]


def _share(wanted: Sequence[int], available: int) -> list[int]:
    """Divide the available space: small requests are met, the others share the rest evenly."""
    shares = list(wanted)
    pending = sorted(range(len(wanted)), key=lambda index: wanted[index])
    while pending:
        share = max(available // len(pending), 0)
        index = pending.pop(0)
        shares[index] = min(wanted[index], share)
        available -= shares[index]
    return shares


def _wrap_cell(cell: str, limit: int) -> str:
    limit, lines = max(limit, 1), cell.split("\n")
    if all(width(line) <= limit for line in lines):
        return cell
    if len(lines) == 1 and " " not in cell:
        lines = [_breakable(cell)]
    return "\n".join(part.replace("_ ", "_").rstrip() for line in lines for part in wrap(line, limit))


def _breakable(text: str) -> str:
    return text.replace("_", "_ ")

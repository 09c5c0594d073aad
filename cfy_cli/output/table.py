"""Tables that are as wide as a terminal when there is one, and as wide as they need to be when there is none."""

import sys
from collections.abc import Sequence
from typing import Any

from cfy_cli.output.width import width, wrap

LONGEST_WORD = 40  # a word up to this length is never broken: ids are copied from tables
BORDERS = 3  # what each column needs besides its text; the table as a whole needs one more
_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"} | {9: "    "}

Cells = Sequence[str]


def fits(headings: Cells, rows: Sequence[Cells], columns: int | None) -> bool:
    """Whether the table can keep within so many columns without breaking words."""
    return columns is None or sum(_narrowest(headings, rows)) <= _room(headings, columns)


def table(headings: Cells, rows: Sequence[Cells], columns: int | None = None, *, left: bool = False) -> str:
    """Rows of text as a grid; with a number of columns, cells are wrapped to keep within it."""
    shown = [[visible(cell) for cell in row] for row in (headings, *rows)]
    if columns is not None:
        limits = _limits(headings, rows, columns)
        shown = [[_wrapped(cell, limit) for cell, limit in zip(row, limits, strict=True)] for row in shown]
    head, *body = shown
    return _drawn(body, "pretty", headers=head, colalign=["left"] * len(head) if left and body else None)


def bare(rows: Sequence[Cells]) -> str:
    """Rows without headings and borders, their columns below each other."""
    return _drawn([[visible(cell).replace("\n", " ") for cell in row] for row in rows], "plain")


def _drawn(rows: Sequence[Cells], style: str, **how: Any) -> str:
    wide = not all(cell.isascii() for row in (how.get("headers", ()), *rows) for cell in row)
    text: str = _tabulate(wide=wide).tabulate(rows, tablefmt=style, disable_numparse=True, **how)
    return text


def _tabulate(*, wide: bool) -> Any:
    """The library; wide letters, which take long to look for and long to import, only where a letter might be one."""
    kept = sys.modules.get("wcwidth")
    if not wide and kept is None:
        sys.modules["wcwidth"] = None  # type: ignore[assignment] # not to be found, for the time of the import
    try:
        import tabulate
    finally:
        if not wide and kept is None:
            del sys.modules["wcwidth"]
    library: Any = tabulate
    if wide and library.wcwidth is None:
        import wcwidth

        library.wcwidth = wcwidth
    library.WIDE_CHARS_MODE = wide
    return library


def visible(text: str) -> str:
    """Without anything that a terminal would obey instead of showing it."""
    return text if text.isprintable() else text.translate(_VISIBLE)


def _limits(headings: Cells, rows: Sequence[Cells], columns: int) -> list[int]:
    """The width of each column: what its words need, and a fair share of what is left for those that want more."""
    natural = [
        max(width(line) for text in column for line in visible(text).split("\n"))
        for column in zip(headings, *rows, strict=True)
    ]
    narrowest = _narrowest(headings, rows)
    missing = [wanted - least for wanted, least in zip(natural, narrowest, strict=True)]
    room = _room(headings, columns)
    if sum(narrowest) > room:
        return _shared(natural, room)
    more = _shared(missing, room - sum(narrowest))
    return [least + share for least, share in zip(narrowest, more, strict=True)]


def _room(headings: Cells, columns: int) -> int:
    return columns - 1 - BORDERS * len(headings)


def _narrowest(headings: Cells, rows: Sequence[Cells]) -> list[int]:
    """The longest word of each column; a heading may be broken behind its underscores."""
    heads = [max(width(part) for part in _breakable(heading).split()) for heading in headings]
    cells = [
        max((width(word) for text in column for word in text.split()), default=0) for column in zip(*rows, strict=True)
    ]
    longest = [max(pair) for pair in zip(heads, cells or heads, strict=True)]
    return [min(length, LONGEST_WORD) for length in longest]


def _shared(wanted: Sequence[int], available: int) -> list[int]:
    """Shares that fit together: who wants little gets it, the others share what is left evenly."""
    shares = list(wanted)
    pending = sorted(range(len(wanted)), key=lambda index: wanted[index])
    while pending:
        share = max(available // len(pending), 0)
        index = pending.pop(0)
        shares[index] = min(wanted[index], share)
        available -= shares[index]
    return shares


def _wrapped(cell: str, limit: int) -> str:
    limit, lines = max(limit, 1), cell.split("\n")
    if all(width(line) <= limit for line in lines):
        return cell
    if len(lines) == 1 and " " not in cell:
        lines = [_breakable(cell)]
    return "\n".join(part.replace("_ ", "_").rstrip() for line in lines for part in wrap(line, limit))


def _breakable(text: str) -> str:
    return text.replace("_", "_ ")

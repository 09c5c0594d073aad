"""Tables that are as wide as a terminal when there is one, and as wide as they need to be when there is none."""

import textwrap
from collections.abc import Sequence

LONGEST_WORD = 40  # a word up to this length is never broken: ids are copied from tables
BORDERS = 3  # what each column needs besides its text; the table as a whole needs one more


def fits(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> bool:
    """Whether the table can keep within the width without breaking words."""
    return width is None or sum(_narrowest(headings, rows)) <= _room(headings, width)


def table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None, *, left: bool = False
) -> str:
    """Rows of text as a grid; with a width, cells are wrapped to keep within it."""
    from tabulate import tabulate

    if width is not None:
        limits = _limits(headings, rows, width)
        headings, rows = _wrapped(headings, limits), [_wrapped(row, limits) for row in rows]
    align = ["left"] * len(headings) if left and rows else None
    return tabulate(rows, headers=headings, tablefmt="pretty", disable_numparse=True, colalign=align)


def _limits(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """The width of each column: what its words need, and a fair share of what is left for those that want more."""
    columns = zip(headings, *rows, strict=True)
    natural = [max(len(line) for text in column for line in text.split("\n")) for column in columns]
    narrowest = _narrowest(headings, rows)
    missing = [wanted - least for wanted, least in zip(natural, narrowest, strict=True)]
    room = _room(headings, width)
    if sum(narrowest) > room:
        return _shared(natural, room)
    more = _shared(missing, room - sum(narrowest))
    return [least + share for least, share in zip(narrowest, more, strict=True)]


def _room(headings: Sequence[str], width: int) -> int:
    return width - 1 - BORDERS * len(headings)


def _narrowest(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """The longest word of each column; a heading may be broken behind its underscores."""
    heads = [max(len(part) for part in _breakable(heading).split()) for heading in headings]
    cells = [
        max((len(word) for text in column for word in text.split()), default=0) for column in zip(*rows, strict=True)
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


def _wrapped(row: Sequence[str], limits: Sequence[int]) -> list[str]:
    return [_wrap(text, max(limit, 1)) for text, limit in zip(row, limits, strict=True)]


def _wrap(text: str, limit: int) -> str:
    if all(len(line) <= limit for line in text.split("\n")):
        return text
    if " " not in text:
        text = _breakable(text)
    lines = (textwrap.wrap(line, limit, break_on_hyphens=False) or [""] for line in text.split("\n"))
    return "\n".join(part.replace("_ ", "_") for lines_of_one in lines for part in lines_of_one)


def _breakable(text: str) -> str:
    return text.replace("_", "_ ")

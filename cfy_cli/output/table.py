"""Tables that fit the width of the terminal; without one they are as wide as their cells."""

from collections.abc import Sequence

from cfy_cli.output.width import width, wrap

MAX_UNBROKEN_WORD = 40  # columns; ids are copied from tables, so words up to this length are not broken
BORDER = 3  # columns that each cell needs besides its text; the table needs one more
_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"} | {9: "    "}

Cells = Sequence[str]


def is_fitting(headings: Cells, rows: Sequence[Cells], columns: int | None) -> bool:
    """Tell whether the table fits into the columns without breaking words; without a limit any table does."""
    return columns is None or sum(_min_widths(headings, rows)) <= _available(headings, columns)


def format_table(headings: Cells, rows: Sequence[Cells], columns: int | None = None, *, left: bool = False) -> str:
    """Draw the rows with borders; cells are wrapped to fit into the columns. `left` aligns text to the left."""
    cells = [[visible(cell) for cell in row] for row in (headings, *rows)]
    if columns is not None:
        limits = _column_limits(headings, rows, columns)
        cells = [[_wrap_cell(cell, limit) for cell, limit in zip(row, limits, strict=True)] for row in cells]
    head, *body = cells
    return _draw(body, "pretty", headings=head, alignments=["left"] * len(head) if left and body else None)


def format_plain(rows: Sequence[Cells]) -> str:
    """Draw the rows aligned, without headings and borders."""
    return _draw([[visible(cell).replace("\n", " ") for cell in row] for row in rows], "plain")


def visible(text: str) -> str:
    """Escape control characters, which a terminal would execute."""
    return text if text.isprintable() else text.translate(_VISIBLE)


def _draw(rows: Sequence[Cells], style: str, *, headings: Cells = (), alignments: Sequence[str] | None = None) -> str:
    import tabulate

    # The search for wide characters is slow, and a table of ASCII text has none.
    tabulate.WIDE_CHARS_MODE = not all(cell.isascii() for row in (headings, *rows) for cell in row)
    return tabulate.tabulate(rows, headers=headings, tablefmt=style, disable_numparse=True, colalign=alignments)


def _column_limits(headings: Cells, rows: Sequence[Cells], columns: int) -> list[int]:
    """Return the width of each column: that of its longest word, and a share of the remaining space."""
    natural = [
        max(width(line) for text in column for line in visible(text).split("\n"))
        for column in zip(headings, *rows, strict=True)
    ]
    minimum = _min_widths(headings, rows)
    missing = [wanted - least for wanted, least in zip(natural, minimum, strict=True)]
    available = _available(headings, columns)
    if sum(minimum) > available:
        return _share(natural, available)
    extra = _share(missing, available - sum(minimum))
    return [least + share for least, share in zip(minimum, extra, strict=True)]


def _available(headings: Cells, columns: int) -> int:
    return columns - 1 - BORDER * len(headings)


def _min_widths(headings: Cells, rows: Sequence[Cells]) -> list[int]:
    """Return the longest word of each column; headings may be broken after underscores."""
    of_headings = [max(width(part) for part in _breakable(heading).split()) for heading in headings]
    of_cells = [
        max((width(word) for text in column for word in text.split()), default=0) for column in zip(*rows, strict=True)
    ]
    longest = [max(pair) for pair in zip(of_headings, of_cells or of_headings, strict=True)]
    return [min(length, MAX_UNBROKEN_WORD) for length in longest]


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

"""Tables with borders, and rows without them; every cell is drawn as the text that it is given."""

from collections.abc import Callable, Sequence

from cfy_cli.output.width import width

BORDER = 3  # columns that each cell needs besides its text; the table needs one more
_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"} | {9: "    "}

Cells = Sequence[str]
Paint = Callable[[int, int, str], str]  # adds the color of a cell, by the numbers of row and column and its text


def format_table(headings: Cells, rows: Sequence[Cells], *, left: bool = False, paint: Paint | None = None) -> str:
    """Draw the rows with borders; cells may have several lines. `left` aligns text to the left."""
    alignments = ["left"] * len(headings) if left and rows else None
    return _draw(_paint_all(rows, paint), "pretty", headings=headings, alignments=alignments)


def format_plain(rows: Sequence[Cells], *, paint: Paint | None = None) -> str:
    """Draw the rows aligned, without headings and borders."""
    texts = [[visible(cell).replace("\n", " ") for cell in row] for row in rows]
    return "\n".join(line.rstrip() for line in _draw(_paint_all(texts, paint), "plain").split("\n"))


def table_width(widths: Sequence[int]) -> int:
    """Return the columns of the terminal that a table with cells of these widths takes."""
    return 1 + sum(size + BORDER for size in widths)


def cell_widths(rows: Sequence[Cells]) -> list[int]:
    """Return the width of each column: that of its longest line."""
    return [max(width(line) for cell in column for line in cell.split("\n")) for column in zip(*rows, strict=True)]


def visible(text: str) -> str:
    """Escape control characters, which a terminal would execute."""
    return text if text.isprintable() else text.translate(_VISIBLE)


def _paint_all(rows: Sequence[Cells], paint: Paint | None) -> Sequence[Cells]:
    """Add colors line by line, because the lines of a cell are drawn apart."""
    if paint is None:
        return rows
    return [
        ["\n".join(paint(number, index, line.strip()) for line in cell.split("\n")) for index, cell in enumerate(row)]
        for number, row in enumerate(rows)
    ]


def _draw(rows: Sequence[Cells], style: str, *, headings: Cells = (), alignments: Sequence[str] | None = None) -> str:
    import tabulate

    # The search for wide characters is slow, and a table of ASCII text has none.
    tabulate.WIDE_CHARS_MODE = not all(cell.isascii() for row in (headings, *rows) for cell in row)
    return tabulate.tabulate(rows, headers=headings, tablefmt=style, disable_numparse=True, colalign=alignments)

"""Tables with borders, and rows without them; every cell is drawn as the text that it is given."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from cfy_cli.output.width import width

BORDER = 3  # columns that each cell needs besides its text; the table needs one more
_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"} | {9: "    "}

Cells = Sequence[str]
Paint = Callable[[int, int, str], str]  # adds the color of a cell, by the numbers of row and column and its text

_PaintRow = Callable[[int, str], str]


def format_table(headings: Cells, rows: Sequence[Cells], *, left: bool = False, paint: Paint | None = None) -> str:
    """Draw the rows with borders; cells may have several lines. `left` aligns text to the left."""
    widths = cell_widths((headings, *rows))
    border = "+".join(["", *("-" * (size + BORDER - 1) for size in widths), ""])
    head = _draw_row(headings, widths, left=left, paint=None)
    body = (
        line
        for number, row in enumerate(rows)
        for line in _draw_row(row, widths, left=left, paint=partial(paint, number) if paint else None)
    )
    return "\n".join([border, *head, border, *body, border])


def format_plain(rows: Sequence[Cells], *, paint: Paint | None = None) -> str:
    """Draw the rows aligned, without headings and borders."""
    texts = [[visible(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = cell_widths(texts)
    return "\n".join(
        "  ".join(_pad_row(row, widths, left=True, paint=partial(paint, number) if paint else None)).rstrip()
        for number, row in enumerate(texts)
    )


def table_width(widths: Sequence[int]) -> int:
    """Return the columns of the terminal that a table with cells of these widths takes."""
    return 1 + sum(size + BORDER for size in widths)


def cell_widths(rows: Sequence[Cells]) -> list[int]:
    """Return the width of each column: that of its longest line."""
    return [max(width(line) for cell in column for line in cell.split("\n")) for column in zip(*rows, strict=True)]


def visible(text: str) -> str:
    """Escape control characters, which a terminal would execute."""
    return text if text.isprintable() else text.translate(_VISIBLE)


def _draw_row(row: Cells, widths: Sequence[int], *, left: bool, paint: _PaintRow | None) -> Iterator[str]:
    lines = [cell.split("\n") for cell in row]
    for number in range(max(map(len, lines))):
        parts = [cell[number] if number < len(cell) else "" for cell in lines]
        yield f"| {' | '.join(_pad_row(parts, widths, left=left, paint=paint))} |"


def _pad_row(parts: Cells, widths: Sequence[int], *, left: bool, paint: _PaintRow | None) -> Iterator[str]:
    for index, (part, size) in enumerate(zip(parts, widths, strict=True)):
        text = part.strip()
        missing = size - width(text)
        before = 0 if left else missing // 2
        yield f"{' ' * before}{paint(index, text) if paint else text}{' ' * (missing - before)}"

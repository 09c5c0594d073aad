"""Output for people: tables, records, details and sentences."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from cfy_cli.output.cells import format_cell, shorten_time
from cfy_cli.output.colors import color_state
from cfy_cli.output.table import Cells, cell_widths, format_plain, format_table, table_width, visible

if TYPE_CHECKING:
    from cfy_cli.output.fitting import Narrowing

Item = Mapping[str, object]

_DETAILS_GAP = 6  # spaces between names and values
_MIN_DETAILS = 20  # columns of the terminal for values; with fewer they are not wrapped
_TIME_LENGTH, _SHORT_TIME_LENGTH = 19, 16  # characters: to the second, and to the minute
_TAB = 8  # columns of the terminal


def line(text: str = "") -> None:
    click.echo(text)


def records(
    items: Sequence[Item],
    columns: Sequence[str],
    title: str,
    *,
    vertical: bool = False,
    headings: bool = True,
    narrowing: Narrowing | None = None,
) -> Sequence[str]:
    """Print a table under its title; if vertical or if the terminal is too narrow, a table of fields for each item.

    Without `headings` only the rows are printed. Return the columns that were left out of a table that is too wide, as
    the `narrowing` allows.
    """
    rows = [[visible(format_cell(column, item.get(column))) for column in columns] for item in items]
    if not headings:
        click.echo(format_plain(rows, paint=partial(_paint, columns)), nl=bool(rows))
        return ()
    width = terminal_width()
    is_whole = narrowing is None and len(rows) == 1  # a single item has all fields, and none is shortened
    table = None if vertical and items else _fit(columns, rows, width, narrowing, wrapped=not is_whole)
    if table is None:
        for index, row in enumerate(rows, 1):
            record_title = f"{title} [RECORD {index}]" if len(rows) > 1 else title
            click.echo(f"\n{record_title}\n{_format_record(columns, row, width)}")
        click.echo()
        return ()
    text, hidden = table
    click.echo(f"\n{title}\n{text}\n")
    return hidden


def details(values: Item, title: str) -> None:
    """Print names and values, one per line, under a title; nested values as JSON. Without values, print nothing."""
    if not values:
        return
    from cfy_cli.output.width import wrap

    click.echo(title)
    gap = max(len(name) for name in values) + _DETAILS_GAP
    available = (terminal_width() or 0) - _TAB - gap
    for name, item in values.items():
        text = visible(format_value(name, item))
        lines = text.strip().splitlines() if available >= _MIN_DETAILS else []
        first, *others = [part for line in lines for part in wrap(line, available)] or [text]
        click.echo(f"\t{name + ':':<{gap}}{first}")
        for part in others:
            click.echo(f"\t{'':<{gap}}{part}")
    click.echo()


def value(data: object, *, headings: bool = True) -> None:
    """Print data of any shape: a table for a list of objects, else one value per line."""
    if isinstance(data, list) and data and all(isinstance(item, dict) for item in data):
        _print_objects(data, headings=headings)
    elif isinstance(data, list):
        for item in data:
            click.echo(format_value("", item))
    elif isinstance(data, dict):
        for name, item in data.items():
            click.echo(f"{name}: {format_value(name, item)}")
    elif data is not None:
        click.echo(format_value("", data))


def format_value(name: str, data: object) -> str:
    """Format a value of any shape as one line."""
    if isinstance(data, (dict, list)):
        return json.dumps(data, ensure_ascii=False)
    return format_cell(name, data)


def terminal_width() -> int | None:
    """Return the columns of the terminal; None when stdout is not a terminal, and lines may have any length."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns


def _print_objects(items: Sequence[Item], *, headings: bool) -> None:
    columns = list(dict.fromkeys(name for item in items for name in item))
    rows = [[visible(format_value(name, item.get(name))) for name in columns] for item in items]
    if not headings:
        click.echo(format_plain(rows))
        return
    width = terminal_width()
    table = _fit(columns, rows, width)
    click.echo(table[0] if table else "\n".join(_format_record(columns, row, width) for row in rows))


def _fit(
    columns: Cells,
    rows: Sequence[Cells],
    width: int | None,
    narrowing: Narrowing | None = None,
    *,
    wrapped: bool = True,
) -> tuple[str, Sequence[str]] | None:
    """Return a table that fits, and the columns left out; None when the terminal is too narrow.

    Cells may be `wrapped` where no column may be left out.
    """
    paint = partial(_paint, columns)
    if width is None or table_width(cell_widths((columns, *rows))) <= width:
        return format_table(columns, rows, paint=paint), ()
    from cfy_cli.output import fitting

    fitted = None
    if wrapped and (narrowing is None or narrowing.kept.issuperset(columns)):
        fitted = fitting.wrap_cells(columns, _shorten_times(columns, rows, _TIME_LENGTH), width)
    if fitted is None and narrowing is not None:
        fitted = fitting.shorten(columns, _shorten_times(columns, rows, _SHORT_TIME_LENGTH), width, narrowing)
    if fitted is None:
        return None
    shown = [columns[index] for index in fitted.shown]
    is_wrapped = any("\n" in cell for row in fitted.rows for cell in row)
    text = format_table(fitted.headings, fitted.rows, left=is_wrapped, paint=partial(_paint, shown))
    return text, [name for name in columns if name not in shown]


def _shorten_times(columns: Cells, rows: Sequence[Cells], length: int) -> list[list[str]]:
    return [[shorten_time(column, cell, length) for column, cell in zip(columns, row, strict=True)] for row in rows]


def _paint(columns: Sequence[str], _row: int, column: int, text: str) -> str:
    return color_state(columns[column], text)


def _paint_field(columns: Sequence[str], row: int, column: int, text: str) -> str:
    return color_state(columns[row], text) if column else text


def _format_record(columns: Cells, row: Cells, width: int | None) -> str:
    fields = list(zip(columns, row, strict=True))
    if width is not None:
        from cfy_cli.output import fitting

        fields = [(row[0], row[1]) for row in fitting.wrap_anyway(("Field", "Value"), fields, width).rows]
    return format_table(("Field", "Value"), fields, left=True, paint=partial(_paint_field, columns))

"""Output for people: tables, records, details and sentences."""

import json
import sys
from collections.abc import Mapping, Sequence

import click

from cfy_cli.output.cells import format_cell
from cfy_cli.output.table import format_plain, format_table, is_fitting

Item = Mapping[str, object]
_DETAILS_GAP = 6  # spaces between names and values


def line(text: str = "") -> None:
    click.echo(text)


def records(
    items: Sequence[Item],
    columns: Sequence[str],
    title: str,
    labels: Mapping[str, str],
    *,
    vertical: bool = False,
    headings: bool = True,
) -> None:
    """Print a table under its title; if vertical or if the terminal is too narrow, a table of fields for each item.

    `labels` are headings that differ from the column's name; without `headings` only the rows are printed.
    """
    names = [labels.get(column, column) for column in columns]
    rows = [[format_cell(column, item.get(column)) for column in columns] for item in items]
    if not headings:
        click.echo(format_plain(rows), nl=bool(rows))
        return
    width = terminal_width()
    if items and (vertical or not is_fitting(names, rows, width)):
        for index, row in enumerate(rows, 1):
            record_title = f"{title} [RECORD {index}]" if len(rows) > 1 else title
            click.echo(f"\n{record_title}\n{_format_record(names, row, width)}")
    else:
        click.echo(f"\n{title}\n{format_table(names, rows, width)}")
    click.echo()


def details(values: Item, title: str) -> None:
    """Print names and values, one per line, under a title; nested values as JSON."""
    click.echo(title)
    width = max((len(name) for name in values), default=0) + _DETAILS_GAP
    for name, value in values.items():
        click.echo(f"\t{name + ':':<{width}}{format_value(name, value)}")
    click.echo()


def value(data: object, *, headings: bool = True) -> None:
    """Print data of any shape: a table for a list of objects, else one value per line."""
    if isinstance(data, list) and data and all(isinstance(item, dict) for item in data):
        columns = list(dict.fromkeys(name for item in data for name in item))
        rows = [[format_value(name, item.get(name)) for name in columns] for item in data]
        click.echo(format_table(columns, rows, terminal_width()) if headings else format_plain(rows))
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


def _format_record(names: Sequence[str], row: Sequence[str], width: int | None) -> str:
    return format_table(("Field", "Value"), list(zip(names, row, strict=True)), width, left=True)

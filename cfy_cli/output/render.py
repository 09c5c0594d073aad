"""The only door to stdout: tables, records, lists of details, and JSON."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from cfy_cli.output.cells import cell
from cfy_cli.output.table import fits, table

Item = Mapping[str, Any]


def line(text: str = "") -> None:
    click.echo(text)


def as_json(value: Any) -> None:
    """A list has one item a line, so that line tools can work on it; anything else is indented."""
    if isinstance(value, list):
        body = ",\n".join(json.dumps(item, ensure_ascii=False) for item in value)
        click.echo(f"[\n{body}\n]" if value else "[]")
    else:
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def as_json_line(value: Any, *, err: bool = False) -> None:
    click.echo(json.dumps(value, ensure_ascii=False), err=err)


def records(
    items: Sequence[Item], columns: Sequence[str], title: str, headings: Mapping[str, str], *, vertical: bool = False
) -> None:
    """A table below its title; or, vertically or where a terminal is too narrow, a table for each item."""
    names = [headings.get(column, column) for column in columns]
    rows = [[cell(column, item.get(column)) for column in columns] for item in items]
    width = terminal_width()
    if items and (vertical or not fits(names, rows, width)):
        for number, row in enumerate(rows, 1):
            part = f"{title} [RECORD {number}]" if len(rows) > 1 else title
            click.echo(f"\n{part}\n{_vertical(names, row, width)}")
    else:
        click.echo(f"\n{title}\n{table(names, rows, width)}")
    click.echo()


def details(values: Item, title: str) -> None:
    """Names and values one below the other, under a title; nested values as JSON."""
    click.echo(title)
    width = max((len(name) for name in values), default=0) + 6
    for name, value in values.items():
        click.echo(f"\t{name + ':':<{width}}{plain(name, value)}")
    click.echo()


def plain(name: str, value: Any) -> str:
    """One value of any shape on a line of its own."""
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return cell(name, value)


def terminal_width() -> int | None:
    """The columns of the terminal that stdout is; None when it is none, and lines may be as long as they like."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _vertical(names: Sequence[str], row: Sequence[str], width: int | None) -> str:
    return table(("Field", "Value"), list(zip(names, row, strict=True)), width, left=True)

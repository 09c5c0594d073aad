"""Answers for people: tables, fields one below the other, details and sentences."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from cfy_cli.output.cells import cell
from cfy_cli.output.table import bare, fits, table

Item = Mapping[str, Any]


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
    """A table below its title; or, vertically or where a terminal is too narrow, a table for each item.

    `labels` are what is written above columns instead of their names; without `headings` there are but the rows.
    """
    names = [labels.get(column, column) for column in columns]
    rows = [[cell(column, item.get(column)) for column in columns] for item in items]
    if not headings:
        click.echo(bare(rows), nl=bool(rows))
        return
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


def value(found: Any, *, headings: bool = True) -> None:
    """Data of any shape: a table for things alike, a line each for texts, names and values for one thing."""
    if isinstance(found, list) and found and all(isinstance(item, dict) for item in found):
        columns = list(dict.fromkeys(name for item in found for name in item))
        rows = [[plain(name, item.get(name)) for name in columns] for item in found]
        click.echo(table(columns, rows, terminal_width()) if headings else bare(rows))
    elif isinstance(found, list):
        for item in found:
            click.echo(plain("", item))
    elif isinstance(found, dict):
        for name, item in found.items():
            click.echo(f"{name}: {plain(name, item)}")
    elif found is not None:
        click.echo(plain("", found))


def plain(name: str, found: Any) -> str:
    """One value of any shape on a line of its own."""
    if isinstance(found, (dict, list)):
        return json.dumps(found, ensure_ascii=False)
    return cell(name, found)


def terminal_width() -> int | None:
    """The columns of the terminal that stdout is; None when it is none, and lines may be as long as they like."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns


def _vertical(names: Sequence[str], row: Sequence[str], width: int | None) -> str:
    return table(("Field", "Value"), list(zip(names, row, strict=True)), width, left=True)

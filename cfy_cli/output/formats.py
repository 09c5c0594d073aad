"""Output for programs: JSON, YAML, CSV, names, and JSON lines, with the manager's own field names and values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from cfy_cli.errors import Usage

if TYPE_CHECKING:
    import yaml

STREAMED = frozenset({"csv", "jsonl", "name"})  # formats that are written page by page
_NAME_FIELDS = ("id", "name", "username", "key")
_ITEMS_PER_WRITE = 1000

Item = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Style:
    """A format with its options: columns and headings of CSV, and the field with an item's name."""

    format: str
    columns: Sequence[str] = ()
    headings: bool = True
    key: str | None = None


def write(data: object, style: Style) -> None:
    """Print data of any shape."""
    if style.format == "json":
        _write_json(data)
    elif style.format == "yaml":
        click.echo(dump_yaml(data), nl=False)
    else:
        stream([data if isinstance(data, list) else [] if data is None else [data]], style)


def stream(pages: Iterable[Sequence[object]], style: Style) -> None:
    """Print items in a streamed format, page by page."""
    columns: Sequence[str] | None = None
    for page in pages:
        if style.format == "csv":
            text, columns = _format_csv(page, style, columns)
        elif style.format == "jsonl":
            text = "".join(f"{_dump_json(item)}\n" for item in page)
        else:
            text = "".join(f"{name}\n" for item in page for name in _names(item, style.key))
        if text:
            click.echo(text, nl=False)


def select(data: object, columns: Sequence[str]) -> object:
    """Return only the given fields of an item or of each item of a list. Raises Usage for a field that none has."""
    items = data if isinstance(data, list) else [data]
    known = {name for item in items if isinstance(item, Mapping) for name in item}
    unknown = [column for column in columns if column not in known]
    if unknown and known:
        raise Usage(f"There is no column `{unknown[0]}`", hint=f"Columns: {', '.join(sorted(known))}")
    selected = [{column: item.get(column) for column in columns} for item in items if isinstance(item, Mapping)]
    return selected if isinstance(data, list) else selected[0] if selected else data


def json_line(data: object, *, err: bool = False) -> None:
    click.echo(_dump_json(data), err=err)


def _write_json(data: object) -> None:
    """Print a list with one item per line, for line tools; indent anything else."""
    if isinstance(data, list) and data:
        click.echo("[")
        last = len(data) - 1
        for start in range(0, len(data), _ITEMS_PER_WRITE):
            part = enumerate(data[start : start + _ITEMS_PER_WRITE], start)
            click.echo("".join(f"{_dump_json(item)}{',' if index < last else ''}\n" for index, item in part), nl=False)
        click.echo("]")
    else:
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def dump_yaml(data: object) -> str:
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        """Quotes text that some YAML parsers take for a number or a date."""

        def ignore_aliases(self, _data: object) -> bool:
            return True

    def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
        style = "'" if text[:1] in tuple("0123456789+-.") else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent_text)
    Dumper.add_multi_representer(dict, lambda dumper, mapping: dumper.represent_dict(mapping.items()))
    return str(yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1 << 20))


def _format_csv(
    page: Sequence[object], style: Style, columns: Sequence[str] | None
) -> tuple[str, Sequence[str] | None]:
    """Return the text of a page, and the columns of the pages after it."""
    import csv
    import io

    rows: list[Item] = [item if isinstance(item, Mapping) else {"value": item} for item in page]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if columns is None:
        columns = style.columns or tuple(dict.fromkeys(name for row in rows for name in row))
        if style.headings and columns:
            writer.writerow(columns)
    writer.writerows([_format_csv_cell(row.get(column)) for column in columns] for row in rows)
    return out.getvalue(), columns


def _format_csv_cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _dump_json(value)


def _names(item: object, key: str | None) -> list[str]:
    """Return the name of an item; for an item without a name, the names of its fields."""
    if not isinstance(item, Mapping):
        return [item if isinstance(item, str) else _dump_json(item)]
    for field in (key, *_NAME_FIELDS):
        if field and isinstance(item.get(field), str | int):
            return [str(item[field])]
    return list(map(str, item))


def _dump_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)

"""Answers for programs: JSON, YAML, CSV, names, and a JSON text a line; nothing is renamed or rewritten."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from cfy_cli.errors import Usage

STREAMED = frozenset({"csv", "jsonl", "name"})  # these need no more than a page at a time
_NAMES = ("id", "name", "username", "key")


@dataclass(frozen=True, slots=True)
class Style:
    """A format; the columns of CSV and whether their names stand above them; the field with a thing's name."""

    format: str
    columns: Sequence[str] = ()
    headings: bool = True
    key: str | None = None


def write(value: Any, style: Style) -> None:
    """Any data, whole."""
    if style.format == "json":
        _json(value)
    elif style.format == "yaml":
        click.echo(_yaml(value), nl=False)
    else:
        stream([value if isinstance(value, list) else [] if value is None else [value]], style)


def stream(pages: Iterable[Sequence[Any]], style: Style) -> None:
    """Items in a streamed format, written as each page of them comes."""
    columns: Sequence[str] | None = None
    for page in pages:
        if style.format == "csv":
            text, columns = _csv(page, style, columns)
        elif style.format == "jsonl":
            text = "".join(f"{_compact(item)}\n" for item in page)
        else:
            text = "".join(f"{name}\n" for item in page for name in _names(item, style.key))
        if text:
            click.echo(text, nl=False)


def pick(value: Any, columns: Sequence[str]) -> Any:
    """Only these fields of a thing or of each of many. Raises Usage for one that none of them has."""
    items = value if isinstance(value, list) else [value]
    known = {name for item in items if isinstance(item, Mapping) for name in item}
    strange = [column for column in columns if column not in known]
    if strange and known:
        raise Usage(f"There is no column `{strange[0]}`", hint=f"Columns: {', '.join(sorted(known))}")
    picked = [{column: item.get(column) for column in columns} for item in items if isinstance(item, Mapping)]
    return picked if isinstance(value, list) else next(iter(picked), value)


def json_line(value: Any, *, err: bool = False) -> None:
    click.echo(_compact(value), err=err)


def _json(value: Any) -> None:
    """A list has one item a line, so that line tools can work on it; anything else is indented."""
    if isinstance(value, list) and value:
        click.echo("[")
        last = len(value) - 1
        for start in range(0, len(value), 1000):
            part = enumerate(value[start : start + 1000], start)
            click.echo("".join(f"{_compact(item)}{',' if index < last else ''}\n" for index, item in part), nl=False)
        click.echo("]")
    else:
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _yaml(value: Any) -> str:
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        """Quotes whatever any reader of YAML might take for a number or a date."""

        def ignore_aliases(self, _data: Any) -> bool:
            return True

    def text(dumper: Any, found: str) -> Any:
        style = "'" if found[:1] in tuple("0123456789+-.") else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", found, style=style)

    Dumper.add_representer(str, text)
    Dumper.add_multi_representer(dict, lambda dumper, found: dumper.represent_dict(found.items()))
    return str(yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1 << 20))


def _csv(page: Sequence[Any], style: Style, columns: Sequence[str] | None) -> tuple[str, Sequence[str] | None]:
    """The text of a page, and the columns of the pages after it."""
    import csv
    import io

    rows = [item if isinstance(item, Mapping) else {"value": item} for item in page]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if columns is None:
        columns = style.columns or tuple(dict.fromkeys(name for row in rows for name in row))
        if style.headings and columns:
            writer.writerow(columns)
    writer.writerows([_csv_cell(row.get(column)) for column in columns] for row in rows)
    return out.getvalue(), columns


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _compact(value)


def _names(item: Any, key: str | None) -> list[str]:
    """What a thing is called; of a thing without a name, what is in it."""
    if not isinstance(item, Mapping):
        return [item if isinstance(item, str) else _compact(item)]
    for field in (key, *_NAMES):
        if field and isinstance(item.get(field), str | int):
            return [str(item[field])]
    return list(map(str, item))


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

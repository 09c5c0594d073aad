"""Output of commands in the requested format: results on stdout, everything else on stderr."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from cfy_cli.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence, Set

    from cfy_cli.client.collection import Collection, Item, Page
    from cfy_cli.contract.resource import Resource
    from cfy_cli.output.fitting import Narrowing
    from cfy_cli.output.formats import Style
    from cfy_cli.output.queries import Query

PLAIN = "plain"
WITH_JSON_ERRORS = frozenset({"json", "jsonl"})
_PAGING_HINT = "--limit, --pagination-offset and --pagination-size select which are shown."


class OutputOptions:
    """Values of the global options about output."""

    def __init__(self) -> None:
        self.format = PLAIN
        self.columns: tuple[str, ...] = ()  # --columns; empty: the usual ones
        self.list_columns: Mapping[str, tuple[str, ...]] = {}  # default columns of lists, by the name of the resource
        self.query: Query | None = None
        self.headings = True
        self.limit: int | None = None
        self.vertical = False
        self.verbosity = 0  # -1 with --quiet
        self.color: bool | None = None  # None: on terminals
        self.compact_events: bool | None = None  # None: on terminals


class Printer:
    """Prints everything that commands print."""

    def __init__(self, options: OutputOptions) -> None:
        self._options = options

    @property
    def as_data(self) -> bool:
        """Tell whether to print data for programs instead of tables and sentences."""
        return self._options.format != PLAIN or self._options.query is not None

    @property
    def as_lines(self) -> bool:
        """Tell whether events are printed as lines of JSON instead of one answer at the end."""
        return self._options.format in WITH_JSON_ERRORS and self._options.query is None

    # --- messages ---

    def note(self, message: str) -> None:
        """Print progress or a hint to stderr, unless --quiet was given; a command does not fail because of it."""
        if self._options.verbosity >= 0:
            with suppress(OSError):
                click.echo(message, err=True)

    def say(self, message: str) -> None:
        """Print a line of plain output; next to data it goes to stderr."""
        if self.as_data:
            self.note(message)
        else:
            from cfy_cli.output import render

            render.line(message)

    # --- results ---

    def answer(self, data: object, resource: Resource | None = None) -> None:
        """Print data of any shape in the requested format; whole items of the resource, if one is given."""
        from cfy_cli.output import formats

        if resource:
            from cfy_cli.output.projections import project

            items = data if isinstance(data, list) else [data]
            projected = [project(resource, item) if isinstance(item, Mapping) else item for item in items]
            data = projected if isinstance(data, list) else projected[0]
        if self._options.columns:
            data = formats.select(data, self._options.columns)
        self._write(data, self._style(resource))

    def result(self, sentence: str, data: object, resource: Resource | None = None) -> None:
        """Print what the command did: the sentence, or for programs the data."""
        if self.as_data:
            self.answer(data, resource)
        else:
            from cfy_cli.output import render

            render.line(sentence)

    def show_list(
        self,
        collection: Collection,
        columns: tuple[str, ...] | None = None,
        *,
        more: tuple[str, ...] | None = None,
        **query: Any,
    ) -> None:
        """Print all items that match and their number, page by page where the format allows.

        `columns` and `more` replace those of the resource; only what is printed is requested.
        """
        from cfy_cli.output import formats

        resource, options = collection.resource, self._options
        columns = self._choose_columns(resource, columns, more, of_list=True)
        requested = collection.pages(_include=self._include(resource, columns), limit=options.limit, **query)
        pages = _CountedPages(requested, partial(self._check_empty_page, resource))
        if options.format in formats.STREAMED and not options.query:
            formats.stream((self._rows(items, resource, columns) for items in pages), self._style(resource, columns))
        else:
            items = [item for items in pages for item in items]
            filtered = {"tenant_name"} if not query.get("_all_tenants") else set()
            self.show_items(items, resource, columns, same=filtered | {name for name in query if query[name]})
        self._show_count(resource, pages)
        if pages.total == 0 and not pages.hidden and not self.as_data:
            self._hint_at_creation(query)

    def show_items(
        self,
        items: Sequence[Item],
        resource: Resource,
        columns: tuple[str, ...],
        title: str | None = None,
        *,
        same: Set[str] = frozenset({"tenant_name"}),
    ) -> None:
        """Print the columns of items, under a title of their own or of their resource.

        Fields in `same` have the same value in all.
        """
        columns = self._options.columns or columns
        rows = self._rows(items, resource, columns)
        if self.as_data:
            self._write(rows, self._style(resource, columns))
        else:
            narrowing = self._narrowing(resource, columns, same)
            self._print_records(rows, columns, title or f"{resource.title}:", resource, narrowing)

    def show(self, resource: Resource, item: Item, columns: tuple[str, ...] | None = None) -> None:
        """Print one item: as data the whole item, else its columns."""
        if self.as_data:
            self.answer(item, resource)
        else:
            columns = self._choose_columns(resource, columns)
            rows = self._rows([item], resource, columns)
            self._print_records(rows, columns, f"{resource.noun.capitalize()}:", resource)

    def show_details(self, values: Mapping[str, object], title: str) -> None:
        """Print more about the item just shown; as data the item holds it already."""
        if not self.as_data and not self._options.columns:
            from cfy_cli.output import render

            render.details(values, title)

    @property
    def _as_objects(self) -> bool:
        """Tell whether items become objects of JSON or YAML instead of rows of a table."""
        return self._options.format in ("json", "yaml", "jsonl") or self._options.query is not None

    def _choose_columns(
        self,
        resource: Resource,
        columns: tuple[str, ...] | None,
        more: tuple[str, ...] | None = None,
        *,
        of_list: bool = False,
    ) -> tuple[str, ...]:
        """Return the columns to print: of --columns, else of the configuration file, else those given or the usual."""
        options = self._options
        if options.columns:
            return options.columns
        usual = resource.columns if columns is None else columns
        if options.vertical or self._as_objects:
            return (*usual, *(resource.more if more is None else more))
        return (self._configured_columns(resource) if of_list and columns is None else None) or usual

    def _configured_columns(self, resource: Resource) -> tuple[str, ...] | None:
        return None if self.as_data else self._options.list_columns.get(resource.name)

    def _rows(self, items: Sequence[Item], resource: Resource, columns: tuple[str, ...]) -> list[dict[str, object]]:
        """Return what to print of the items: their columns, and the fields that --query mentions."""
        from cfy_cli.output.projections import check_columns, project_row

        options = self._options
        if options.format == "name" and not options.query:
            return [dict(item) for item in items]
        known = {name for item in items for name in item}
        if options.columns:
            check_columns(resource, known, options.columns)
        elif columns == self._configured_columns(resource):
            try:
                check_columns(resource, known, columns)
            except Usage as error:
                raise Usage(f"{error.message}, which the configuration file names", hint=error.hint) from error
        if options.query:
            named = [name for name in options.query.names if name in known]
            columns = tuple(dict.fromkeys((*columns, *named))) if columns else ()
        return [project_row(resource, item, columns, as_object=self._as_objects) for item in items]

    def _check_empty_page(self, resource: Resource, page: Page) -> None:
        """Raise Usage when --columns names what the manager does not know; items would show which fields it knows."""
        if self._options.columns and page.refusal and not page.items:
            from cfy_cli.output.projections import allowed_fields, check_columns

            message = page.refusal.message
            check_columns(resource, allowed_fields(message), self._options.columns)
            raise Usage("The manager does not know all of these columns", hint=message)

    def _write(self, data: object, style: Style) -> None:
        from cfy_cli.output import formats, render

        if self._options.query:
            data = self._options.query.search(data)
        if self._options.format == PLAIN:
            render.value(data, headings=self._options.headings)
        else:
            formats.write(data, style)

    def _print_records(
        self,
        rows: Sequence[Item],
        columns: tuple[str, ...],
        title: str,
        resource: Resource,
        narrowing: Narrowing | None = None,
    ) -> None:
        from cfy_cli.output import render

        options = self._options
        hidden = render.records(
            rows, columns, title, vertical=options.vertical, headings=options.headings, narrowing=narrowing
        )
        if hidden and rows:
            self._show_hidden(hidden, resource)

    def _narrowing(self, resource: Resource, columns: tuple[str, ...], same: Set[str]) -> Narrowing | None:
        """Return what a narrow terminal may leave out and shorten; None when all text must be shown."""
        if not resource.narrow or resource.key not in columns:
            return None
        from cfy_cli.output.colors import STATE_COLUMNS
        from cfy_cli.output.fitting import Narrowing

        is_chosen = columns in (self._options.columns, self._configured_columns(resource))
        kept = columns if is_chosen else STATE_COLUMNS | {resource.key} | ({"tenant_name"} - same)
        return Narrowing([name for name in resource.narrow if name not in same], frozenset(kept), resource.key)

    def _show_hidden(self, hidden: Sequence[str], resource: Resource) -> None:
        """Say which columns a table had no space for, and how to see them."""
        if self._options.verbosity < 0:
            return
        from cfy_cli.output import render
        from cfy_cli.output.width import wrap

        text = f"Not shown: {', '.join(hidden)}. To see them: -x, or --columns\0{resource.key},{hidden[0]}"
        lines = wrap(text, render.terminal_width() or len(text))
        self.say("\n".join([*(line.replace("\0", " ") for line in lines), ""]))

    def _include(self, resource: Resource, columns: tuple[str, ...]) -> str | None:
        """Return the fields to request from the manager; None for all fields."""
        options = self._options
        wanted = (resource.key,) if options.format == "name" and not options.query else columns
        if not wanted:
            return None
        mentioned = options.query.names if options.query else ()
        fields = (resource.field(column) for column in (*wanted, *mentioned))
        return ",".join(dict.fromkeys((*fields, *resource.identity)))

    def _style(self, resource: Resource | None, columns: tuple[str, ...] = ()) -> Style:
        from cfy_cli.output.formats import Style

        options = self._options
        wanted = options.columns or columns or (resource.columns if resource else ())
        key = resource.key if resource and not options.query else None
        return Style(options.format, () if options.query else wanted, options.headings, key)

    def _show_count(self, resource: Resource, pages: _CountedPages) -> None:
        text = f"Showing {pages.count} of {pages.total} {resource.title.lower()}"
        if pages.hidden:
            text += f" ({pages.hidden} hidden by filter)"
        is_shown = not self.as_data and self._options.headings and self._options.verbosity >= 0
        if is_shown:
            self.say(text)
        if pages.count < pages.total:
            self.note(f"{'There are more' if is_shown else text}: {_PAGING_HINT}")

    def _hint_at_creation(self, query: Mapping[str, object]) -> None:
        """Say how to create an item, under a list that has none."""
        from cfy_cli.shell.empty_lists import hint

        if text := hint(click.get_current_context().command_path, query):
            self.note(text)


class _CountedPages:
    """Iterates over the items of each page and counts them."""

    def __init__(self, pages: Iterator[Page], check: Callable[[Page], None]) -> None:
        self._pages, self._check = pages, check
        self.count = self.total = 0
        self.hidden: int | None = None

    def __iter__(self) -> Iterator[list[Item]]:
        for page in self._pages:
            self._check(page)
            self.count += len(page)
            self.total, self.hidden = page.total, page.hidden
            yield page.items

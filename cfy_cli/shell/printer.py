"""What a command shows, in the form that was asked for: answers on stdout, all else on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cfy_cli.client.collection import Collection, Item, Page
    from cfy_cli.contract.resource import Resource
    from cfy_cli.output.formats import Style
    from cfy_cli.output.queries import Query

PLAIN = "plain"
FORMATS = (PLAIN, "json", "yaml", "csv", "name", "jsonl")
CHOICE = "--limit, --pagination-offset and --pagination-size choose which are shown."
WITH_JSON_ERRORS = frozenset({"json", "jsonl"})


class Printer:
    """The options about output of one command line; every command prints through these methods."""

    def __init__(self) -> None:
        self.format = PLAIN
        self.picked: tuple[str, ...] = ()  # the columns that were asked for
        self.query: Query | None = None
        self.headings = True
        self.limit: int | None = None
        self.vertical = False
        self.verbosity = 0
        self.colour: bool | None = None  # None: where there is a terminal

    @property
    def as_data(self) -> bool:
        """Whether the answer is data for a program, instead of tables and sentences."""
        return self.format != PLAIN or self.query is not None

    # --- for people ---

    def note(self, message: str) -> None:
        """Progress and hints: for people, so on stderr, and not at all with --quiet."""
        if self.verbosity >= 0:
            click.echo(message, err=True)

    def say(self, message: str) -> None:
        """A line that is part of a plain answer; among data it would be noise, so there it is a note."""
        if self.as_data:
            self.note(message)
        else:
            from cfy_cli.output import render

            render.line(message)

    # --- answers ---

    def answer(self, data: Any, resource: Resource | None = None) -> None:
        """Data of any shape, in the format that was asked for."""
        from cfy_cli.output import formats, render

        if self.query:
            data = self.query.of(data)
        elif self.picked:
            data = formats.pick(data, self.picked)
        if self.format == PLAIN:
            render.value(data, headings=self.headings)
        else:
            formats.write(data, self._style(None if self.query else resource))

    def result(self, sentence: str, data: Any, resource: Resource | None = None) -> None:
        """What a command did: the sentence, or for programs the thing itself."""
        if self.as_data:
            self.answer(data, resource)
        else:
            from cfy_cli.output import render

            render.line(sentence)

    def show_list(self, collection: Collection, columns: tuple[str, ...] | None = None, **query: Any) -> None:
        """Everything in a collection that matches, and how much of it that is; page by page where the format allows."""
        from cfy_cli.output import formats

        resource = collection.resource
        columns = columns or self.columns(resource)
        reading = _Reading(collection.pages(_include=self._include(resource, columns), limit=self.limit, **query))
        if self.format in formats.STREAMED and not self.query:
            picked = (formats.pick(items, self.picked) if self.picked else items for items in reading)
            formats.stream(picked, self._style(resource, columns))
        else:
            self.show_items([item for items in reading for item in items], resource, columns)
        self._tell_count(resource, reading)

    def show_items(
        self, items: list[Item], resource: Resource, columns: tuple[str, ...], title: str | None = None
    ) -> None:
        """Items that are here already, under a title of their own or of their resource."""
        if self.as_data:
            self.answer(items, resource)
            return
        from cfy_cli.output import render

        self._records(render, items, columns, title or f"{resource.title}:", resource)

    def show(self, resource: Resource, item: Item, columns: tuple[str, ...] | None = None) -> None:
        if self.as_data:
            self.answer(item, resource)
            return
        from cfy_cli.output import render

        self._records(render, [item], columns or self.columns(resource), f"{resource.noun.capitalize()}:", resource)

    def show_details(self, values: Mapping[str, Any], title: str) -> None:
        """More about the item just shown; as data that item said it already."""
        if not self.as_data and not self.picked:
            from cfy_cli.output import render

            render.details(values, title)

    def columns(self, resource: Resource) -> tuple[str, ...]:
        """What a table of these has: what was asked for, or else what such tables have."""
        return self.picked or ((*resource.columns, *resource.more) if self.vertical else resource.columns)

    def _records(
        self, render: Any, items: Sequence[Item], columns: tuple[str, ...], title: str, resource: Resource
    ) -> None:
        if self.picked:
            from cfy_cli.output import formats

            columns = self.picked
            formats.pick(list(items), columns)
        render.records(items, columns, title, resource.headings, vertical=self.vertical, headings=self.headings)

    def _include(self, resource: Resource, columns: tuple[str, ...]) -> str | None:
        """What to ask the manager for: what will be shown; everything for JSON and YAML, and for a query."""
        if self.query or (self.format not in (PLAIN, "csv", "name") and not self.picked):
            return None
        wanted = (resource.key,) if self.format == "name" else columns
        return ",".join(dict.fromkeys((*wanted, *resource.identity)))

    def _style(self, resource: Resource | None, columns: tuple[str, ...] = ()) -> Style:
        from cfy_cli.output.formats import Style

        wanted = self.picked or columns or (resource.columns if resource else ())
        return Style(self.format, wanted if not self.query else (), self.headings, resource.key if resource else None)

    def _tell_count(self, resource: Resource, reading: _Reading) -> None:
        shown = f"Showing {reading.count} of {reading.total} {resource.name}"
        if reading.hidden:
            shown += f" ({reading.hidden} hidden by filter)"
        told = not self.as_data and self.headings and self.verbosity >= 0
        if told:
            self.say(shown)
        if reading.count < reading.total:
            self.note(f"{'There are more' if told else shown}: {CHOICE}")


class _Reading:
    """The items of each page, counted as they pass."""

    def __init__(self, pages: Iterator[Page]) -> None:
        self._pages = pages
        self.count = self.total = 0
        self.hidden: int | None = None

    def __iter__(self) -> Iterator[list[Item]]:
        for page in self._pages:
            self.count += len(page)
            self.total, self.hidden = page.total, page.hidden
            yield page.items

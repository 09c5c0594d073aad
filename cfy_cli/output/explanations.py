"""Explanations for people."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cfy_cli.output.render import terminal_width

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cfy_cli.contract.json import JsonObject

Rows = list[tuple[str, str]]

DEFAULT_WIDTH = 80
MAX_NAME = 28  # characters; a longer name has a line of its own


@dataclass(frozen=True, slots=True)
class Explanation:
    kind: str
    name: str
    summary: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)  # one line each
    sections: Mapping[str, Rows] = field(default_factory=dict)  # rows of a name and a text
    examples: Mapping[str, str] = field(default_factory=dict)  # blueprints or command lines, by heading

    @property
    def data(self) -> JsonObject:
        sections: JsonObject = {
            title: [{"name": name, "text": text} for name, text in rows] for title, rows in self.sections.items()
        }
        return {
            "kind": self.kind, "name": self.name, "summary": self.summary, "facts": {**self.facts}, **sections,
            "examples": {**self.examples},
        }  # fmt: skip


def describe(explanation: Explanation) -> Iterator[str]:
    """Yield the lines: what it is, its facts, its parts and examples."""
    width = terminal_width() or DEFAULT_WIDTH
    yield f"{explanation.name} ({explanation.kind})"
    if explanation.summary:
        yield from _wrap(explanation.summary, width, "  ")
    for title, text in explanation.facts.items():
        if text:
            yield from _wrap(f"{title.capitalize()}: {text}", width, "  ", "    ")
    for title, rows in explanation.sections.items():
        if rows:
            yield ""
            yield f"{title.capitalize()}:"
            yield from _rows(rows, width)
    for title, text in explanation.examples.items():
        yield ""
        yield f"{title.capitalize()}:"
        yield from (f"  {line}" for line in text.splitlines())


def _rows(rows: list[tuple[str, str]], width: int) -> Iterator[str]:
    column = min(MAX_NAME, max(len(name) for name, _ in rows)) + 4
    for name, text in rows:
        if len(name) + 4 > column:
            yield f"  {name}"
            yield from _wrap(text, width, " " * 6)
        else:
            first, *more = _wrap(text, width, " " * column) or [""]
            yield f"  {name}".ljust(column) + first.lstrip()
            yield from more


def _wrap(text: str, width: int, indent: str, following: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent if following is None else following,
        break_on_hyphens=False,
    )

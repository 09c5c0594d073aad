"""How far something is: on stderr, and only where somebody can see it."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from cfy_cli.output.width import width


@contextmanager
def bar(label: str, length: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Gives a function to call with the number of bytes just moved."""
    if not shown or not length or not sys.stderr.isatty():
        yield lambda _count: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as progress:
        yield progress.update


class StatusLine:
    """One line at the bottom of a terminal that is written again and again, and gone in the end."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown and sys.stderr.isatty()
        self._text = ""

    def show(self, text: str) -> None:
        if self._shown and text != self._text:
            self.clear()
            click.echo(_cut(text, shutil.get_terminal_size().columns - 1), nl=False, err=True)
            self._text = text

    def clear(self) -> None:
        """Before anything else is written."""
        if self._text:
            click.echo("\r\x1b[K", nl=False, err=True)
            self._text = ""


def _cut(text: str, columns: int) -> str:
    while width(text) > max(columns, 0):
        text = text[:-1]
    return text

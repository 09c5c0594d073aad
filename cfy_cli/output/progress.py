"""Progress on stderr, only on terminals."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from cfy_cli.output.width import cut


@contextmanager
def progress_bar(label: str, length: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Yield a function that takes the number of bytes just transferred."""
    if not shown or not length or not sys.stderr.isatty():
        yield lambda _count: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as progress:
        yield progress.update


class StatusLine:
    """The last line of a terminal, which is replaced by each update and cleared in the end."""

    def __init__(self, *, shown: bool) -> None:
        self.is_shown = shown and sys.stderr.isatty()
        self._text = ""

    def show(self, text: str) -> None:
        if self.is_shown and text != self._text:
            self.clear()
            click.echo(cut(text, shutil.get_terminal_size().columns - 1), nl=False, err=True)
            self._text = text

    def clear(self) -> None:
        """Clear the line; necessary before anything else is printed."""
        if self._text:
            click.echo("\r\x1b[K", nl=False, err=True)
            self._text = ""

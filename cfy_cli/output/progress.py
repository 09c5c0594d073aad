"""A bar for long transfers: on stderr, and only where somebody can see it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def bar(label: str, length: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Gives a function to call with the number of bytes just moved."""
    if not shown or not length or not sys.stderr.isatty():
        yield lambda _count: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as progress:
        yield progress.update

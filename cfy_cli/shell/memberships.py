"""Memberships that are already as a command wants them, which is no failure."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cfy_cli.errors import CfyError
    from cfy_cli.shell.app import App


@contextmanager
def nothing_to_do(app: App, failure: type[CfyError], sentence: str, data: dict[str, str]) -> Iterator[None]:
    """Report that there is nothing to do, with the manager's reason, when the request fails in this way."""
    try:
        yield
    except failure as error:
        app.note(error.message)
        app.result(sentence, data)

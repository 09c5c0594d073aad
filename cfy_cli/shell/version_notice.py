"""Telling, once for each manager, that its version is not one we know."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from cfy_cli import __version__
from cfy_cli.client.version_check import version_warning
from cfy_cli.config.paths import write_private
from cfy_cli.errors import CfyError

if TYPE_CHECKING:
    from cfy_cli.client.client import Client
    from cfy_cli.shell.app import App


def tell_skew(app: App, client: Client) -> None:
    """A note on stderr, unless this version of this manager was told of before; never an error."""
    with contextlib.suppress(CfyError, OSError):
        version = str(client.version().get("version") or "")
        sentence = version_warning(version, __version__)
        file = app.home / "cache" / "versions.json"
        told = json.loads(file.read_text("utf-8")) if file.is_file() else {}
        if sentence and told.get(client.http.url) != version:
            app.note(sentence)
            write_private(file, json.dumps({**told, client.http.url: version}))

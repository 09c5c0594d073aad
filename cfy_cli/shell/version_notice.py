"""Notice about a manager of another version, shown once per manager and version."""

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


def show_version_notice(app: App, client: Client) -> None:
    """Print the warning to stderr unless it was shown before; never raises."""
    with contextlib.suppress(CfyError, OSError):
        version = str(client.version().get("version") or "")
        warning = version_warning(version, __version__)
        file = app.home / "cache" / "versions.json"
        shown = json.loads(file.read_text("utf-8")) if file.is_file() else {}  # versions by URL
        if warning and shown.get(client.http.url) != version:
            app.note(warning)
            write_private(file, json.dumps({**shown, client.http.url: version}))

"""Saving what the manager sends, with a bar to follow."""

from pathlib import Path

import requests

from cfy_cli.client.transfer import content_length, save, target_path
from cfy_cli.output.progress import bar
from cfy_cli.shell.app import App


def download(app: App, response: requests.Response, wanted: str | None, default: str) -> Path:
    """The file that was written: the one that was wanted, or one named by the manager, or the default."""
    target = target_path(response, wanted, default)
    with bar(target.name, content_length(response), shown=app.verbosity >= 0) as progress:
        return save(response, target, progress, app.client.http.resume_download)

"""Download of files from the manager, with a progress bar."""

from pathlib import Path

import requests

from cfy_cli.client.transfer import content_length, save, target_path
from cfy_cli.output.progress import progress_bar
from cfy_cli.shell.app import App


def download(app: App, response: requests.Response, output_path: str | None, default_name: str) -> Path:
    """Save the answer to the file or folder, by default under the name given by the manager; return its path."""
    target = target_path(response, output_path, default_name)
    is_shown = app.options.verbosity >= 0
    with progress_bar(target.name, content_length(response), shown=is_shown) as progress:
        return save(response, target, progress, app.client.http.resume_download)

"""`cfy manager open`: the web page of the manager in use, logged in by a one-time link."""

from __future__ import annotations

import os
from html import escape
from typing import TYPE_CHECKING

import click

from cfy_cli.errors import CfyError, Failed, NotFound
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import Command

if TYPE_CHECKING:
    from pathlib import Path

LINK_FILE = "open.html"
LINK_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>cfy</title>
<meta http-equiv="refresh" content="0; url={link}">
<p><a href="{link}">Open the page of the manager</a></html>
"""


@click.command("open", cls=Command)
@click.option("--print", "prints", is_flag=True, help="Print the link instead of opening it in the browser.")
@pass_app
def open_page(app: App, prints: bool) -> None:
    """Open the web page of the manager, logged in by a one-time link.

    The link is good for one login within a minute. It logs in the user of the profile in use; without a profile, the
    manager on this machine is started.
    """
    link = _make_link(app)
    if prints:
        app.result(link, {"url": link})
        return
    url = app.client.http.url
    if not _open_in_browser(_write_link(app.home, link)):
        raise Failed("No browser can be started here", hint="Print the link for another one: cfy manager open --print")
    app.result(f"{url} opened in the browser", {"url": url})


def _make_link(app: App) -> str:
    """Return an address that logs in. The code is in its fragment, which browsers send to nobody."""
    try:
        code = app.client.http.item("POST", "web/links")["code"]
    except NotFound as error:
        raise CfyError(
            f"The manager at {app.client.http.url} has no web page",
            hint="Use a manager of this program: cfy manager start",
        ) from error
    return f"{app.client.http.url}/#login={code}"


def _write_link(home: Path, link: str) -> Path:
    """Write a page that leads to a link. Only its owner can read it, whereas all users see arguments of a browser."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / LINK_FILE
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(LINK_PAGE.format(link=escape(link)))
    return path


def _open_in_browser(path: Path) -> bool:
    import webbrowser

    return webbrowser.open(path.resolve().as_uri())

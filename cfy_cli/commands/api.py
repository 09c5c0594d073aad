"""`cfy api`: send any request, for endpoints without a command."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from cfy_cli.client.collection import MAX_PAGE_SIZE
from cfy_cli.errors import Usage
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import Command

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@click.command("api", cls=Command, short_help="Send any request to the manager.")
@click.argument("method", type=click.Choice(METHODS, case_sensitive=False), metavar="METHOD")
@click.argument("path")
@click.option(
    "-f", "--field", "fields", multiple=True, metavar="KEY=VALUE",
    help="Add a query parameter (with GET or --input) or a field of the body; JSON values are sent as JSON.",
)  # fmt: skip
@click.option("--input", "source", type=click.Path(dir_okay=False), help="Read the body from this file; - reads stdin.")
@click.option("--paginate", is_flag=True, help="Fetch all pages of a list and print all items.")
@pass_app
def cli(app: App, method: str, path: str, fields: tuple[str, ...], source: str | None, paginate: bool) -> None:
    """Send METHOD to PATH below /api/v3.1 and print the answer as JSON."""
    app.format = app.format if app.as_data else "json"
    values = dict(_field(text, parse=method != "GET") for text in fields)
    if paginate:
        if method != "GET":
            raise Usage("--paginate can only be used with GET")
        app.answer(_every_item(app, path, values))
        return
    reading = method == "GET" or source is not None
    body = _body(source) if source else None if reading else values
    answer = app.client.http.request(method, path, params=values if reading else None, json=body or None)
    app.answer(answer)


def _field(text: str, *, parse: bool) -> tuple[str, Any]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise Usage(f"`{text}` is not of the form KEY=VALUE")
    if not parse:
        return key, value
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _body(source: str) -> Any:
    text = sys.stdin.read() if source == "-" else Path(source).read_text("utf-8")
    try:
        return json.loads(text)
    except ValueError as error:
        raise Usage(f"{source} is not JSON: {error}") from error


def _every_item(app: App, path: str, query: dict[str, Any]) -> list[Any]:
    items: list[Any] = []
    while True:
        params = {"_size": MAX_PAGE_SIZE, **query, "_offset": len(items)}
        page = app.client.http.request("GET", path, params=params)
        if not isinstance(page, dict) or "items" not in page:
            raise Usage(f"{path} does not answer a list", hint="Leave out --paginate.")
        items += page["items"]
        total = page.get("metadata", {}).get("pagination", {}).get("total", len(items))
        if not page["items"] or len(items) >= total:
            return items

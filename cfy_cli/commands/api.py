"""`cfy api`: send any request, for endpoints without a command."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cfy_cli.client.collection import MAX_PAGE_SIZE
from cfy_cli.errors import Usage
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import Command

if TYPE_CHECKING:
    from cfy_cli.contract.json import Json, JsonObject

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
    """Send METHOD to PATH, below /api/v3.1 or given in full, and print the answer as JSON."""
    app.options.format = app.options.format if app.as_data else "json"
    values = dict(_parse_field(text, as_json=method != "GET") for text in fields)
    if paginate:
        if method != "GET":
            raise Usage("--paginate can only be used with GET")
        app.answer(_fetch_all(app, path, values))
        return
    in_query = method == "GET" or source is not None
    body = _read_body(source) if source else None if in_query else values
    answer = app.client.http.request(method, path, params=values if in_query else None, json=body or None)
    app.answer(answer)


def _parse_field(text: str, *, as_json: bool) -> tuple[str, Json]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise Usage(f"`{text}` is not of the form KEY=VALUE")
    if not as_json:
        return key, value
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _read_body(source: str) -> Json:
    text = sys.stdin.read() if source == "-" else Path(source).read_text("utf-8")
    try:
        body: Json = json.loads(text)
    except ValueError as error:
        raise Usage(f"{source} is not JSON: {error}") from error
    return body


def _fetch_all(app: App, path: str, query: JsonObject) -> list[object]:
    items: list[object] = []
    while True:
        params = {"_size": MAX_PAGE_SIZE, **query, "_offset": len(items)}
        page = app.client.http.request("GET", path, params=params)
        if not isinstance(page, dict) or "items" not in page:
            raise Usage(f"{path} does not answer a list", hint="Leave out --paginate.")
        items += page["items"]
        total = page.get("metadata", {}).get("pagination", {}).get("total", len(items))
        if not page["items"] or len(items) >= total:
            return items

"""Names from the manager as completion values: requested with a short timeout, cached, and never an error."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from threading import Thread
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from cfy_cli.contract.resources import ALL
from cfy_cli.shell.app import App

if TYPE_CHECKING:
    from pathlib import Path

    import click


REQUEST_TIMEOUT = 1.5  # seconds; the user waits for the completion
CACHE_TIMEOUT = 10.0  # seconds
MAX_NAMES = 1000  # in one request
CREATING_COMMANDS = frozenset({"create", "upload", "install"})  # their argument is a new name

# Resources by the names of the parameters that take their keys; `name` and `key` belong to the group of the command.
_RESOURCES = {
    parameter: resource
    for resource in ALL
    for parameter in (resource.argument, *resource.options)
    if parameter not in ("name", "key")
}
_BY_ATTRIBUTE = {resource.attribute: resource for resource in ALL}
_PROFILES = frozenset({"profile_name", "manager_ip", "global_profile", "global_manager"})


def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names that start with the incomplete value; none for other parameters, errors and timeouts."""
    found: list[str] = []

    def find() -> None:
        with contextlib.suppress(Exception):
            found.extend(name for name in _find_names(ctx, param, incomplete) if name.startswith(incomplete))

    thread = Thread(target=find, daemon=True)
    thread.start()
    thread.join(REQUEST_TIMEOUT)
    return [CompletionItem(name) for name in sorted(set(found))]


def _find_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    typed = ctx.ensure_object(App)
    if param.name in _PROFILES:
        return typed.profiles.names()
    collection = _collection_of(ctx, param)
    if collection is None:
        return []
    app = App(profile=typed.profile, environ=typed.environ, session=typed.session)  # without autostart
    app.options.non_interactive = True
    app.options.manager, app.options.tenant = typed.options.manager, typed.options.tenant
    deployment_id = ctx.params.get("deployment_id") if collection in ("nodes", "workflows") else None
    return _load_names(app, collection, incomplete, deployment_id)


def _collection_of(ctx: click.Context, param: click.Parameter) -> str | None:
    """Return the client's collection whose names the parameter takes."""
    group = ctx.command_path.split(" ")[1]
    is_creating = ctx.command.name in CREATING_COMMANDS
    if param.name in ("name", "key"):
        return None if is_creating or group.replace("-", "_") not in _BY_ATTRIBUTE else group.replace("-", "_")
    if param.name == "workflow_id":
        return "workflows" if ctx.params.get("deployment_id") else None
    resource = _RESOURCES.get(str(param.name))
    collection = resource.attribute if resource else None
    return None if is_creating and collection == group and param.param_type_name == "argument" else collection


def _load_names(app: App, collection: str, incomplete: str, deployment_id: str | None) -> list[str]:
    """Return all names from the cache or the manager, or where there are too many those that match."""
    connection = app.connection
    is_token = bool(connection.token)
    scope = (connection.url, connection.tenant, connection.username, is_token, collection, deployment_id)
    digest = hashlib.sha256(json.dumps(scope).encode()).hexdigest()[:16]
    file = app.home / "cache" / f"names-{digest}.json"
    cached = _read_cache(file)
    if cached is not None:
        return cached
    names, total = _request_names(app, collection, deployment_id, search=None)
    if total > len(names) and incomplete:
        return _request_names(app, collection, deployment_id, search=incomplete)[0]
    from cfy_cli.config.paths import write_private

    write_private(file, json.dumps(names))
    return names


def _read_cache(file: Path) -> list[str] | None:
    with contextlib.suppress(OSError, ValueError):
        if 0 <= time.time() - file.stat().st_mtime < CACHE_TIMEOUT:
            return list(json.loads(file.read_text("utf-8")))
    return None


def _request_names(app: App, name: str, deployment_id: str | None, *, search: str | None) -> tuple[list[str], int]:
    """Return a page of names and the number of all names."""
    if name == "workflows":
        names = [str(item["name"]) for item in app.client.deployments.workflows(str(deployment_id))]
        return names, len(names)
    collection = app.client.collection(_BY_ATTRIBUTE[name])
    key = collection.resource.key
    query = {"deployment_id": deployment_id} if deployment_id else {}
    page = collection.list(_include=key, _size=MAX_NAMES, _search=search, **query)
    return [str(item[key]) for item in page], page.total

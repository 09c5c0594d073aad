"""Completion values of parameters: files, fields, and names from the manager.

Names are requested with a short timeout and cached, and never an error.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from threading import Thread
from typing import TYPE_CHECKING, Any

from click.shell_completion import CompletionItem

from cfy_cli.contract.resources import ALL
from cfy_cli.shell import completion_keys, completion_searches
from cfy_cli.shell.app import App

if TYPE_CHECKING:
    from pathlib import Path

    import click

    from cfy_cli.contract.plan import Schema

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
_FILTERS = frozenset({"filter_id", "_filter_id"})  # of blueprints or of deployments
_IN_DEPLOYMENTS = frozenset({"execution_schedules", "nodes", "workflows"})
_FIELDS = frozenset({"global_columns", "_sort"})
_FILES = frozenset({"inputs", "parameters", "properties", "cert", "rest_certificate", "ssh_key"})
_PROFILES = frozenset({"profile_name", "manager_ip", "global_profile", "global_manager"})


def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return what may stand for the incomplete value; nothing for other parameters, errors and timeouts."""
    if param.name in _FIELDS:
        return _complete_fields(ctx, incomplete)
    found: list[CompletionItem] = []

    def find() -> None:
        with contextlib.suppress(Exception):
            found.extend(_find(ctx, param, incomplete))

    thread = Thread(target=find, daemon=True)
    thread.start()
    thread.join(REQUEST_TIMEOUT)
    is_file = _is_file(ctx, param) and "=" not in incomplete
    return [*found, CompletionItem(incomplete, type="file")] if is_file else found


def _find(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    if param.name == "inputs" and ctx.command_path.endswith(" config update"):
        return completion_searches.complete_config(_silent_app(ctx).client, incomplete)
    if param.name in completion_keys.OPTIONS:
        declared = _load_declarations(ctx, param)
        found = list(completion_keys.complete_pairs(declared, incomplete))
        key, sign, _ = incomplete.partition("=")
        if sign and not found and key in declared:
            return completion_searches.complete_value(_silent_app(ctx).client, ctx.params, declared[key], incomplete)
        return found
    if param.name in (completion_searches.RULES, completion_searches.LABELS):
        group = ctx.command_path.split(" ")[1]
        return completion_searches.complete_labels(_silent_app(ctx).client, group, param, incomplete)
    names = {name for name in _find_names(ctx, param, incomplete) if name.startswith(incomplete)}
    return [CompletionItem(name) for name in sorted(names)]


def _find_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    if param.name in _PROFILES:
        return ctx.ensure_object(App).profiles.names()
    collection = _collection_of(ctx, param)
    if collection is None:
        return []
    deployment_id = ctx.params.get("deployment_id") if collection in _IN_DEPLOYMENTS else None
    return _load_names(_silent_app(ctx), collection, incomplete, deployment_id)


def _silent_app(ctx: click.Context) -> App:
    """Return an App that asks nothing and starts no manager, but uses the embedded one if that runs."""
    typed = ctx.ensure_object(App)
    profile = typed.profile or typed.profiles.embedded()
    app = App(profile=profile, environ=typed.environ, session=typed.session)
    app.options.non_interactive = True
    app.options.manager, app.options.tenant = typed.options.manager, typed.options.tenant
    return app


def _is_file(ctx: click.Context, param: click.Parameter) -> bool:
    name = str(param.name)
    return name in _FILES or name.endswith(("_path", "_paths", "_file")) or (name == "path" and ctx.info_name != "api")


def _complete_fields(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Complete the last of the fields that are separated by commas."""
    group = ctx.command_path.split(" ")[1]
    resource = next((resource for resource in ALL if resource.name == group), None)
    before, comma, last = incomplete.rpartition(",")
    fields = (*resource.columns, *resource.more) if resource else ()
    return [CompletionItem(f"{before}{comma}{name}") for name in fields if name.startswith(last)]


def _collection_of(ctx: click.Context, param: click.Parameter) -> str | None:
    """Return the client's collection whose names the parameter takes."""
    _, group, *subcommands = ctx.command_path.split(" ")
    is_creating = ctx.command.name in CREATING_COMMANDS
    creates_in_group = is_creating and len(subcommands) == 1  # not something that belongs to an item of the group
    if param.name in ("name", "key"):
        return None if is_creating or group.replace("-", "_") not in _BY_ATTRIBUTE else group.replace("-", "_")
    if param.name == "workflow_id":
        return "workflows" if ctx.params.get("deployment_id") else None
    resource = _RESOURCES.get(str(param.name))
    collection = resource.attribute if resource else None
    if param.name in _FILTERS:
        collection = f"{'blueprints' if group == 'blueprints' else 'deployments'}_filters"
        return None if is_creating and param.param_type_name == "argument" else collection
    return None if creates_in_group and collection == group and param.param_type_name == "argument" else collection


def _load_names(app: App, collection: str, incomplete: str, deployment_id: str | None) -> list[str]:
    """Return all names from the cache or the manager, or where there are too many those that match."""
    file = _cache_file(app, collection, deployment_id)
    cached = _read_cache(file)
    if isinstance(cached, list):
        return cached
    names, total = _request_names(app, collection, deployment_id, search=None)
    if total > len(names) and incomplete:
        return _request_names(app, collection, deployment_id, search=incomplete)[0]
    _write_cache(file, names)
    return names


def _load_declarations(ctx: click.Context, param: click.Parameter) -> Schema:
    """Return the declared inputs or parameters, from the cache unless the command names a blueprint file."""
    app, typed = _silent_app(ctx), ctx.params
    default = next((option.default for option in ctx.command.params if option.name == "workflow_id"), None)
    workflow_id = str(typed.get("workflow_id") or default or "")
    if typed.get("blueprint_path"):
        return completion_keys.read_declarations(app, param, typed, workflow_id)
    keys = [str(typed.get(name)) for name in ("blueprint_id", "deployment_id")]
    file = _cache_file(app, str(param.name), *keys, workflow_id)
    cached = _read_cache(file)
    if isinstance(cached, dict):
        return cached
    declared = completion_keys.read_declarations(app, param, typed, workflow_id)
    _write_cache(file, declared)
    return declared


def _cache_file(app: App, *scope: str | None) -> Path:
    connection = app.connection
    is_token = bool(connection.token)
    key = (connection.url, connection.tenant, connection.username, is_token, *scope)
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
    return app.home / "cache" / f"names-{digest}.json"


def _read_cache(file: Path) -> Any:
    with contextlib.suppress(OSError, ValueError):
        if 0 <= time.time() - file.stat().st_mtime < CACHE_TIMEOUT:
            return json.loads(file.read_text("utf-8"))
    return None


def _write_cache(file: Path, content: object) -> None:
    from cfy_cli.config.paths import write_private

    write_private(file, json.dumps(content))


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

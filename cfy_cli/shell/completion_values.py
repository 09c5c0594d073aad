"""Names of what is on the manager, for TAB: asked for quickly, kept for a moment, and never an error."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from threading import Thread
from typing import TYPE_CHECKING, Any

from cfy_cli.shell.app import App

if TYPE_CHECKING:
    from pathlib import Path

    import click

PATIENCE = 1.5  # seconds; whoever pressed TAB waits
FRESH = 10.0  # seconds
MOST = 1000
NEW_THINGS = frozenset({"create", "upload", "install"})  # these name what is not there yet

_COLLECTIONS = {
    "blueprint_id": "blueprints", "deployment_id": "deployments", "execution_id": "executions",
    "execution_ids": "executions", "execution_option": "executions", "node_instance_id": "node_instances",
    "plugin_id": "plugins", "site_name": "sites", "tenant_name": "tenants", "manager_tenant": "tenants",
    "token_id": "tokens", "username": "users", "_group_id": "deployment_groups", "node_id": "nodes",
    "deployment_group_id": "deployment_groups", "execution_group": "execution_groups", "every_tenant_name": "tenants",
}  # fmt: skip
_PROFILES = frozenset({"profile_name", "manager_ip", "every_profile", "every_manager"})


def live_names(ctx: click.Context, param: click.Parameter, beginning: str) -> list[str]:
    """What the parameter may be and begins so; nothing where it is no such name, or nobody answers in time."""
    answer: list[str] = []

    def find() -> None:
        with contextlib.suppress(Exception):
            answer.extend(name for name in _names(ctx, param, beginning) if name.startswith(beginning))

    thread = Thread(target=find, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return sorted(set(answer))


def _names(ctx: click.Context, param: click.Parameter, beginning: str) -> list[str]:
    typed = ctx.ensure_object(App)
    if param.name in _PROFILES:
        return typed.profiles.names()
    kind = _kind(ctx, param)
    if kind is None:
        return []
    app = App(profile=typed.profile, environ=typed.environ, session=typed.session)  # one that starts no manager
    app.silent, app.manager, app.tenant = True, typed.manager, typed.tenant
    deployment_id = ctx.params.get("deployment_id") if kind in ("nodes", "workflows") else None
    return _cached(app, kind, beginning, deployment_id)


def _kind(ctx: click.Context, param: click.Parameter) -> str | None:
    noun = ctx.command_path.split(" ")[1]
    own = ctx.command.name in NEW_THINGS
    if param.name in ("name", "key"):
        return None if own else noun.replace("-", "_")
    if param.name == "workflow_id":
        return "workflows" if ctx.params.get("deployment_id") else None
    kind = _COLLECTIONS.get(str(param.name))
    return None if own and kind == noun and param.param_type_name == "argument" else kind


def _cached(app: App, kind: str, beginning: str, deployment_id: str | None) -> list[str]:
    connection = app.connection
    who = (connection.url, connection.tenant, connection.username, bool(connection.token), kind, deployment_id)
    digest = hashlib.sha256(json.dumps(who).encode()).hexdigest()[:16]
    file = app.home / "cache" / f"names-{digest}.json"
    kept = _kept(file)
    if kept is not None:
        return kept
    names, total = _asked(app, kind, deployment_id, search=None)
    if total > len(names) and beginning:
        return _asked(app, kind, deployment_id, search=beginning)[0]
    from cfy_cli.config.paths import write_private

    write_private(file, json.dumps(names))
    return names


def _kept(file: Path) -> list[str] | None:
    with contextlib.suppress(OSError, ValueError):
        if 0 <= time.time() - file.stat().st_mtime < FRESH:
            return list(json.loads(file.read_text("utf-8")))
    return None


def _asked(app: App, kind: str, deployment_id: str | None, *, search: str | None) -> tuple[list[str], int]:
    if kind == "workflows":
        names = [str(item["name"]) for item in app.client.deployments.workflows(str(deployment_id))]
        return names, len(names)
    collection: Any = getattr(app.client, kind)
    key = collection.resource.key
    query = {"deployment_id": deployment_id} if deployment_id else {}
    page = collection.list(_include=key, _size=MOST, _search=search, **query)
    return [str(item[key]) for item in page], page.total

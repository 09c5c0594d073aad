"""Imports of blueprints that are not files: addresses and plugins now; other blueprints when they are kept."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cfy_cli.dsl.resolver import ResolvedImport
from cfy_cli.errors import Invalid
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.plugins import plugins
from cfy_cli.manager.services.plugins.resolve import resolve_import
from cfy_cli.manager.services.transfer.fetching import SCHEMES, fetch
from cfy_cli.manager.store.scope import Scope

MAX_BYTES = 5 * 1024 * 1024
PLUGIN = "plugin:"
VERSION = re.compile(rb"""^["']?tosca_definitions_version["']?\s*:\s*["']?cloudify_dsl_(\d+_\d+)""", re.MULTILINE)


class ManagerResolver:
    """What a blueprint may import from outside its own folder, on behalf of who uploads it.

    Without a scope, plugins are not looked for; `main` is the blueprint's file, whose version of the language chooses
    among several files of a plugin.
    """

    def __init__(self, app: AppContext, scope: Scope | None = None, main: Path | None = None) -> None:
        self._manager, self._scope = app, scope
        self._dsl_version = version_of(main) if main else None

    def resolve(self, name: str) -> ResolvedImport | None:
        if name.startswith(PLUGIN) and self._scope is not None:
            return self._plugin(name, self._scope)
        kind = name.partition(":")[0]
        if kind not in SCHEMES:
            raise Invalid(f"this manager keeps no {kind}s to import, only plugins and addresses ({', '.join(SCHEMES)})")
        with self._manager.files.open_temporary() as (file, path):
            fetch(name, file, max_bytes=MAX_BYTES)
            file.flush()
            return ResolvedImport(name, path.read_bytes())

    def _plugin(self, name: str, scope: Scope) -> ResolvedImport:
        with self._manager.reading(scope) as store:
            plugin = resolve_import(store, name.removeprefix(PLUGIN))
            file = plugins.yaml_file(self._manager, plugin, self._dsl_version)
        return ResolvedImport(
            name,
            file.read_bytes(),
            labels=plugin.deployment_labels or {},
            blueprint_labels=plugin.blueprint_labels or {},
            resource_tags=_single(plugin.resource_tags or {}),
        )


def version_of(main: Path) -> str | None:
    """`1_4` for a blueprint of cloudify_dsl_1_4; None when its file does not say so plainly."""
    try:
        found = VERSION.search(main.read_bytes())
    except OSError:
        return None
    return found[1].decode() if found else None


def _single(tags: Mapping[str, Any]) -> dict[str, str]:
    """Some clients write tags as lists of one."""
    return {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in tags.items()}

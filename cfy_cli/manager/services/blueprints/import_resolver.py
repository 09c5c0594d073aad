"""Imports of blueprints from outside their archive: URLs, plugins and other blueprints."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import cast

from cfy_cli.dsl import Problem
from cfy_cli.dsl.resolver import ResolvedImport
from cfy_cli.errors import Invalid
from cfy_cli.manager.services.blueprints import unpacked
from cfy_cli.manager.services.blueprints.blueprints import check_uploaded
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.plugins import plugins
from cfy_cli.manager.services.plugins.resolve import resolve_import
from cfy_cli.manager.services.transfer.fetching import SCHEMES, fetch
from cfy_cli.manager.store.models import Blueprint, Plugin
from cfy_cli.manager.store.store import Store

MAX_BYTES = 5 * 1024 * 1024
HINT = "to see it, download the file and check that: cfy blueprints lint FILE"
PLUGIN = "plugin:"
BLUEPRINT = "blueprint:"
VERSION = re.compile(rb"""^["']?tosca_definitions_version["']?\s*:\s*["']?cloudify_dsl_(\d+_\d+)""", re.MULTILINE)
OpenStore = Callable[[], AbstractContextManager[Store]]
SelectPlugin = Callable[[Store, str], Plugin]  # by the name of an import, without its `plugin:`


class ManagerResolver:
    """Resolves imports on behalf of the user who uploads a blueprint.

    `read` opens a store with the rights of that user; without it, plugins and blueprints cannot be imported. Files of
    imported blueprints stay until `until_end` is closed. `main` is the main file of the blueprint; its DSL version
    selects the YAML file of a plugin that has several. `select_plugin` chooses among the plugins that an import may
    mean, by default the newest.
    """

    def __init__(
        self,
        app: AppContext,
        until_end: ExitStack,
        read: OpenStore | None = None,
        main: Path | None = None,
        select_plugin: SelectPlugin = resolve_import,
    ) -> None:
        self._app, self._until_end, self._read, self._select_plugin = app, until_end, read, select_plugin
        self._private: set[str] = set()  # URLs whose content the user perhaps could not read
        self._dsl_version = find_dsl_version(main) if main else None

    def resolve(self, name: str) -> ResolvedImport | None:
        if name.startswith(PLUGIN) and self._read is not None:
            return self._resolve_plugin(name, self._read)
        if name.startswith(BLUEPRINT) and self._read is not None:
            return self._resolve_blueprint(name, self._read)
        kind = name.partition(":")[0]
        if kind not in SCHEMES:
            raise Invalid(f"`{kind}:` imports are not supported here, only plugins and URLs ({', '.join(SCHEMES)})")
        with self._app.files.open_temporary() as (file, path):
            if not fetch(name, file, self._app.settings, max_bytes=MAX_BYTES):
                self._private.add(name)
            file.flush()
            return ResolvedImport(name, path.read_bytes())

    def conceal(self, problem: Problem) -> Problem:
        """Return the problem without its text when that may repeat the content of a URL that is not public."""
        if problem.location.file not in self._private:
            return problem
        return replace(problem, message=f"there is a problem of the kind `{problem.rule}`", hint=HINT)

    def _resolve_plugin(self, name: str, read: OpenStore) -> ResolvedImport:
        with read() as store:
            plugin = self._select_plugin(store, name.removeprefix(PLUGIN))
        return ResolvedImport(
            name,
            plugins.read_yaml_file(self._app, plugin, self._dsl_version)[1],
            labels=plugin.deployment_labels or {},
            blueprint_labels=plugin.blueprint_labels or {},
            resource_tags=_single_values(plugin.resource_tags or {}),
        )

    def _resolve_blueprint(self, name: str, read: OpenStore) -> ResolvedImport:
        blueprint_id = name.removeprefix(BLUEPRINT).strip()
        with read() as store:
            blueprint = store.find(Blueprint, blueprint_id)
            if blueprint is None:
                raise Invalid(
                    f"there is no blueprint `{blueprint_id}`",
                    hint=f"upload it first: cfy blueprints upload FILE -b {blueprint_id}",
                )
            check_uploaded(blueprint)
        root = self._until_end.enter_context(unpacked.use(self._app.files, blueprint.storage_id))
        main = root / str(blueprint.main_file_name)
        return ResolvedImport(f"{name}/{blueprint.main_file_name}", main.read_bytes(), folder=main.parent, root=root)


def find_dsl_version(main: Path) -> str | None:
    """Return `1_4` for a file with the version cloudify_dsl_1_4; None when the file has no plain version."""
    try:
        match = VERSION.search(main.read_bytes())
    except OSError:
        return None
    return match[1].decode() if match else None


def _single_values(tags: Mapping[str, str | list[str]]) -> dict[str, str]:
    """Return tags with plain values; some clients send each value as a list of one."""
    single = {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in tags.items()}
    return cast("dict[str, str]", single)

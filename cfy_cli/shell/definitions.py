"""Types and workflows that a blueprint may use: those of the language, of a blueprint, and of plugins."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cfy_cli.dsl import find_definitions
from cfy_cli.dsl.reference import BASIC, HEAD
from cfy_cli.errors import Usage
from cfy_cli.shell.import_sources import ImportSources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cfy_cli.dsl import Definitions
    from cfy_cli.shell.app import App


def load_definitions(
    app: App, blueprint_path: str | None = None, plugin: str | None = None, plugin_yamls: Sequence[str] = ()
) -> Definitions:
    """Return what a blueprint on this machine defines, or a plugin, or by default the language alone.

    Raises BlueprintInvalid when an import is not at hand, and Usage.
    """
    sources = ImportSources(app, plugin_yamls)
    if blueprint_path and plugin:
        raise Usage("Give either a blueprint or a plugin")
    if blueprint_path:
        main = Path(blueprint_path)
        if not main.is_file():
            raise Usage(f"The file {blueprint_path} does not exist", hint="Give the blueprint's main file.")
        return find_definitions(main, resolver=sources)
    if plugin is None:
        return find_definitions(BASIC)
    with tempfile.TemporaryDirectory(prefix="cfy-") as folder:
        main = Path(folder) / "blueprint.yaml"
        main.write_text(f"{HEAD}  - plugin:{plugin}\n", encoding="utf-8")
        return find_definitions(main, resolver=sources)

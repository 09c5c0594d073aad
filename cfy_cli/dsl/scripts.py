"""What operations and workflows run: finding the plugin, or the script, that an implementation names."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cfy_cli.dsl.problems import Place, near
from cfy_cli.dsl.shapes import Reading

SCRIPT = "script"  # the plugin that runs scripts
RUN_SCRIPT = "script_runner.tasks.run"
RUN_SCRIPT_WORKFLOW = "script_runner.tasks.execute_workflow"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!:)\S")


class Unmapped(Exception):
    """An implementation that nothing runs; the sentence says why, and is empty where that is told already."""


@dataclass(frozen=True, slots=True)
class Target:
    """What an implementation means: a function of a plugin, or a script for the plugin that runs scripts."""

    plugin: str
    function: str = ""
    script: str = ""  # the input that takes the script: `script_path` or `script_source`


@dataclass(slots=True)
class Targets:
    """Finds what implementations mean, each once."""

    plugins: Mapping[str, Any]
    folders: tuple[Path, ...]  # where scripts may be
    blueprints: Iterable[str]  # namespaces of imported blueprints: their scripts are theirs to have
    whole: bool = True  # whether all imports could be had, and so all plugins are known
    _found: dict[str, Target | Unmapped] = field(default_factory=dict)

    def find(self, implementation: str) -> Target:
        """Raises Unmapped."""
        if implementation not in self._found:
            try:
                self._found[implementation] = self._find(implementation)
            except Unmapped as error:
                self._found[implementation] = error
        found = self._found[implementation]
        if isinstance(found, Unmapped):
            raise found
        return found

    def _find(self, implementation: str) -> Target:
        if "\n" in implementation.strip():
            return Target(self._script_plugin(), script="script_source")
        if _URL.match(implementation) or self._is_file(implementation):
            return Target(self._script_plugin(), script="script_path")
        for mapping in dict.fromkeys((implementation, _without_namespace(implementation))):
            plugins = [name for name in self.plugins if mapping.startswith(f"{name}.")]
            if len(plugins) > 1:
                raise Unmapped(f"`{mapping}` may be of any of the plugins {', '.join(plugins)}")
            if plugins:
                return Target(plugins[0], mapping[len(plugins[0]) + 1 :])
        if any(implementation.startswith(f"{namespace}--") for namespace in self.blueprints):
            return Target(self._script_plugin(), script="script_path")
        if not self.whole and "/" not in implementation:
            raise Unmapped
        hint = "" if "/" in implementation else near(implementation.partition(".")[0], self.plugins)
        raise Unmapped(
            f"`{implementation}` is neither a file of the blueprint nor a function of one of its plugins{hint}"
        )

    def _script_plugin(self) -> str:
        for name in (SCRIPT, *(name for name in self.plugins if name.endswith(SCRIPT))):
            if name in self.plugins:
                return name
        raise Unmapped(f"a script needs the plugin `{SCRIPT}`; import cloudify/types/types.yaml")

    def _is_file(self, name: str) -> bool:
        name = _without_namespace(name)
        try:
            return any((folder / name).is_file() for folder in self.folders)
        except (OSError, ValueError):
            return False


def told(error: Unmapped, place: Place, reading: Reading) -> None:
    if error.args:
        reading.tell(place, "implementation", str(error))


def _without_namespace(name: str) -> str:
    return name.rpartition("--")[2]

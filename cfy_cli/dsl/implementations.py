"""Resolution of implementations: the plugin function or the script that an operation or workflow runs."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cfy_cli.contract.plan import PluginPlan
from cfy_cli.dsl.compilation import Compilation
from cfy_cli.dsl.problems import Location, suggest

SCRIPT = "script"  # the plugin that runs scripts
RUN_SCRIPT = "script_runner.tasks.run"
RUN_SCRIPT_WORKFLOW = "script_runner.tasks.execute_workflow"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!:)\S")


class Unresolved(Exception):
    """An implementation that cannot be resolved; the message is empty if that is already reported."""


@dataclass(frozen=True, slots=True)
class Implementation:
    """A function of a plugin, or a script for the plugin that runs scripts."""

    plugin: str
    function: str = ""
    script_input: str = ""  # the input that takes the script: `script_path` or `script_source`


@dataclass(slots=True)
class ImplementationResolver:
    """Resolves implementations, each once."""

    plugins: Mapping[str, PluginPlan]
    folders: tuple[Path, ...]  # that may contain scripts
    namespaces: Iterable[str]  # of imported blueprints, whose scripts are not checked
    complete: bool = True  # whether all imports were found, and so all plugins are known
    _resolved: dict[str, Implementation | Unresolved] = field(default_factory=dict)

    def resolve(self, text: str) -> Implementation:
        """Return what an implementation means, or raise Unresolved."""
        if text not in self._resolved:
            try:
                self._resolved[text] = self._resolve(text)
            except Unresolved as error:
                self._resolved[text] = error
        resolved = self._resolved[text]
        if isinstance(resolved, Unresolved):
            raise resolved
        return resolved

    def _resolve(self, text: str) -> Implementation:
        if "\n" in text.strip():
            return Implementation(self._script_plugin(), script_input="script_source")
        if _URL.match(text) or self._is_file(text):
            return Implementation(self._script_plugin(), script_input="script_path")
        for mapping in dict.fromkeys((text, _without_namespace(text))):
            plugins = [name for name in self.plugins if mapping.startswith(f"{name}.")]
            if len(plugins) > 1:
                raise Unresolved(f"`{mapping}` is ambiguous: it matches the plugins {', '.join(plugins)}")
            if plugins:
                return Implementation(plugins[0], mapping[len(plugins[0]) + 1 :])
        if any(text.startswith(f"{namespace}--") for namespace in self.namespaces):
            return Implementation(self._script_plugin(), script_input="script_path")
        if not self.complete and "/" not in text:
            raise Unresolved
        hint = "" if "/" in text else suggest(text.partition(".")[0], self.plugins)
        raise Unresolved(f"`{text}` is neither a file of the blueprint nor a function of one of its plugins{hint}")

    def _script_plugin(self) -> str:
        for name in (SCRIPT, *(name for name in self.plugins if name.endswith(SCRIPT))):
            if name in self.plugins:
                return name
        raise Unresolved(f"scripts need the plugin `{SCRIPT}`; import cloudify/types/types.yaml")

    def _is_file(self, name: str) -> bool:
        name = _without_namespace(name)
        try:
            return any((folder / name).is_file() for folder in self.folders)
        except (OSError, ValueError):
            return False


def report_unresolved(error: Unresolved, location: Location, compilation: Compilation) -> None:
    if error.args:
        compilation.report(location, "implementation", str(error))


def _without_namespace(name: str) -> str:
    return name.rpartition("--")[2]

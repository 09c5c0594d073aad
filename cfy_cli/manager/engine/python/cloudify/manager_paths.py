"""The folder of blueprints and deployments of a public manager, which public code has built in.

Where this machine has no such folder, code of plugins and scripts is read with another one in its place: it lies beside
the files of the blueprint, lasts as long as these, and has links to them and to the folder of the deployment.
"""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from .state import Process
from .state import own_ctx as ctx

MANAGER_RESOURCES = "/opt/manager/resources/"


def replace_paths(source: bytes) -> bytes:
    """Return source code with the folder that has the files of this operation; that of workflows stays as it is."""
    public = MANAGER_RESOURCES.encode()
    if public not in source or Process.is_workflow or os.path.exists(MANAGER_RESOURCES):
        return source
    return source.replace(public, os.fsencode(_linked_folder()))


def install_import_hook(package: str) -> None:
    """Replace the folder in the modules of a package, and of those that public plugins share."""
    sys.meta_path.insert(0, _Finder(package))


def _linked_folder() -> str:
    """Return the path of the folder, with a slash at its end; create its links if there are none."""
    static = ctx._static
    folder = Path(static["resources"]).parent / "manager" / "resources"
    links = {
        folder / "blueprints" / static["tenant_name"] / static["blueprint_id"]: static["resources"],
        folder / "deployments" / static["tenant_name"] / static["deployment_id"]: static["workdir"],
    }
    for link, target in links.items():
        link.parent.mkdir(parents=True, exist_ok=True)
        try:
            link.symlink_to(target)
        except FileExistsError:
            """Another operation has created it."""
    return f"{folder}/"


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType | None:
        source = self.get_data(self.path)
        replaced = replace_paths(source)
        return super().get_code(fullname) if replaced == source else self.source_to_code(replaced, self.path)


class _Finder:
    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package = fullname.partition(".")[0]
        if package != self._package and not package.startswith("cloudify_"):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec

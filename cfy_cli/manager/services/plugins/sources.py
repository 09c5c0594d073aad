"""Plugins that a blueprint brings as source: a folder or archive below its plugins/, or an archive somewhere else."""

import hashlib
import json
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from cfy_cli.errors import Invalid
from cfy_cli.manager.services.plugins.installation import Tell
from cfy_cli.manager.services.plugins.venvs import Making, made_once, stand_ins
from cfy_cli.manager.services.transfer.archives import unpack
from cfy_cli.manager.services.transfer.fetching import fetch
from cfy_cli.manager.store.files import Files

PROJECT_FILES = ("setup.py", "pyproject.toml")


def environment_from_source(files: Files, blueprint: int, about: Mapping[str, Any], tell: Tell) -> Path:
    """The environment of a plan's entry with a `source`, kept with the blueprint, made now if nobody has yet.

    Raises Invalid with the reason that it cannot be had.
    """
    name, source = str(about["name"]), str(about["source"])
    arguments = _arguments(name, about.get("install_arguments"))
    known_by = hashlib.sha256(json.dumps([name, source, arguments]).encode()).hexdigest()
    folder = files.blueprint_folder(blueprint) / "plugins" / known_by[:16]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def fill(making: Making) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            project = Path(place) / "project"
            _bring(name, source, files.resources_folder(blueprint), project)
            _install(making, project, Path(place), arguments)

    return made_once(folder, name, fill, partial(tell, "info", f"Installing plugin from source: {name} [{source}]"))


def _bring(name: str, source: str, resources: Path, project: Path) -> None:
    """Put the plugin's folder at `project`: what is built there leaves the blueprint's own files as they are."""
    if "://" in source:
        with tempfile.NamedTemporaryFile("wb", dir=project.parent) as file:
            fetch(source, file.file)
            file.flush()
            _unpack(name, source, Path(file.name), project)
    else:
        found = _below_plugins(name, source, resources)
        if found.is_dir():
            shutil.copytree(found, project, symlinks=True)
        else:
            _unpack(name, source, found, project)
    if not any((project / file).is_file() for file in PROJECT_FILES):
        raise Invalid(f"The source `{source}` of the plugin {name} has neither a setup.py nor a pyproject.toml")


def _below_plugins(name: str, source: str, resources: Path) -> Path:
    plugins = (resources / "plugins").resolve()
    for candidate in (source, f"{source}.zip"):
        found = (plugins / candidate).resolve()
        if found.is_relative_to(plugins) and found != plugins and found.exists():
            return found
    raise Invalid(
        f"The source `{source}` of the plugin {name} is not there",
        hint=f"It is a folder `plugins/{source}` of the blueprint, an archive `plugins/{source}.zip`, or an address",
    )


def _unpack(name: str, source: str, archive: Path, project: Path) -> None:
    try:
        unpack(archive, project)
    except Invalid as error:
        raise Invalid(f"The source `{source}` of the plugin {name} cannot be unpacked: {error.message}") from error


def _install(making: Making, project: Path, place: Path, arguments: list[str]) -> None:
    """Relative paths in the arguments are of the plugin's folder."""
    wheels = place / "wheels"
    wheels.mkdir()
    stand_ins(wheels)
    making.put(wheels)
    making.install(*arguments, ".", cwd=project)


def _arguments(name: str, written: Any) -> list[str]:
    try:
        return shlex.split(str(written or ""))
    except ValueError as error:
        raise Invalid(f"The install_arguments of the plugin {name} cannot be read: {error}") from None

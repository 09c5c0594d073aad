"""Installation of plugins that a blueprint contains as source, or gives the URL of."""

import hashlib
import json
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from cfy_cli.contract.limits import Limits, active_limits
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.operation_user import give
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.plugins.libraries import provide_libraries, restore_libraries
from cfy_cli.manager.services.plugins.venvs import LogFunction, VenvBuilder, ensure_venv
from cfy_cli.manager.services.transfer.archives import unpack
from cfy_cli.manager.services.transfer.fetching import fetch
from cfy_cli.manager.store.files import BLUEPRINTS

PROJECT_FILES = ("setup.py", "pyproject.toml")


def ensure_source_venv(
    app: AppContext, blueprint_storage_id: int, resources: Path, plugin: Mapping[str, object], log: LogFunction
) -> Path:
    """Return the virtual environment of a plugin with a `source`; create it if there is none. Raises Invalid.

    `plugin` is its entry in the plan. The environment is beside `resources`, the unpacked blueprint, which the caller
    uses; plugins of one source share it.
    """
    files = app.files
    name, source = str(plugin["name"]), str(plugin["source"])
    arguments = _parse_arguments(name, plugin.get("install_arguments"))
    digest = hashlib.sha256(json.dumps([source, arguments]).encode()).hexdigest()
    folder = resources.parent / "plugins" / digest[:16]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def fill(builder: VenvBuilder) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            project = Path(temporary) / "project"
            _copy_source(app, name, source, resources, project)
            give(Path(temporary), builder.user)
            builder.install_stubs()
            builder.install(*arguments, ".", cwd=project)  # paths in the arguments are relative to the project
            provide_libraries(files, builder, log)
        files.cache.add_size((BLUEPRINTS, blueprint_storage_id))

    log_start = partial(log, "info", f"Installing plugin from source: {name} [{source}]")
    venv = ensure_venv(folder, name, fill, log_start, app.operation_user)
    restore_libraries(files, VenvBuilder(name, venv, app.operation_user), log)
    return venv


def _copy_source(app: AppContext, name: str, source: str, resources: Path, project: Path) -> None:
    """Copy the plugin's folder to `project`, so that building it does not change the blueprint's files."""
    if "://" in source:
        with tempfile.NamedTemporaryFile("wb", dir=project.parent) as file:
            fetch(source, file.file, app.settings)
            file.flush()
            _unpack(name, source, Path(file.name), project, active_limits())
    else:
        path = _find_source(name, source, resources)
        if path.is_dir():
            shutil.copytree(path, project, symlinks=True)
        else:
            _unpack(name, source, path, project, active_limits())
    if not any((project / file).is_file() for file in PROJECT_FILES):
        raise Invalid(f"The source `{source}` of the plugin {name} has neither a setup.py nor a pyproject.toml")


def _find_source(name: str, source: str, resources: Path) -> Path:
    plugins = (resources / "plugins").resolve()
    for candidate in (source, f"{source}.zip"):
        path = (plugins / candidate).resolve()
        if path.is_relative_to(plugins) and path != plugins and path.exists():
            return path
    raise Invalid(
        f"The source `{source}` of the plugin {name} was not found",
        hint=f"Put it into the blueprint as a folder `plugins/{source}` or an archive `plugins/{source}.zip`, "
        "or give its URL.",
    )


def _unpack(name: str, source: str, archive: Path, project: Path, limits: Limits) -> None:
    try:
        unpack(archive, project, limits)
    except Invalid as error:
        raise Invalid(f"The source `{source}` of the plugin {name} cannot be unpacked: {error.message}") from error


def _parse_arguments(name: str, text: object) -> list[str]:
    try:
        return shlex.split(str(text or ""))
    except ValueError as error:
        raise Invalid(f"The install_arguments of the plugin {name} cannot be read: {error}") from None

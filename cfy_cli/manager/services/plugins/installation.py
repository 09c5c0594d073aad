"""The environment of each uploaded plugin, below its own folder, made when it is first needed."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from cfy_cli.errors import CfyError
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.plugins.plugins import WAGON
from cfy_cli.manager.services.plugins.venvs import Making, made_once, stand_ins
from cfy_cli.manager.services.plugins.wagons import wheels_of
from cfy_cli.manager.services.transfer.archives import Budget
from cfy_cli.manager.store.models import Plugin
from cfy_cli.manager.store.scope import system_scope

Tell = Callable[[str, str], None]  # level, message


def environment_of(app: AppContext, plugin: Plugin, tell: Tell) -> Path:
    """The folder of the environment, made now if nobody has yet; others who want it meanwhile wait. Raises Invalid."""
    folder = app.files.plugin_folder(plugin.storage_id)

    def begin() -> None:
        tell(
            "info",
            f"Installing managed plugin: {plugin.id} [package_name: {plugin.package_name}, "
            f"package_version: {plugin.package_version}, supported_platform: {plugin.supported_platform}]",
        )

    def fill(making: Making) -> None:
        _install_wagon(making, folder, f"{plugin.package_name}=={plugin.package_version}")
        _note(app, plugin, "installed")

    try:
        return made_once(folder, f"{plugin.package_name} {plugin.package_version}", fill, begin)
    except CfyError as error:
        _note(app, plugin, "error", error.message)
        raise


def _install_wagon(making: Making, folder: Path, wanted: str) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as wheels:
        _unpack_wheels(folder / WAGON, Path(wheels))
        making.install("--isolated", "--no-index", "--find-links", wheels, wanted)


def _unpack_wheels(wagon: Path, target: Path) -> None:
    budget = Budget()
    with wheels_of(wagon) as wheels:
        for name, content in wheels:
            with content, (target / name).open("wb") as file:
                budget.spend(name, 0)
                while chunk := content.read(1 << 20):
                    budget.spend_bytes(name, len(chunk))
                    file.write(chunk)
    stand_ins(target, [file.name.partition("-")[0].lower() for file in target.iterdir()])


def _note(app: AppContext, plugin: Plugin, state: str, error: str | None = None) -> None:
    """What `cfy plugins get` tells of the installation."""
    with app.writing(system_scope(plugin.tenant_name)) as store:
        row = store.unscoped.get(Plugin, plugin.storage_id)
        if row is not None:
            row.installation_state = [{"manager": app.hostname, "agent": None, "state": state, "error": error}]

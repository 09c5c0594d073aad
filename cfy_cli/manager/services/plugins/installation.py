"""Installation of uploaded plugins, each in a virtual environment that is created when it is first needed."""

import tempfile
from pathlib import Path

from cfy_cli.contract.limits import Limits, active_limits
from cfy_cli.errors import CfyError, NotFound
from cfy_cli.manager.engine.operation_user import give
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.plugins.libraries import provide_libraries, restore_libraries
from cfy_cli.manager.services.plugins.plugins import WAGON
from cfy_cli.manager.services.plugins.venvs import LogFunction, VenvBuilder, ensure_venv, write_stub_wheels
from cfy_cli.manager.services.plugins.wagons import open_wheels
from cfy_cli.manager.services.transfer.archive_limits import UnpackLimit
from cfy_cli.manager.store.audit import MANAGER
from cfy_cli.manager.store.models import Plugin
from cfy_cli.manager.store.scope import system_scope


def ensure_plugin_venv(app: AppContext, plugin: Plugin, log: LogFunction) -> Path:
    """Return the virtual environment of a plugin; create it if there is none. Raises Invalid.

    It stays while the caller uses the folder of the plugin in the cache.
    """
    key = (Plugin.FOLDER, plugin.storage_id)

    def log_start() -> None:
        log(
            "info",
            f"Installing managed plugin: {plugin.id} [package_name: {plugin.package_name}, "
            f"package_version: {plugin.package_version}, supported_platform: {plugin.supported_platform}]",
        )

    def fill(builder: VenvBuilder) -> None:
        try:
            with app.files.local_copy(key, WAGON) as wagon:
                _install_wagon(builder, wagon, f"{plugin.package_name}=={plugin.package_version}", active_limits())
        except NotFound:
            raise NotFound("The plugin was deleted") from None
        provide_libraries(app.files, builder, log)
        app.files.cache.add_size(key)
        _store_state(app, plugin, "installed")

    name = f"{plugin.package_name} {plugin.package_version}"
    try:
        with app.files.cache.use(key) as folder:
            venv = ensure_venv(folder, name, fill, log_start, app.operation_user)
            restore_libraries(app.files, VenvBuilder(name, venv, app.operation_user), log)
        return venv
    except CfyError as error:
        _store_state(app, plugin, "error", error.message)
        raise


def _install_wagon(builder: VenvBuilder, wagon: Path, requirement: str, limits: Limits) -> None:
    with tempfile.TemporaryDirectory(dir=builder.folder.parent) as wheels:
        _unpack_wheels(wagon, Path(wheels), limits)
        give(Path(wheels), builder.user)
        builder.install("--isolated", "--no-index", "--find-links", wheels, requirement)


def _unpack_wheels(wagon: Path, target: Path, limits: Limits) -> None:
    limit = UnpackLimit(wagon, limits)
    with open_wheels(wagon, limits) as wheels:
        for name, content in wheels:
            with content:
                limit.copy(content, target / name, name)
    write_stub_wheels(target, [file.name.partition("-")[0].lower() for file in target.iterdir()])


def _store_state(app: AppContext, plugin: Plugin, state: str, error: str | None = None) -> None:
    with app.writing(system_scope(plugin.tenant_name), MANAGER) as store:
        row = store.unscoped.get(Plugin, plugin.storage_id)  # None if it was deleted meanwhile
        if row is not None:
            row.installation_state = [{"manager": app.hostname, "agent": None, "state": state, "error": error}]

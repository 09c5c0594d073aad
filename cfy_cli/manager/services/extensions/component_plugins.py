"""Plugins of nodes: uploaded with the node unless they exist, deleted with it unless something uses them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cfy_cli.contract.limits import active_limits
from cfy_cli.contract.states import Visibility
from cfy_cli.errors import Conflict, Invalid
from cfy_cli.manager.services.extensions.configuration import PluginConfig
from cfy_cli.manager.services.extensions.extension_context import ExtensionContext
from cfy_cli.manager.services.plugins import plugins
from cfy_cli.manager.services.plugins.wagons import Package, read_package
from cfy_cli.manager.services.transfer.fetching import fetch
from cfy_cli.manager.store.models import Plugin
from cfy_cli.manager.store.store import Store

REQUIRED_KEYS = ("wagon_path", "plugin_yaml_path")


def upload_plugins(extension: ExtensionContext, configs: Mapping[str, PluginConfig]) -> None:
    """Upload plugins. Raises Invalid for an incomplete configuration, and CfyError when fetching fails."""
    for name, config in configs.items():
        if not isinstance(config, Mapping) or not all(config.get(key) for key in REQUIRED_KEYS):
            raise Invalid(f"The plugin {name} of the node {extension.node_id} needs {' and '.join(REQUIRED_KEYS)}")
        with _package(extension, config) as package:
            _upload(extension, package)


def delete_plugins(extension: ExtensionContext) -> None:
    """Delete the plugins that this node instance has uploaded and nothing else uses."""
    for archive_name in extension.runtime_properties.get("_plugins") or ():
        with extension.writing("plugin_delete") as store:
            plugin = _find_plugin(store, archive_name)
            if plugin is None:
                continue
            try:
                plugins.delete(store, plugin.id)
            except plugins.PluginInUse as error:
                extension.log(f"The plugin is not deleted: {error.message}")
            else:
                extension.log(f'Deleted the plugin "{plugin.package_name}", version {plugin.package_version}')
    extension.set_runtime_properties(delete=("_plugins",))


def _upload(extension: ExtensionContext, package: Package) -> None:
    archive_name = package.metadata["archive_name"]
    uploaded = set(extension.runtime_properties.get("_plugins") or ())
    with extension.reading("plugin_get") as store:
        exists = _find_plugin(store, archive_name) is not None
    if not exists:
        # Stored before the upload, so that a plugin is known as uploaded here if the worker crashes after it.
        extension.set_runtime_properties(_plugins=sorted({*uploaded, archive_name}))
        try:
            with extension.writing("plugin_upload") as store:
                plugins.add(store, package, title=None, visibility=Visibility.TENANT)
        except Conflict:  # it is a global plugin of another tenant, or another user has uploaded it meanwhile
            extension.set_runtime_properties(_plugins=sorted(uploaded))
            exists = True
    result = "exists already" if exists else "was uploaded"
    extension.log(
        f'The plugin "{package.metadata["package_name"]}", version {package.metadata["package_version"]}, {result}'
    )


def _find_plugin(store: Store, archive_name: str) -> Plugin | None:
    visible = store.visible(Plugin)
    own = visible.where(Plugin.archive_name == archive_name, Plugin.tenant_name == store.scope.tenant)
    return store.unscoped.scalars(own.limit(1)).first()  # a visible one


@contextmanager
def _package(extension: ExtensionContext, config: PluginConfig) -> Iterator[Package]:
    """Fetch the wagon and the YAML file of a plugin into temporary files."""
    with (
        _file(extension, config["wagon_path"]) as wagon,
        _file(extension, config["plugin_yaml_path"]) as yaml,
        extension.app.files.open_temporary() as (_, inner_wagon),
    ):
        package = read_package(wagon, inner_wagon, active_limits())
        yield replace(package, yamls={"plugin.yaml": yaml.read_bytes()})


@contextmanager
def _file(extension: ExtensionContext, source: str) -> Iterator[Path]:
    """Copy a file from a URL or from the folder of the own blueprint into a temporary file."""
    with extension.app.files.open_temporary() as (file, path):
        if "://" in source:
            fetch(source, file, extension.app.settings)
            file.flush()
        else:
            path.write_bytes(extension.ctx.read(source))
        yield path

"""`cfy plugins`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cfy_cli.contract.resources import PLUGINS
from cfy_cli.errors import Usage
from cfy_cli.shell import labels, options, plugins_updates, resource_tags, verbs
from cfy_cli.shell.app import App, pass_app

if TYPE_CHECKING:
    from typing import Unpack

    from cfy_cli.client.collection import Item
    from cfy_cli.shell.option_types import ListOptions

BUNDLE = "http://repository.cloudifysource.org/cloudify/wagons/cloudify-plugins-bundle.tgz"
BUNDLE_COLUMNS = ("id", "package_name", "package_version", "distribution", "distribution_release")
DETAILS = (*PLUGINS.columns, "file_server_path", "supported_platform", "supported_py_versions")


cli = verbs.group_of(PLUGINS, "Manage plugins.", "set-visibility", "set-global", "set-owner")


labels.add_label_commands(
    cli, PLUGINS, lambda client: client.plugins.propagated_labels("blueprint_labels"),
    group="blueprint-labels", title="blueprint labels",
)  # fmt: skip
labels.add_label_commands(
    cli, PLUGINS, lambda client: client.plugins.propagated_labels("labels"),
    group="deployment-labels", title="deployment labels",
)  # fmt: skip
resource_tags.add_tag_commands(cli)
plugins_updates.add_update_commands(cli)


@cli.command("upload")
@click.argument("plugin_path")
@click.option(
    "-y", "--yaml-path", "yaml_paths", multiple=True, help="The path or URL of its plugin.yaml; may be repeated."
)
@click.option("-i", "--icon-path", help="The path or URL of a PNG image to use as its icon.")
@click.option("--title", help="The display title of the plugin.")
@options.private_resource()
@options.visibility()
@pass_app
def upload_plugin(
    app: App,
    plugin_path: str,
    yaml_paths: tuple[str, ...],
    icon_path: str | None,
    title: str | None,
    private_resource: bool,
    visibility: str,
) -> None:
    """Upload the plugin in PLUGIN_PATH to the manager.

    PLUGIN_PATH is the path or URL of a wagon (*.wgn) or, without --yaml-path, of a zip of a wagon and its YAML files.
    """
    from cfy_cli.client.plugins import package
    from cfy_cli.output.progress import progress_bar

    visibility = "private" if private_resource else visibility
    with (
        package(plugin_path, yaml_paths, icon_path) as archive,
        progress_bar("Uploading", archive.stat().st_size, shown=app.options.verbosity >= 0) as progress,
    ):
        plugin = app.client.plugins.upload(archive, progress=progress, title=title, visibility=visibility)
    app.result(f"Plugin uploaded. Plugin's id is {plugin['id']}", plugin, PLUGINS)


@cli.command("bundle-upload")
@click.option("-p", "--path", default=BUNDLE, show_default=True, help="The path or URL of the bundle.")
@options.visibility()
@pass_app
def upload_bundle(app: App, path: str, visibility: str) -> None:
    """Upload a bundle of plugins; plugins that exist already stay as they are.

    A bundle is a tar archive of one folder of wagons and YAML files, with a file METADATA that maps the name of each
    wagon to its YAML file (wagon: yaml).
    """
    from cfy_cli.output.progress import progress_bar

    file = Path(os.path.expanduser(path))
    source = path if "://" in path else file
    if source is file and not file.is_file():
        raise Usage(f"The file {path} does not exist")
    size = file.stat().st_size if source is file else 0
    if not size:
        app.note(f"The manager downloads {path}; this may take minutes")
    with progress_bar("Uploading", size, shown=app.options.verbosity >= 0) as progress:
        plugins = app.client.plugins.upload_bundle(source, progress=progress, visibility=visibility)
    if app.as_data:
        app.answer(plugins, PLUGINS)
        return
    app.say(f"Bundle uploaded, {len(plugins)} new plugins")
    if plugins:
        app.show_items(plugins, PLUGINS, BUNDLE_COLUMNS)


@cli.command("validate")
@click.argument("plugin_path", type=click.Path(dir_okay=False))
@pass_app
def validate_plugin(app: App, plugin_path: str) -> None:
    """Validate the wagon PLUGIN_PATH, or a zip of one, without a manager."""
    from dataclasses import asdict

    from cfy_cli.client.wagons import check_wagon

    wagon = check_wagon(Path(plugin_path))
    summary = f"{wagon.package_name} {wagon.package_version}, {len(wagon.wheels)} wheels for {wagon.supported_platform}"
    app.result(f"Plugin validated successfully: {summary}", asdict(wagon))


@cli.command("list")
@options.listing(PLUGINS)
@options.get_data()
@pass_app
def list_plugins(app: App, _get_data: bool, **query: Unpack[ListOptions]) -> None:
    """List plugins."""
    app.show_list(app.client.plugins, DETAILS if _get_data else None, **query)


@cli.command("get")
@click.argument("plugin_id")
@options.get_data()
@pass_app
def get_plugin(app: App, plugin_id: str, _get_data: bool) -> None:
    """Show the plugin PLUGIN_ID and where it is installed."""
    plugin = app.client.plugins.get(plugin_id)
    app.show(PLUGINS, plugin, DETAILS if _get_data else None)
    states = {_target(state): _describe_state(state) for state in plugin.get("installation_state") or ()}
    app.show_details(states, "Plugin installation state:")


@cli.command("delete")
@click.argument("plugin_id")
@click.option("-f", "--force", is_flag=True, help="Delete it even if blueprints use it.")
@pass_app
def delete_plugin(app: App, plugin_id: str, force: bool) -> None:
    """Delete the plugin PLUGIN_ID."""
    app.client.plugins.delete(plugin_id, force=force)
    app.result(f"Plugin `{plugin_id}` deleted", {"id": plugin_id})


@cli.command("download")
@click.argument("plugin_id")
@click.option("-o", "--output-path", help="The file or folder to save to.")
@pass_app
def download_plugin(app: App, plugin_id: str, output_path: str | None) -> None:
    """Download the wagon of the plugin PLUGIN_ID."""
    from cfy_cli.shell.download import download

    target = download(app, app.client.plugins.archive(plugin_id), output_path, f"{plugin_id}.wgn")
    app.result(f"Plugin downloaded as {target}", {"path": str(target)})


@cli.command("download_yaml")
@click.argument("plugin_id")
@click.option("-o", "--output-path", help="The file or folder to save to.")
@pass_app
def download_yaml(app: App, plugin_id: str, output_path: str | None) -> None:
    """Download the YAML file of the plugin PLUGIN_ID."""
    from cfy_cli.shell.download import download

    target = download(app, app.client.plugins.yaml(plugin_id), output_path, "plugin.yaml")
    app.result(f"Plugin yaml downloaded as {target}", {"path": str(target)})


@cli.command("install")
@click.argument("plugin_id")
@click.option("--manager-hostname", "managers", multiple=True, help="Install it on this manager; may be repeated.")
@click.option("--agent-name", "agents", multiple=True, help="Install it on this agent; may be repeated.")
@click.option(
    "--timeout", type=click.IntRange(0), default=300, show_default=True, help="Stop waiting after this many seconds."
)
@pass_app
def install_plugin(app: App, plugin_id: str, managers: tuple[str, ...], agents: tuple[str, ...], timeout: int) -> None:
    """Install the plugin PLUGIN_ID on the given managers and agents, or on all managers."""
    from cfy_cli.shell.plugin_installation import wait_until_installed

    plugins = app.client.plugins
    managers = managers or (() if agents else tuple(plugins.managers()))
    app.note(f"Waiting for plugin {plugin_id} to be installed on {', '.join((*managers, *agents))}")
    plugins.install(plugin_id, managers, agents)
    plugin = wait_until_installed(app, plugin_id, {*managers, *agents}, timeout)
    app.result(f"Plugin `{plugin_id}` installed", plugin, PLUGINS)


def _target(state: Item) -> str:
    return f"Manager {state['manager']}" if state.get("manager") else f"Agent {state.get('agent')}"


def _describe_state(state: Item) -> str:
    return f"{state['state']}: {state['error']}" if state.get("error") else str(state["state"])

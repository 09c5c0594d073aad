"""Commands that update the plugins of blueprints and their deployments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cfy_cli.contract.resources import PLUGINS_UPDATES
from cfy_cli.errors import CfyError, ExecutionFailed, Usage
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.follow_options import FollowOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Unpack

    from cfy_cli.client.collection import Item
    from cfy_cli.contract.json import JsonObject
    from cfy_cli.shell.option_types import ListOptions
    from cfy_cli.shell.options import Decorator

LIST_COLUMNS = (
    "id", "visibility", "state", "forced", "all_tenants", "blueprint_id", "execution_id", "created_by", "created_at",
)  # fmt: skip
DETAILS = (*LIST_COLUMNS, "deployments_to_update", "deployments_per_tenant", "temp_blueprint_id")


@dataclass(frozen=True, slots=True)
class Versions:
    """Values of the options that choose the versions of plugins."""

    plugin_names: tuple[str, ...]
    to_latest: tuple[str, ...]
    all_to_latest: bool
    to_minor: tuple[str, ...]
    all_to_minor: bool
    mapping: JsonObject | None

    def check(self) -> Versions:
        """Return the versions, by default the latest. Raises Usage for options that exclude each other."""
        if self.all_to_latest and self.all_to_minor:
            raise Usage("--all-to-latest and --all-to-minor exclude each other")
        if self.to_latest and not self.all_to_minor:
            raise Usage(
                "--to-latest names exceptions from --all-to-minor: give both",
                hint=f"To update no others: --plugin-name {','.join(self.to_latest)}",
            )
        if self.to_minor and self.all_to_minor:
            raise Usage(
                "--to-minor names exceptions from --all-to-latest: leave out --all-to-minor",
                hint=f"To update no others: --all-to-minor --plugin-name {','.join(self.to_minor)}",
            )
        is_only_mapped = self.mapping and not (self.all_to_latest or self.plugin_names or self.to_minor)
        return replace(self, all_to_latest=not (self.all_to_minor or is_only_mapped))


def _names(flag: str, name: str, text: str) -> Decorator:
    def split(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(part.strip() for value in values for part in value.split(",") if part.strip())

    return click.option(
        flag, name, multiple=True, callback=split, metavar="NAME", help=f"{text}; may be repeated, or NAME,NAME."
    )


def choosing_versions() -> Decorator:
    return options.combine(
        _names("--plugin-name", "plugin_names", "Update only this plugin"),
        _names("--to-latest", "to_latest", "With --all-to-minor: update this plugin to its latest version"),
        click.option("--all-to-latest", is_flag=True, help="Update plugins to their latest versions, as by default."),
        _names("--to-minor", "to_minor", "Update this plugin within its major version"),
        click.option("--all-to-minor", is_flag=True, help="Update plugins within their major versions."),
    )


def add_update_commands(cli: click.Group) -> None:
    """Add the commands `update`, `get-update`, `history` and `list_updates`."""

    @cli.command("update")
    @click.argument("blueprint_id", required=False)
    @click.option("--all-blueprints", is_flag=True, help="Update the plugins of all blueprints of the tenant.")
    @options.all_tenants()
    @_names("--except-blueprint", "except_blueprints", "With --all-blueprints: leave out this one")
    @choosing_versions()
    @click.option(
        "--mapping",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A YAML file of versions, whatever blueprints demand: updates: [{plugin_name: NAME, version: VERSION}].",
    )
    @click.option("-f", "--force", is_flag=True, help="Also update deployments that others depend on.")
    @click.option("--auto-correct-types", is_flag=True, help="Convert old inputs to the types of the blueprint.")
    @click.option(
        "--reevaluate-active-statuses",
        is_flag=True,
        help="First end updates that count as active although their executions have ended.",
    )
    @options.with_logs()
    @options.event_format()
    @pass_app
    def update_plugins(
        app: App,
        blueprint_id: str | None,
        all_blueprints: bool,
        except_blueprints: tuple[str, ...],
        _all_tenants: bool,
        plugin_names: tuple[str, ...],
        to_latest: tuple[str, ...],
        all_to_latest: bool,
        to_minor: tuple[str, ...],
        all_to_minor: bool,
        mapping: Path | None,
        include_logs: bool,
        json_output: bool,
        **flags: bool,
    ) -> None:
        """Update the plugins of all deployments of the blueprint BLUEPRINT_ID, or of all blueprints.

        Deployments are updated one after another; one that fails does not stop the others. What a blueprint demands of
        a version is kept.
        """
        from cfy_cli.shell.follow_execution import report_result
        from cfy_cli.shell.inputs import read_file

        if bool(blueprint_id) == all_blueprints:
            raise Usage("Give either BLUEPRINT_ID or --all-blueprints")
        if except_blueprints and not all_blueprints:
            raise Usage("--except-blueprint goes with --all-blueprints")
        versions = Versions(
            plugin_names, to_latest, all_to_latest, to_minor, all_to_minor, read_file(mapping) if mapping else None
        ).check()
        follow = FollowOptions(timeout=None, include_logs=include_logs, json_output=json_output)
        if blueprint_id:
            update = _update(app, blueprint_id, versions, follow, all_tenants=_all_tenants, **flags)
            report_result(app, _sentence(update), update, PLUGINS_UPDATES)
            return
        blueprints = [each for each in _blueprints(app, _all_tenants) if each["id"] not in except_blueprints]
        _update_all(app, blueprints, versions, follow, flags, all_tenants=_all_tenants)

    @cli.command("get-update")
    @click.argument("plugins_update_id")
    @pass_app
    def get_update(app: App, plugins_update_id: str) -> None:
        """Show the plugins update PLUGINS_UPDATE_ID."""
        app.show(PLUGINS_UPDATES, app.client.collection(PLUGINS_UPDATES).get(plugins_update_id))

    @cli.command("history")
    @click.option("-b", "--blueprint-id", help="The id of the blueprint.")
    @options.listing(PLUGINS_UPDATES)
    @pass_app
    def list_history(app: App, blueprint_id: str | None, **query: Unpack[ListOptions]) -> None:
        """List plugins updates, of all blueprints or of one."""
        app.show_list(app.client.collection(PLUGINS_UPDATES), blueprint_id=blueprint_id, **query)

    @cli.command("list_updates")
    @options.sorting(PLUGINS_UPDATES.order)
    @options.paging()
    @options.get_data()
    @pass_app
    def list_updates(app: App, _get_data: bool, **query: Unpack[ListOptions]) -> None:
        """List plugins updates."""
        columns = DETAILS if _get_data else LIST_COLUMNS
        app.show_list(app.client.collection(PLUGINS_UPDATES), columns, more=(), **query)


def _blueprints(app: App, all_tenants: bool) -> Iterator[Item]:
    query = {"_include": "id,tenant_name,visibility", "_sort": "created_at", "_all_tenants": all_tenants}
    yield from app.client.blueprints.list(**query)


def _update_all(
    app: App,
    blueprints: list[Item],
    versions: Versions,
    follow: FollowOptions,
    flags: dict[str, bool],
    *,
    all_tenants: bool,
) -> None:
    """Update one blueprint after another. Raises ExecutionFailed when one failed, at the end."""
    from cfy_cli.shell.follow_execution import report_result

    connection = app.connection
    updates, failed = [], []
    for blueprint in blueprints:
        key, is_global = blueprint["id"], blueprint.get("visibility") == "global"
        app.client.http.connection = replace(connection, tenant=blueprint["tenant_name"])
        try:
            update = _update(app, key, versions, follow, all_tenants=all_tenants and is_global, **flags)
        except CfyError as error:
            failed.append(key)
            app.note(f"Blueprint `{key}` failed: {error.message}")
        else:
            updates.append(update)
            app.note(_sentence(update))
    app.client.http.connection = connection
    report_result(app, f"Successfully updated {len(updates)} blueprints", updates, PLUGINS_UPDATES)
    if failed:
        raise ExecutionFailed(
            f"{len(failed)} blueprints could not be updated: {', '.join(failed)}",
            hint="List the updates: cfy plugins history",
        )


def _update(
    app: App, blueprint_id: str, versions: Versions, follow: FollowOptions, *, all_tenants: bool, **flags: bool
) -> Item:
    """Update the plugins of one blueprint and wait for the end. Raises the error of its state."""
    from cfy_cli.contract.exit_codes import error_for_state
    from cfy_cli.shell.follow_execution import describe_state, follow_execution

    app.note(f"Updating the plugins of the deployments of the blueprint {blueprint_id}")
    collection = app.client.collection(PLUGINS_UPDATES)
    body = {
        "plugin_names": list(versions.plugin_names),
        "to_latest": list(versions.to_latest),
        "all_to_latest": versions.all_to_latest,
        "to_minor": list(versions.to_minor),
        "all_to_minor": versions.all_to_minor,
        "mapping": versions.mapping,
        "all_tenants": all_tenants,
        **flags,
    }
    update = collection.act("POST", blueprint_id, "update/initiate", **{k: v for k, v in body.items() if v})
    execution = follow_execution(app, app.client.executions.get(update["execution_id"]), follow)
    update = collection.get(update["id"])
    error = error_for_state(execution["status"])
    if error:
        moved = update.get("temp_blueprint_id")
        rest = f"; deployments that were updated use blueprint {moved}" if moved else ""
        raise error(
            f"The plugins of blueprint `{blueprint_id}` were not updated: {describe_state(execution)}{rest}",
            hint=f"Show its events: cfy events list {execution['id']}",
        )
    return update


def _sentence(update: Item) -> str:
    blueprint_id, ids = update["blueprint_id"], f"Plugins update ID: {update['id']}"
    if update["state"] == "no_changes_required":
        return f"The plugins of blueprint {blueprint_id} need no update.\n{ids}"
    return f"Successfully updated plugins for blueprint {blueprint_id}.\n{ids}.\nExecution id: {update['execution_id']}"

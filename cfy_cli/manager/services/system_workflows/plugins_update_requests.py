"""Requests to update the plugins of a blueprint; the workflow `update_plugin` does the work."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.states import Visibility
from cfy_cli.errors import Invalid, NotFound
from cfy_cli.manager.services.blueprints import blueprints
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.executions import executions
from cfy_cli.manager.services.plugins.resolve import has_version
from cfy_cli.manager.services.plugins_updates import records
from cfy_cli.manager.services.plugins_updates.choice import Choice
from cfy_cli.manager.store.models import Blueprint, Plugin, PluginsUpdate
from cfy_cli.manager.store.models.owned import inherited_columns
from cfy_cli.manager.store.store import Store


class UpdateParameters(TypedDict):
    """Parameters of the workflow `update_plugin`."""

    update_id: str
    blueprint_id: str
    plugin_names: list[str]
    to_latest: list[str]
    to_minor: list[str]
    all_to_latest: bool
    all_to_minor: bool
    mapping: dict[str, str]
    force: bool  # update deployments too on which others depend
    auto_correct_types: bool
    reevaluate_active_statuses: bool
    all_tenants: bool


@dataclass(frozen=True, slots=True)
class Flags:
    """Further wishes: for which deployments, and as their updates take them."""

    force: bool = False
    auto_correct_types: bool = False
    reevaluate_active_statuses: bool = False
    all_tenants: bool = False


def start(app: AppContext, store: Store, blueprint_id: str, choice: Choice, flags: Flags) -> PluginsUpdate:
    """Check the request, store its record and start the execution that makes the update.

    Raises Invalid, NotFound for plugins that there are not, and Conflict while another update is active.
    """
    blueprint = blueprints.check_uploaded(store.get_own(Blueprint, blueprint_id))
    if blueprint.is_hidden:
        raise Invalid(f"Blueprint `{blueprint_id}` is temporary: the plugins of another one are being updated with it")
    if flags.all_tenants and blueprint.visibility != Visibility.GLOBAL:
        raise Invalid(
            f"Blueprint `{blueprint_id}` has deployments in its own tenant only: it is not global",
            hint="Leave out `all_tenants`.",
        )
    _check_choice(store, choice)
    records.check_none_active(store, blueprint, reevaluate=flags.reevaluate_active_statuses)
    update = store.add(
        PluginsUpdate(
            id=str(uuid.uuid4()),
            blueprint_storage_id=blueprint.storage_id,
            blueprint_id=blueprint.id,
            forced=flags.force,
            all_tenants=flags.all_tenants,
            **inherited_columns(blueprint),
        )
    )
    parameters: UpdateParameters = {
        "update_id": update.id,
        "blueprint_id": blueprint.id,
        "plugin_names": list(choice.plugin_names),
        "to_latest": list(choice.to_latest),
        "to_minor": list(choice.to_minor),
        "all_to_latest": choice.all_to_latest,
        "all_to_minor": choice.all_to_minor,
        "mapping": dict(choice.mapping),
        "force": flags.force,
        "auto_correct_types": flags.auto_correct_types,
        "reevaluate_active_statuses": flags.reevaluate_active_statuses,
        "all_tenants": flags.all_tenants,
    }
    execution = executions.start_system(store, records.WORKFLOW, cast(JsonObject, parameters), blueprint)
    update.execution_id = execution.id
    store.after_commit(app.work_available.notify)
    return update


def read_mapping(mapping: Mapping[str, object] | None) -> dict[str, str]:
    """Return the versions in {"updates": [{"plugin_name": NAME, "version": VERSION}]} by name. Raises Invalid."""
    updates = (mapping or {}).get("updates", [])
    found: dict[str, str] = {}
    if not isinstance(updates, list) or (mapping and list(mapping) != ["updates"]):
        raise _no_mapping()
    for each in updates:
        if not isinstance(each, dict) or set(each) != {"plugin_name", "version"}:
            raise _no_mapping()
        name, version = each["plugin_name"], each["version"]
        if not isinstance(name, str) or not isinstance(version, str) or not name or not version or name in found:
            raise _no_mapping()
        found[name] = version
    return found


def _no_mapping() -> Invalid:
    return Invalid(
        "`mapping` must be an object of a list of plugins, each of them once",
        hint='Write it like {"updates": [{"plugin_name": "cloudify-aws-plugin", "version": "3.2.0"}]}.',
    )


def _check_choice(store: Store, choice: Choice) -> None:
    """Raise Invalid for rules that exclude each other, NotFound for a plugin that the user cannot see."""
    both = sorted(set(choice.to_latest) & set(choice.to_minor))
    if both:
        raise Invalid(f"`to_latest` and `to_minor` exclude each other, but both name {', '.join(both)}")
    _check_known(store, choice.names())
    for constraint in choice.mapping.values():
        has_version("0", constraint)


def _check_known(store: Store, names: Sequence[str]) -> None:
    visible = store.visible(Plugin).where(Plugin.package_name.in_(names))
    known = {plugin.package_name for plugin in store.unscoped.scalars(visible)}  # visible plugins
    unknown = [name for name in names if name not in known]
    if unknown:
        raise NotFound(
            f"There is no plugin {', '.join(f'`{name}`' for name in unknown)}",
            hint="List the plugins there are: cfy plugins list",
        )

"""Uploaded plugins: storing, changing and deleting them, and the blueprints that use them."""

import uuid
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Text, and_, cast, false, or_, select
from sqlalchemy.orm import undefer

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.json_values import check_json
from cfy_cli.contract.plan import Plan, PluginPlan
from cfy_cli.contract.resources import PLUGINS
from cfy_cli.contract.states import Visibility
from cfy_cli.errors import Conflict, ErrorCode, Invalid
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.names import check_name, check_text
from cfy_cli.manager.services.plugins.wagons import Package, read_yaml
from cfy_cli.manager.services.visibility import check_visibility, set_creator
from cfy_cli.manager.store.models import Blueprint, Plugin
from cfy_cli.manager.store.store import Store

WAGON = "wagon.wgn"  # names of files in the plugin's folder
ICON = "icon.png"
MAX_DIGITS = 10  # of a part of a version of the language

LabelValues = dict[str, list[str]]  # values by key


class PluginInUse(Invalid):
    status = 405
    code = ErrorCode.PLUGIN_IN_USE


def add(store: Store, package: Package, *, title: str | None, visibility: str) -> Plugin:
    """Store a package. Raises Conflict when the same archive is stored already."""
    check_visibility(store.scope, visibility)
    metadata = package.metadata
    system = metadata.get("build_server_os_properties") or {}
    documents = [read_yaml(name, text) for name, text in package.yamls.items()]
    plugin = Plugin(
        id=str(uuid.uuid4()),
        archive_name=check_text("file name of a plugin", metadata["archive_name"]),
        package_name=check_name(PLUGINS, metadata["package_name"]),
        package_version=check_text("plugin version", metadata["package_version"]),
        package_source=metadata.get("package_source"),
        title=check_text("plugin title", title or metadata["package_name"]),
        visibility=visibility,
        distribution=_lower(system.get("distribution")),
        distribution_version=_lower(system.get("distribution_version")),
        distribution_release=_lower(system.get("distribution_release")),
        supported_platform=metadata.get("supported_platform"),
        supported_py_versions=metadata.get("supported_python_versions"),
        wheels=metadata.get("wheels") or [],
        excluded_wheels=metadata.get("excluded_wheels") or [],
        yaml_files=sorted(package.yamls),
        blueprint_labels=_read_labels(documents, "blueprint_labels"),
        deployment_labels=_read_labels(documents, "labels"),
        resource_tags=_merge_sections(documents, "resource_tags") or None,
    )
    _check_not_stored(store, plugin)
    store.add(plugin)
    icon = {ICON: package.icon} if package.icon else {}
    store.add_files(plugin, {WAGON: package.wagon, **package.yamls, **icon})
    return plugin


def add_new(store: Store, packages: Sequence[Package], *, visibility: str) -> list[Plugin]:
    """Store the packages that are not stored yet; return their plugins."""
    new = []
    for package in packages:
        with suppress(Conflict):
            new.append(add(store, package, title=None, visibility=visibility))
    return new


def update(
    store: Store,
    plugin_id: str,
    *,
    deployment_labels: object = None,
    blueprint_labels: object = None,
    resource_tags: dict[str, str] | None = None,
    creator: str | None = None,
) -> Plugin:
    """Change what is not None; labels have one of the forms that the API accepts."""
    plugin = store.get_own(Plugin, plugin_id)
    if deployment_labels is not None:
        plugin.deployment_labels = _group_by_key(deployment_labels, _pairs(plugin.deployment_labels))
    if blueprint_labels is not None:
        plugin.blueprint_labels = _group_by_key(blueprint_labels, _pairs(plugin.blueprint_labels))
    if resource_tags is not None:
        plugin.resource_tags = resource_tags
    if creator is not None:
        set_creator(store, plugin, creator)
    return plugin


def delete(store: Store, plugin_id: str, *, force: bool = False) -> None:
    """Delete a plugin and its files. Raises PluginInUse while blueprints use it, unless `force`."""
    plugin = store.get_own(Plugin, plugin_id)
    users = [] if force else find_blueprints_using(store, plugin)
    if users:
        raise PluginInUse(
            f'Plugin "{plugin_id}" is currently in use in blueprints: {_join_ids(store, users)}. '
            'You can "force" plugin removal if needed.'
        )
    store.delete(plugin)


def _join_ids(store: Store, blueprints: Sequence[Blueprint]) -> str:
    """Return the ids of blueprints in the tenant, and the number of others, whose ids the user may not see."""
    ids = [blueprint.id for blueprint in blueprints if blueprint.tenant_name == store.scope.tenant]
    others = len(blueprints) - len(ids)
    return ", ".join([*ids, *([f"{others} of other tenants"] if others else [])])


def find_blueprints_using(store: Store, plugin: Plugin) -> list[Blueprint]:
    """Return the blueprints whose plan contains this version of the plugin; of all tenants if it is global."""
    candidates = (
        select(Blueprint)
        .where(cast(Blueprint.plan, Text).contains(plugin.package_name, autoescape=True))
        .order_by(Blueprint.storage_id)
        .options(undefer(Blueprint.plan))
    )
    if plugin.visibility != Visibility.GLOBAL:
        candidates = candidates.where(Blueprint.tenant_name == plugin.tenant_name)
    version = (plugin.package_name, plugin.package_version)
    return [
        blueprint
        for blueprint in store.unscoped.scalars(candidates)  # private blueprints count too
        if blueprint.plan
        and any(
            (used.get("package_name"), used.get("package_version")) == version for used in plugins_of(blueprint.plan)
        )
    ]


def plugins_of(plan: Plan) -> list[PluginPlan]:
    """Return the plugins that a blueprint needs to be installed."""
    return [
        *(plan.get("deployment_plugins_to_install") or ()),
        *(plan.get("host_agent_plugins_to_install") or ()),
        *(plan.get("workflow_plugins_to_install") or ()),
    ]


def read_yaml_file(app: AppContext, plugin: Plugin, dsl_version: str | None = None) -> tuple[str, bytes]:
    """Return name and text of the YAML file for a DSL version such as `1_4`, or without a version. Raises Invalid.

    The name of a file ends with the version it is for: plugin_1_4.yaml. It is also used for later versions that have no
    file of their own, and the only file of a plugin for all versions.
    """
    if not plugin.yaml_files:
        raise Invalid(f"The plugin {plugin.package_name} {plugin.package_version} was uploaded without a yaml file")
    files = {_version_in(name): name for name in plugin.yaml_files}
    wanted = _parse_version(dsl_version) if dsl_version else max(files)
    fitting = files if len(files) == 1 else [version for version in files if version <= wanted]
    best = max(fitting, default=None)
    if best is None:
        raise Invalid(
            f"The plugin {plugin.package_name} {plugin.package_version} has no yaml file for the version "
            f"{dsl_version} of the language, only {', '.join(plugin.yaml_files)}"
        )
    return files[best], app.files.read((Plugin.FOLDER, plugin.storage_id), files[best])


def _parse_version(dsl_version: str) -> tuple[int, ...]:
    parts = dsl_version.split("_")
    if not all(part.isascii() and part.isdecimal() and len(part) < MAX_DIGITS for part in parts):
        raise Invalid(f"`{dsl_version}` is not a version of the language, such as 1_4")
    return tuple(map(int, parts))


def _version_in(name: str) -> tuple[int, ...]:
    """Return (1, 4) for plugin_1_4.yaml, and () for a name without a version, which is less than all others."""
    parts = Path(name).stem.rsplit("_", 2)[1:]
    return tuple(map(int, parts)) if len(parts) == 2 and all(map(str.isdecimal, parts)) else ()


def _check_not_stored(store: Store, plugin: Plugin) -> None:
    same = and_(Plugin.package_name == plugin.package_name, Plugin.archive_name == plugin.archive_name)
    conflicts = or_(
        Plugin.tenant_name == store.scope.tenant,
        Plugin.visibility == Visibility.GLOBAL,
        Plugin.tenant_name.is_not(None) if plugin.visibility == Visibility.GLOBAL else false(),
    )
    # Private plugins of others conflict too, and those of all tenants with a global one.
    if store.unscoped.scalar(select(Plugin.storage_id).where(same, conflicts).limit(1)) is not None:
        raise Conflict(
            f"Plugin `{plugin.archive_name}` already exists in tenant `{store.scope.tenant}` or with global visibility"
        )


def _merge_sections(documents: Sequence[JsonObject], name: str) -> JsonObject:
    """Merge a section that any of the YAML files may have."""
    merged: JsonObject = {}
    for document in documents:
        section = document.get(name) or {}
        if not isinstance(section, dict):
            raise Invalid(f"The section `{name}` of the plugin's yaml file is not a mapping")
        merged.update(section)
    check_json(merged, f"The section `{name}` of the plugin's yaml file")
    return merged


def _read_labels(documents: Sequence[JsonObject], name: str) -> LabelValues | None:
    """Read a section of labels; each has a key with `values`, a list or a single value."""
    plain = {key: _label_values(label) for key, label in _merge_sections(documents, name).items()}
    return _group_by_key(plain) if plain else None


def _label_values(label: Json) -> Json:
    return label.get("values") if isinstance(label, dict) else label


def _pairs(values: LabelValues | None) -> list[labels.Pair]:
    return [(key, value) for key, grouped in (values or {}).items() for value in grouped]


def _group_by_key(given: object, present: Collection[labels.Pair] = ()) -> LabelValues:
    values: LabelValues = {}
    pairs = labels.parse(given)
    labels.check(pairs, present)
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    return values


def _lower(text: str | None) -> str | None:
    return text.lower() if text else None

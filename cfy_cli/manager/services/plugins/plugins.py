"""Plugins: taking them in, who uses them, changing and forgetting them."""

import os
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Text, and_, cast, false, or_, select
from sqlalchemy.orm import undefer

from cfy_cli.contract.plan import Plan, PluginPlan
from cfy_cli.contract.states import Visibility
from cfy_cli.errors import Conflict, ErrorCode, Invalid
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.services.plugins.wagons import Package, read_yaml
from cfy_cli.manager.services.visibility import check_visibility
from cfy_cli.manager.store.models import Blueprint, Plugin, User
from cfy_cli.manager.store.store import Store

WAGON = "wagon.wgn"
ICON = "icon.png"
PROPERTIES = "build_server_os_properties"


class PluginInUse(Invalid):
    status = 405
    code = ErrorCode.PLUGIN_IN_USE


def add(app: AppContext, store: Store, package: Package, *, title: str | None, visibility: str) -> Plugin:
    """Store a package. Raises Conflict when the same archive is stored already."""
    check_visibility(store.scope, visibility)
    about = package.about
    system = about.get(PROPERTIES) or {}
    sections = [read_yaml(name, text) for name, text in package.yamls.items()]
    plugin = Plugin(
        id=str(uuid.uuid4()),
        archive_name=_short(about["archive_name"]),
        package_name=check_name("plugin", about["package_name"]),
        package_version=_short(about["package_version"]),
        package_source=about.get("package_source"),
        title=_short(title or about["package_name"]),
        visibility=visibility,
        distribution=_lower(system.get("distribution")),
        distribution_version=_lower(system.get("distribution_version")),
        distribution_release=_lower(system.get("distribution_release")),
        supported_platform=about.get("supported_platform"),
        supported_py_versions=about.get("supported_python_versions"),
        wheels=about.get("wheels") or [],
        excluded_wheels=about.get("excluded_wheels"),
        yaml_files=sorted(package.yamls),
        blueprint_labels=_values(sections, "blueprint_labels"),
        deployment_labels=_values(sections, "labels"),
        resource_tags=_section(sections, "resource_tags"),
    )
    _refuse_twice(store, plugin)
    store.add(plugin)
    folder = app.files.plugin_folder(plugin.storage_id)
    folder.mkdir(mode=0o700, parents=True)
    for name, content in {**package.yamls, **({ICON: package.icon} if package.icon else {})}.items():
        (folder / name).write_bytes(content)
    with package.wagon.open("rb") as file:
        os.fsync(file.fileno())
    package.wagon.replace(folder / WAGON)
    return plugin


def add_new(app: AppContext, store: Store, packages: Sequence[Package], *, visibility: str) -> list[Plugin]:
    """Store the packages that are not stored yet; return their plugins."""
    new = []
    for package in packages:
        with suppress(Conflict):
            new.append(add(app, store, package, title=None, visibility=visibility))
    return new


def change(store: Store, plugin_id: str, given: dict[str, Any]) -> Plugin:
    """Labels, tags and the owner; those that are not given stay."""
    plugin = store.get_own(Plugin, plugin_id)
    for name, attribute in (("labels", "deployment_labels"), ("blueprint_labels", "blueprint_labels")):
        if given.get(name) is not None:
            setattr(plugin, attribute, _by_key(given[name]))
    if given.get("resource_tags") is not None:
        plugin.resource_tags = given["resource_tags"]
    if given.get("creator") is not None:
        plugin.created_by = store.get(User, given["creator"]).username
    return plugin


def delete(app: AppContext, store: Store, plugin_id: str, *, force: bool = False) -> None:
    """Refused while blueprints use it, unless forced; its environment goes with it."""
    plugin = store.get_own(Plugin, plugin_id)
    used_by = [] if force else blueprints_using(store, plugin)
    if used_by:
        raise PluginInUse(
            f'Plugin "{plugin_id}" is currently in use in blueprints: {_named(store, used_by)}. '
            'You can "force" plugin removal if needed.'
        )
    number = plugin.storage_id
    store.delete(plugin)
    store.after_commit(lambda: app.files.delete_plugin(number))


def _named(store: Store, blueprints: Sequence[Blueprint]) -> str:
    """By their names, but for those of other tenants, which the asker may not know."""
    names = [each.id for each in blueprints if each.tenant_name == store.scope.tenant]
    others = len(blueprints) - len(names)
    return ", ".join([*names, *([f"{others} of other tenants"] if others else [])])


def blueprints_using(store: Store, plugin: Plugin) -> list[Blueprint]:
    """The blueprints, of every tenant that sees the plugin, whose plan needs this version of it."""
    asked = (
        select(Blueprint)
        .where(cast(Blueprint.plan, Text).contains(plugin.package_name, autoescape=True))
        .order_by(Blueprint.storage_id)
        .options(undefer(Blueprint.plan))
    )
    if plugin.visibility != Visibility.GLOBAL:
        asked = asked.where(Blueprint.tenant_name == plugin.tenant_name)
    wanted = (plugin.package_name, plugin.package_version)
    return [
        row
        for row in store.unscoped.scalars(asked)
        if any(
            (used.get("package_name"), used.get("package_version")) == wanted
            for used in (_plugins_of(row.plan) if row.plan else ())
        )
    ]


def _plugins_of(plan: Plan) -> list[PluginPlan]:
    return [
        *(plan.get("deployment_plugins_to_install") or ()),
        *(plan.get("host_agent_plugins_to_install") or ()),
        *(plan.get("workflow_plugins_to_install") or ()),
    ]


def yaml_file(app: AppContext, plugin: Plugin, dsl_version: str | None = None) -> Path:
    """The YAML file for a version of the language (`1_4`), or the one for all. Raises Invalid when there is none.

    A file is for one version when its name ends so: plugin_1_4.yaml; it serves later versions that have none.
    """
    if not plugin.yaml_files:
        raise Invalid(f"The plugin {plugin.package_name} {plugin.package_version} was uploaded without a yaml file")
    versions = {_version_in(name): name for name in plugin.yaml_files}
    wanted = tuple(int(part) for part in dsl_version.split("_")) if dsl_version else max(versions)
    fitting = max((version for version in versions if version <= wanted), default=None)
    if fitting is None:
        raise Invalid(
            f"The plugin {plugin.package_name} {plugin.package_version} has no yaml file for the version "
            f"{dsl_version} of the language, only {', '.join(plugin.yaml_files)}"
        )
    return app.files.plugin_folder(plugin.storage_id) / versions[fitting]


def _version_in(name: str) -> tuple[int, ...]:
    """plugin_1_4.yaml is for (1, 4); a name without a version is for (), which is less than any."""
    parts = Path(name).stem.rsplit("_", 2)[1:]
    return tuple(map(int, parts)) if len(parts) == 2 and all(map(str.isdecimal, parts)) else ()


def _refuse_twice(store: Store, plugin: Plugin) -> None:
    same = and_(Plugin.package_name == plugin.package_name, Plugin.archive_name == plugin.archive_name)
    seen = or_(
        Plugin.tenant_name == store.scope.tenant,
        Plugin.visibility == Visibility.GLOBAL,
        Plugin.tenant_name.is_not(None) if plugin.visibility == Visibility.GLOBAL else false(),
    )
    if store.unscoped.scalar(select(Plugin.storage_id).where(same, seen).limit(1)) is not None:
        raise Conflict(
            f"Plugin `{plugin.archive_name}` already exists in tenant `{store.scope.tenant}` or with global visibility"
        )


def _section(sections: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    """A section that may stand in any of the files, put together."""
    found: dict[str, Any] = {}
    for section in sections:
        given = section.get(name) or {}
        if not isinstance(given, dict):
            raise Invalid(f"The section `{name}` of the plugin's yaml file is not a mapping")
        found.update(given)
    return found or None


def _values(sections: list[dict[str, Any]], name: str) -> dict[str, list[str]] | None:
    """Labels as YAML has them: a key with `values`, a list, or a single value."""
    written = _section(sections, name) or {}
    plain = {key: about.get("values") if isinstance(about, dict) else about for key, about in written.items()}
    return _by_key(plain) if plain else None


def _by_key(given: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in labels.parse(given):
        found.setdefault(key, []).append(value)
    return found


def _lower(text: str | None) -> str | None:
    return text.lower() if text else None


def _short(text: str) -> str:
    if len(text) > 256 or not text.isprintable():
        raise Invalid(f"`{text[:40]}…` is not a name of at most 256 printable characters")
    return text

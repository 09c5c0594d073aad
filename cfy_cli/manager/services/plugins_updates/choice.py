"""Choice of the versions of plugins that a blueprint gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from cfy_cli.contract.plan import Plan
from cfy_cli.manager.services.plugins.plugins import plugins_of
from cfy_cli.manager.services.plugins.resolve import (
    Requirement,
    has_version,
    parse_import,
    select_newest,
    version_key,
)
from cfy_cli.manager.store.models import Plugin
from cfy_cli.manager.store.store import Store


class Rule(Enum):
    """The versions to which a plugin may rise."""

    KEEP = "keep"
    MINOR = "minor"  # within its major version
    LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Choice:
    """The wishes of a request, by the names of the packages of plugins.

    A constraint in the import of a blueprint holds too, but for plugins in `mapping`, whose versions or constraints
    replace it.
    """

    plugin_names: Sequence[str] = ()  # only these; all when there are none
    to_latest: Sequence[str] = ()
    to_minor: Sequence[str] = ()
    all_to_latest: bool = False
    all_to_minor: bool = False  # it counts more: the public client sends the other one by default
    mapping: Mapping[str, str] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Return the names that the request mentions."""
        return list(dict.fromkeys((*self.plugin_names, *self.to_latest, *self.to_minor, *self.mapping)))

    def rule_for(self, name: str) -> Rule:
        if self.plugin_names and name not in self.plugin_names:
            return Rule.KEEP
        if name in self.to_minor:
            return Rule.MINOR
        if name in self.to_latest:
            return Rule.LATEST
        if self.all_to_minor:
            return Rule.MINOR
        says_which = self.to_latest or self.to_minor or self.mapping
        return Rule.LATEST if self.all_to_latest or not says_which else Rule.KEEP

    def select(self, store: Store, text: str, used: Mapping[str, Sequence[str]]) -> Plugin:
        """Return the plugin for an import; `used` has the versions that the blueprint uses now, by package.

        None is older than the one before. Raises Invalid and NotFound.
        """
        requirement = parse_import(text)
        if requirement.name in self.mapping:
            return select_newest(store, replace(requirement, constraint=self.mapping[requirement.name]))
        present = _find_present(requirement, used)
        rule = self.rule_for(requirement.name)
        if present is None:
            return select_newest(store, requirement)
        if rule is Rule.KEEP:
            return select_newest(store, replace(requirement, constraint=present))
        return select_newest(store, requirement, lambda version: _can_follow(version, present, rule))


def used_versions(plan: Plan) -> dict[str, list[str]]:
    """Return the versions of the plugins that a blueprint uses, by package."""
    found: dict[str, list[str]] = {}
    for plugin in (*plugins_of(plan), *(plugin for node in plan["nodes"] for plugin in node["plugins"])):
        name, version = plugin.get("package_name"), plugin.get("package_version")
        if name and version and version not in found.setdefault(name, []):
            found[name].append(version)
    return found


def _find_present(requirement: Requirement, used: Mapping[str, Sequence[str]]) -> str | None:
    """Return the version that an import stands for now: a blueprint may import several of one package."""
    fitting = (version for version in used.get(requirement.name, ()) if has_version(version, requirement.constraint))
    return max(fitting, key=version_key, default=None)


def _can_follow(version: str, present: str, rule: Rule) -> bool:
    if version == present:
        return True
    (is_known, new), (was_known, old) = version_key(version), version_key(present)
    if not (is_known and was_known):
        return False
    return new >= old and (rule is Rule.LATEST or (new.epoch, new.major) == (old.epoch, old.major))

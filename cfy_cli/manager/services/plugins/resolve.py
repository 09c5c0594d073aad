"""Which of the uploaded plugins is meant: by name, version and what runs on this machine."""

import sys
import sysconfig
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from cfy_cli.errors import Invalid, NotFound
from cfy_cli.manager.store.models import Plugin
from cfy_cli.manager.store.store import Store

DISTRIBUTIONS = ("distribution", "distribution_version", "distribution_release", "supported_platform")
PARAMETERS = ("version", *DISTRIBUTIONS)
OPERATORS = "<>=!~"


def imported(store: Store, text: str) -> Plugin:
    """What `NAME?version=>=1.0,<2&distribution=centos` stands for: the newest that fits. Raises Invalid or NotFound."""
    name, _, query = text.partition("?")
    asked = dict(parse_qsl(query, keep_blank_values=True))
    unknown = [key for key in asked if key not in PARAMETERS]
    if unknown or (query and not asked):
        raise Invalid(
            f"invalid parameter {', '.join(unknown) or query} for plugin {name}",
            hint=f"it may be {', '.join(PARAMETERS)}",
        )
    constraint = asked.pop("version", "")
    return _chosen(store, name, constraint, asked)


def required(store: Store, about: Mapping[str, Any]) -> Plugin:
    """The plugin that a plan's entry needs. Raises NotFound."""
    name, version = about.get("package_name"), about.get("package_version")
    if not name:
        raise NotFound(
            f"The plugin `{about.get('name')}` names no package",
            hint="Give it `package_name` and `package_version` of an uploaded plugin.",
        )
    asked = {key: str(about[key]) for key in DISTRIBUTIONS if about.get(key)}
    return _chosen(store, name, str(version or ""), asked)


def _chosen(store: Store, name: str, constraint: str, asked: Mapping[str, str]) -> Plugin:
    rows = store.unscoped.scalars(
        store.visible(Plugin).where(Plugin.package_name == name).order_by(Plugin.storage_id)
    ).all()
    fitting = [row for row in rows if _is_within(row.package_version, constraint) and _is_as_asked(row, asked)]
    if fitting:
        return max(fitting, key=lambda row: (_order(row), _runs_here(row), row.tenant_name == store.scope.tenant))
    wanted = f"{name}, version {constraint}" if constraint else name
    there = ", ".join(dict.fromkeys(row.package_version for row in sorted(rows, key=_order)))
    raise NotFound(
        f"Required plugin {wanted} is not installed on the manager",
        hint=f"it has the versions {there}" if there else "upload it: cfy plugins upload",
    )


def _is_within(version: str, constraint: str) -> bool:
    """A constraint without an operator is a version, and must be just that."""
    if not constraint or version == constraint:
        return True
    if constraint.strip()[0] not in OPERATORS:
        return False
    try:
        return SpecifierSet(constraint).contains(version, prereleases=True)
    except InvalidVersion:
        return False
    except InvalidSpecifier:
        raise Invalid(
            f"`{constraint}` is not a constraint on versions", hint="write it like 1.0.2, >=1.0,<2 or ~=1.4"
        ) from None


def _is_as_asked(row: Plugin, asked: Mapping[str, str]) -> bool:
    return all(
        getattr(row, key) in (value, value.lower(), None) for key, value in asked.items() if value not in ("", "None")
    )


def _order(row: Plugin) -> tuple[bool, Version]:
    """Versions that are none in Python's sense come before all others."""
    try:
        return True, Version(row.package_version)
    except InvalidVersion:
        return False, Version("0")


def _runs_here(row: Plugin) -> tuple[bool, bool]:
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    python = f"{sys.version_info.major}{sys.version_info.minor}"
    return (
        (row.supported_platform or "any") in ("any", platform) or _is_for(platform, row.supported_platform or ""),
        _names(row.supported_py_versions or (), python),
    )


def _is_for(platform: str, supported: str) -> bool:
    """manylinux_2_17_x86_64 serves linux_x86_64."""
    system, _, machine = platform.partition("_")
    return system in supported and supported.endswith(machine)


def _names(versions: Iterable[str], python: str) -> bool:
    return not versions or any(version in (f"py{python}", "py3", "py2.py3") for version in versions)

"""Selection of an uploaded plugin by name, version and distribution."""

import sys
import sysconfig
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from cfy_cli.errors import Invalid, NotFound
from cfy_cli.manager.store.models import Plugin
from cfy_cli.manager.store.store import Store

DISTRIBUTION_FIELDS = ("distribution", "distribution_version", "distribution_release", "supported_platform")
IMPORT_PARAMETERS = ("version", *DISTRIBUTION_FIELDS)
MAX_CONSTRAINT = 1_000  # characters
OPERATORS = "<>=!~"


@dataclass(frozen=True, slots=True)
class Requirement:
    """The package that a blueprint needs, a constraint on its version, and the platform."""

    name: str
    constraint: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


def resolve_import(store: Store, text: str) -> Plugin:
    """Return the newest plugin that matches `NAME?version=>=1.0,<2&distribution=centos`. Raises Invalid, NotFound."""
    return select_newest(store, parse_import(text))


def parse_import(text: str) -> Requirement:
    """Read the name of an import, without its `plugin:`. Raises Invalid."""
    name, _, query = text.partition("?")
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    unknown = [key for key in parameters if key not in IMPORT_PARAMETERS]
    if unknown or (query and not parameters):
        raise Invalid(
            f"invalid parameter {', '.join(unknown) or query} for plugin {name}",
            hint=f"it may be {', '.join(IMPORT_PARAMETERS)}",
        )
    constraint = parameters.pop("version", "")
    return Requirement(name, constraint, parameters)


def resolve_requirement(store: Store, plugin: Mapping[str, object]) -> Plugin:
    """Return the plugin that an entry of a plan requires. Raises NotFound."""
    name, version = plugin.get("package_name"), plugin.get("package_version")
    if not name:
        raise NotFound(
            f"The plugin `{plugin.get('name')}` names no package",
            hint="Give it `package_name` and `package_version` of an uploaded plugin.",
        )
    fields = {key: str(plugin[key]) for key in DISTRIBUTION_FIELDS if plugin.get(key)}
    return select_newest(store, Requirement(str(name), str(version or ""), fields))


def select_newest(
    store: Store, requirement: Requirement, is_allowed: Callable[[str], bool] = lambda _version: True
) -> Plugin:
    """Return the newest plugin that matches and whose version is allowed. Raises Invalid, NotFound."""
    name, constraint = requirement.name, requirement.constraint
    statement = store.visible(Plugin).where(Plugin.package_name == name).order_by(Plugin.storage_id)
    rows = store.unscoped.scalars(statement).all()  # of visible plugins
    candidates = [row for row in rows if _fits(row, requirement) and is_allowed(row.package_version)]
    if candidates:
        tenant = store.scope.tenant
        return max(
            candidates,
            key=lambda row: (version_key(row.package_version), _platform_key(row), row.tenant_name == tenant),
        )
    needed = f"{name}, version {constraint}" if constraint else name
    versions = ", ".join(
        dict.fromkeys(row.package_version for row in sorted(rows, key=lambda row: version_key(row.package_version)))
    )
    raise NotFound(
        f"Required plugin {needed} is not installed on the manager",
        hint=f"it has the versions {versions}" if versions else "upload it: cfy plugins upload WAGON -y FILE",
    )


def _fits(row: Plugin, requirement: Requirement) -> bool:
    return has_version(row.package_version, requirement.constraint) and _has_fields(row, requirement.fields)


def has_version(version: str, constraint: str) -> bool:
    """Return whether a version matches; a constraint without an operator is an exact version. Raises Invalid."""
    if len(constraint) > MAX_CONSTRAINT:
        raise Invalid(
            f"A constraint on versions has {len(constraint)} characters; at most {MAX_CONSTRAINT} are allowed"
        )
    constraint = constraint.strip()
    if not constraint or version == constraint:
        return True
    if constraint[0] not in OPERATORS:
        return False
    try:
        return SpecifierSet(constraint).contains(version, prereleases=True)
    except InvalidVersion:
        return False
    except ValueError:  # InvalidSpecifier, or a number with thousands of digits
        raise Invalid(
            f"`{constraint}` is not a constraint on versions", hint="write it like 1.0.2, >=1.0,<2 or ~=1.4"
        ) from None


def _has_fields(row: Plugin, fields: Mapping[str, str]) -> bool:
    """Return whether the fields of the plugin match; a field that the plugin leaves open matches every value."""
    return all(
        getattr(row, key) in (value, value.lower(), None) for key, value in fields.items() if value not in ("", "None")
    )


def version_key(version: str) -> tuple[bool, Version]:
    """Return a sort key; versions that Python does not know are before all others."""
    try:
        return True, Version(version)
    except ValueError:  # InvalidVersion, or a number with thousands of digits
        return False, Version("0")


def _platform_key(row: Plugin) -> tuple[bool, bool]:
    """Return a sort key that prefers plugins for this platform and this version of Python."""
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    supported = row.supported_platform or "any"
    return (
        supported in ("any", platform) or _is_compatible(platform, supported),
        _supports_python(row.supported_py_versions or (), python),
    )


def _is_compatible(platform: str, supported: str) -> bool:
    """Return whether a platform tag fits; manylinux_2_17_x86_64 fits linux_x86_64."""
    system, _, machine = platform.partition("_")
    return system in supported and supported.endswith(machine)


def _supports_python(versions: Iterable[str], python: str) -> bool:
    return not versions or any(version in (python, "py3", "py2.py3") for version in versions)

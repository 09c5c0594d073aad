"""Values that an import sets for the properties of the plugins in it."""

from cfy_cli.dsl.functions.names import is_function
from cfy_cli.dsl.parsers import describe_value
from cfy_cli.dsl.problems import Problems, suggest
from cfy_cli.dsl.value_types import has_type
from cfy_cli.dsl.versions import Version, version_name
from cfy_cli.dsl.yaml_nodes import YamlNode

_SINCE: Version = (1, 5)


def set_plugin_properties(plugins: YamlNode, values: YamlNode, version: Version, problems: Problems) -> YamlNode:
    """Return a copy of the `plugins` section of an imported file that has the values."""
    if version < _SINCE:
        problems.add(values.location, "version", f"properties of an import need {version_name(_SINCE)} or later")
    if not isinstance(values.value, dict):
        problems.add(values.location, "type", f"expected a mapping of properties, got {describe_value(values.value)}")
        return plugins
    known: set[str] = set()
    changed = {name: _set(plugin, values.value, known, problems) for name, plugin in plugins.items()}
    for name in values.value:
        if name not in known:
            problems.add(
                values.key_location(name),
                "unknown-property",
                f"no imported plugin has a property `{name}`{suggest(name, known)}",
            )
    return plugins.with_entries(changed)


def _set(plugin: YamlNode, values: dict[str, YamlNode], known: set[str], problems: Problems) -> YamlNode:
    properties = plugin.get("properties")
    if properties is None:
        return plugin
    known.update(name for name, _ in properties.items())
    changed = {
        name: _set_value(declaration, values[name], problems)
        for name, declaration in properties.items()
        if name in values and isinstance(declaration.value, dict)
    }
    return plugin.with_entries({"properties": properties.with_entries(changed)})


def _set_value(declaration: YamlNode, value: YamlNode, problems: Problems) -> YamlNode:
    kind = declaration.get("type")
    plain = value.plain
    if kind is not None and isinstance(kind.value, str) and not is_function(plain) and not has_type(plain, kind.value):
        problems.add(value.location, "type", f"expected a value of the type {kind.value}, got {describe_value(plain)}")
    return declaration.with_entries({"value": value})

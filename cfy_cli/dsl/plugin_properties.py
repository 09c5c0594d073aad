"""Values that an import gives to the properties of the plugins it brings."""

from cfy_cli.dsl.functions.names import is_function
from cfy_cli.dsl.problems import Problems, near
from cfy_cli.dsl.shapes import kind_of
from cfy_cli.dsl.source import Node
from cfy_cli.dsl.value_types import is_of
from cfy_cli.dsl.versions import Version, name_of

_SINCE: Version = (1, 5)


def with_values(plugins: Node, given: Node, version: Version, problems: Problems) -> Node:
    """The `plugins` section of an imported file, the values put in; the section itself is not changed."""
    if version < _SINCE:
        problems.add(given.place, "version", f"properties of an import need {name_of(_SINCE)} or later")
    if not isinstance(given.value, dict):
        problems.add(given.place, "type", f"expected a mapping of properties, got {kind_of(given.value)}")
        return plugins
    known: set[str] = set()
    changed = {name: _plugin(plugin, given, known, problems) for name, plugin in plugins.items()}
    for name in given.value:
        if name not in known:
            problems.add(
                given.key_place(name),
                "unknown-property",
                f"no imported plugin has a property `{name}`{near(name, known)}",
            )
    return plugins.with_entries(changed)


def _plugin(plugin: Node, given: Node, known: set[str], problems: Problems) -> Node:
    properties = plugin.get("properties")
    if properties is None:
        return plugin
    known.update(name for name, _ in properties.items())
    changed = {
        name: _with_value(about, given.value[name], problems)
        for name, about in properties.items()
        if name in given.value and isinstance(about.value, dict)
    }
    return plugin.with_entries({"properties": properties.with_entries(changed)})


def _with_value(about: Node, value: Node, problems: Problems) -> Node:
    kind = about.get("type")
    plain = value.plain
    if kind is not None and isinstance(kind.value, str) and not is_function(plain) and not is_of(plain, kind.value):
        problems.add(value.place, "type", f"expected a value of the type {kind.value}, got {kind_of(plain)}")
    return about.with_entries({"value": value})

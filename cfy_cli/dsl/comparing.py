"""What differs between two plans of a deployment: the steps that an update takes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cfy_cli.contract.plan import BlueprintSections
from cfy_cli.dsl.functions.names import is_function
from cfy_cli.dsl.syntax import Json

Action = Literal["add", "remove", "modify"]
_SECTIONS = {  # of named values, each with what one of them is called
    "inputs": "input",
    "workflows": "workflow",
    "outputs": "output",
    "capabilities": "capability",
    "labels": "label",
    "groups": "group",
    "policies": "policy",
    "scaling_groups": "scaling_group",
    "policy_types": "policy_type",
    "policy_triggers": "policy_trigger",
    "deployment_settings": "deployment_setting",
}
_PLUGINS = ("deployment_plugins_to_install", "workflow_plugins_to_install", "host_agent_plugins_to_install")
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Step:
    """One difference; what is added has no `old` value, what is removed no `new` one.

    `path` leads to it in the plan, nodes by name and relationships as [position]: the new one's, or of what is removed
    the old one's. Properties are compared key by key, lists and calls of functions as a whole.
    """

    action: Action
    entity_type: str
    path: tuple[str, ...]
    old: Json = None
    new: Json = None

    @property
    def entity_id(self) -> str:
        return ":".join(self.path)


def compare_plans(old: BlueprintSections, new: BlueprintSections) -> list[Step]:
    """The differences in nodes, their relationships, operations and properties, and in all other sections."""
    return list(_steps(old, new))


def _steps(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Step]:
    yield from _nodes(old, new)
    for section, kind in _SECTIONS.items():
        yield from _named(kind, (section,), old.get(section) or {}, new.get(section) or {})
    for section in _PLUGINS:
        yield from _named("plugin", (section,), _by_name(old.get(section)), _by_name(new.get(section)))
    yield from _one("description", ("description",), old.get("description"), new.get("description"))


def _nodes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Step]:
    before, now = _by_name(old["nodes"]), _by_name(new["nodes"])
    for name in dict.fromkeys((*before, *now)):
        path = ("nodes", name)
        if name not in now or name not in before:
            yield from _one("node", path, before.get(name, _MISSING), now.get(name, _MISSING))
        else:
            yield from _node(path, before[name], now[name])


def _node(path: tuple[str, ...], old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Step]:
    yield from _one("type", (*path, "type"), old["type"], new["type"])
    yield from _values("property", (*path, "properties"), old["properties"], new["properties"])
    scalable = [node["capabilities"]["scalable"]["properties"] for node in (old, new)]
    yield from _values("scalable", (*path, "capabilities", "scalable", "properties"), *scalable)
    yield from _operations(path, "operations", "interfaces", old, new)
    yield from _relationships((*path, "relationships"), old["relationships"], new["relationships"])


def _relationships(path: tuple[str, ...], old: list[Any], new: list[Any]) -> Iterator[Step]:
    before, now = _numbered(old), _numbered(new)
    for key, (position, relationship) in before.items():
        if key not in now:
            yield Step("remove", "relationship", (*path, f"[{position}]"), old=relationship)
    for key, (position, relationship) in now.items():
        here = (*path, f"[{position}]")
        if key not in before:
            yield Step("add", "relationship", here, new=relationship)
            continue
        was_at, was = before[key]
        if was_at != position:
            yield Step("modify", "relationship", (*path, f"[{was_at}]", f"[{position}]"), old=was_at, new=position)
        yield from _values("property", (*here, "properties"), was["properties"], relationship["properties"])
        for side in ("source", "target"):
            yield from _operations(here, f"{side}_operations", f"{side}_interfaces", was, relationship)


def _numbered(relationships: list[Any]) -> dict[tuple[str, str, int], tuple[int, Any]]:
    """By type and target; of several that have both alike, the first is the first before and after."""
    found: dict[tuple[str, str, int], tuple[int, Any]] = {}
    for position, each in enumerate(relationships):
        count = 0
        while (each["type"], each["target_id"], count) in found:
            count += 1
        found[each["type"], each["target_id"], count] = (position, each)
    return found


def _operations(
    path: tuple[str, ...], section: str, interfaces: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Step]:
    """Each once, by its full name: its short one is another name for the same."""
    both = [
        {
            full: owner[section][full]
            for interface, operations in owner[interfaces].items()
            for operation in operations
            if (full := f"{interface}.{operation}") in owner[section]
        }
        for owner in (old, new)
    ]
    yield from _named("operation", (*path, section), *both)


def _named(kind: str, path: tuple[str, ...], old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[Step]:
    for name in dict.fromkeys((*old, *new)):
        yield from _one(kind, (*path, name), old.get(name, _MISSING), new.get(name, _MISSING))


def _values(kind: str, path: tuple[str, ...], old: Json, new: Json) -> Iterator[Step]:
    if not isinstance(old, dict) or not isinstance(new, dict) or is_function(old) or is_function(new):
        yield from _one(kind, path, old, new)
        return
    for name in dict.fromkeys((*old, *new)):
        yield from _values(kind, (*path, name), old.get(name, _MISSING), new.get(name, _MISSING))


def _one(kind: str, path: tuple[str, ...], old: Json, new: Json) -> Iterator[Step]:
    if old is _MISSING:
        yield Step("add", kind, path, new=new)
    elif new is _MISSING:
        yield Step("remove", kind, path, old=old)
    elif old != new:
        yield Step("modify", kind, path, old=old, new=new)


def _by_name(items: list[Any] | None) -> dict[str, Any]:
    return {each["name"]: each for each in items or ()}

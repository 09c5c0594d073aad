"""Which instances a workflow is about: node_ids, node_instance_ids and type_names, all of which must match."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.topology import Topology

Json = Any


def select(topology: Topology, parameters: Mapping[str, Json]) -> list[Instance]:
    """Raises Invalid when something is named that does not exist; everything is selected when nothing is named."""
    node_ids = _names(parameters, "node_ids")
    instance_ids = _names(parameters, "node_instance_ids")
    types = _names(parameters, "type_names")
    known_types = {name for node in topology.nodes.values() for name in node["type_hierarchy"]}
    _check("node", node_ids, topology.nodes)
    _check("node instance", instance_ids, topology.instances)
    _check("node type", types, known_types)
    return [
        instance
        for instance in topology.instances.values()
        if (not node_ids or instance.node_id in node_ids)
        and (not instance_ids or instance.id in instance_ids)
        and (not types or not types.isdisjoint(topology.type_hierarchy(instance)))
    ]


def _names(parameters: Mapping[str, Json], name: str) -> set[str]:
    given = parameters.get(name) or []
    if isinstance(given, str):
        return {part.strip() for part in given.split(",") if part.strip()}
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise Invalid(f"The parameter {name} must be a list of names, not {given!r}.")
    return set(given)


def _check(noun: str, names: Iterable[str], known: Collection[str]) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise Invalid(f"There is no {noun} {', '.join(unknown)} in this deployment; there is {join_names(known)}.")


def join_names(names: Collection[str], most: int = 20) -> str:
    """The names, sorted, cut when they are many."""
    listed = sorted(names)
    rest = f" and {len(listed) - most} more" if len(listed) > most else ""
    return (", ".join(listed[:most]) or "none") + rest

"""Selection of instances by the parameters node_ids, node_instance_ids and type_names, all of which must match."""

from collections.abc import Collection, Iterable, Mapping

from cfy_cli.contract.json import Json
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.topology import Topology


def select(topology: Topology, parameters: Mapping[str, Json]) -> list[Instance]:
    """Return the selected instances, all when no parameter is given. Raises Invalid for unknown names."""
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
    value = parameters.get(name) or []
    if isinstance(value, str):
        return {part.strip() for part in value.split(",") if part.strip()}
    if isinstance(value, list):
        names = [item for item in value if isinstance(item, str)]
        if len(names) == len(value):
            return set(names)
    raise Invalid(f"The parameter {name} must be a list of names, not {value!r}.")


def _check(noun: str, names: Iterable[str], known: Collection[str]) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise Invalid(f"There is no {noun} {', '.join(unknown)} in this deployment; there is {join_names(known)}.")


def join_names(names: Collection[str], limit: int = 20) -> str:
    """Return the names, sorted and separated by commas, and the number of those beyond the limit."""
    listed = sorted(names)
    rest = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return (", ".join(listed[:limit]) or "none") + rest

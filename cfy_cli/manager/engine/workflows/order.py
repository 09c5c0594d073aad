"""Order of instances by their relationships."""

from collections.abc import Mapping

from cfy_cli.manager.engine.graph import GraphBuilder, SequenceBuilder
from cfy_cli.manager.engine.topology import Link, Topology
from cfy_cli.manager.engine.workflows.phases import LIFECYCLE

Steps = Mapping[str, SequenceBuilder]  # the subgraph or barrier of each instance, by its id
Ends = Mapping[str, Mapping[str, frozenset[str]]]  # the last tasks of each operation of each instance


def targets_first(builder: GraphBuilder, topology: Topology, steps: Steps, ends: Ends | None = None) -> None:
    """Let each instance wait for its targets, or only for the operation of a target that the relationship names."""
    for link in _links(topology):
        operation = f"{LIFECYCLE}.{link.plan['properties'].get('operation')}"
        tasks = (ends or {}).get(link.target.id, {}).get(operation)
        builder.add_dependencies(steps[link.source.id].id, tasks or {steps[link.target.id].id})


def sources_first(builder: GraphBuilder, topology: Topology, steps: Steps) -> None:
    """Let each instance wait for the instances that depend on it."""
    for link in _links(topology):
        builder.add_dependencies(steps[link.target.id].id, {steps[link.source.id].id})


def _links(topology: Topology) -> list[Link]:
    return [
        link
        for instance in topology.instances.values()
        for link in topology.links(instance)
        if link.source.id != link.target.id
    ]

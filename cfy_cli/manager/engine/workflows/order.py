"""Order between instances: who waits for whom, by their relationships."""

from collections.abc import Mapping

from cfy_cli.manager.engine.graph import GraphBuilder, SequenceBuilder
from cfy_cli.manager.engine.topology import Link, Topology
from cfy_cli.manager.engine.workflows.phases import LIFECYCLE

Steps = Mapping[str, SequenceBuilder]  # the subgraph or knot of each instance, by its id
Ends = Mapping[str, Mapping[str, frozenset[str]]]  # of each instance, the last tasks of each operation


def targets_first(builder: GraphBuilder, topology: Topology, steps: Steps, ends: Ends | None = None) -> None:
    """Each instance waits for those it depends on, or for the one operation of them that the relationship names."""
    for link in _links(topology):
        named = f"{LIFECYCLE}.{link.plan['properties'].get('operation')}"
        enough = (ends or {}).get(link.target.id, {}).get(named)
        builder.add_dependencies(steps[link.source.id].id, enough or {steps[link.target.id].id})


def sources_first(builder: GraphBuilder, topology: Topology, steps: Steps) -> None:
    """Each instance waits for those that depend on it."""
    for link in _links(topology):
        builder.add_dependencies(steps[link.target.id].id, {steps[link.source.id].id})


def _links(topology: Topology) -> list[Link]:
    return [
        link
        for instance in topology.instances.values()
        for link in topology.links(instance)
        if link.source.id != link.target.id
    ]

"""Graphs of deployment updates."""

from collections.abc import Collection, Iterator

from cfy_cli.contract.states import InstanceState
from cfy_cli.manager.engine.graph import Graph, GraphBuilder, SequenceBuilder
from cfy_cli.manager.engine.health import drifted_links, has_drifted
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.tasks import NodeEvent, Operation, SetState
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows.order import targets_first
from cfy_cli.manager.engine.workflows.phases import LIFECYCLE

OPERATIONS = ("preupdate", "update", "postupdate", "update_config", "update_apply", "update_postapply")

Pair = tuple[str, str]  # the ids of a relationship's source and target


def build_update(topology: Topology, selected: Collection[str], name: str = "update") -> Graph:
    """Build the update of the selected instances that have drifted, and of their drifted relationships."""
    builder = GraphBuilder(name)
    steps = {
        instance.id: _update_one(builder, instance, list(_operations(topology, instance)))
        if instance.id in selected
        else builder.add_barrier(instance.id)
        for instance in topology.instances.values()
    }
    targets_first(builder, topology, steps)
    return builder.build()


def build_relationships(topology: Topology, pairs: Collection[Pair], operation_name: str, name: str) -> Graph:
    """Build `establish` or `unlink` of the given relationships between existing instances."""
    builder = GraphBuilder(name)
    for instance in topology.instances.values():
        operations = [
            operation
            for link in topology.links(instance)
            if (link.source.id, link.target.id) in pairs
            for operation in topology.link_operations(link, operation_name)
        ]
        if operations:
            builder.add_subgraph(f"stub_{instance.id}").add(*operations)
    return builder.build()


def _update_one(builder: GraphBuilder, instance: Instance, operations: list[Operation]) -> SequenceBuilder:
    if not operations:
        return builder.add_barrier(instance.id)
    steps = builder.add_subgraph(f"update_{instance.id}")
    updated = SetState(instance.id, InstanceState(instance.state), reason="updated")
    steps.add(NodeEvent(instance.id, "Updating node instance"), *operations, updated)
    steps.add(NodeEvent(instance.id, "Node instance updated"))
    return steps


def _operations(topology: Topology, instance: Instance) -> Iterator[Operation]:
    if has_drifted(instance):
        for name in OPERATIONS:
            operation = topology.operation(instance, f"{LIFECYCLE}.{name}")
            if operation is not None:
                yield operation
    for link in topology.links(instance):
        ends = set()
        if link.target.id in drifted_links(instance, "source"):
            ends.add(link.source.id)
        if instance.id in drifted_links(link.target, "target"):
            ends.add(link.target.id)
        yield from (
            operation for operation in topology.link_operations(link, "update") if operation.instance_id in ends
        )

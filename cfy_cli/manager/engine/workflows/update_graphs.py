"""Graphs of deployment updates."""

from collections.abc import Collection, Iterator, Set
from dataclasses import replace

from cfy_cli.contract.states import InstanceState
from cfy_cli.manager.engine.graph import Graph, GraphBuilder, SequenceBuilder
from cfy_cli.manager.engine.health import drifted_links, has_drifted
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.tasks import NodeEvent, Operation, SetState
from cfy_cli.manager.engine.topology import Link, Topology
from cfy_cli.manager.engine.workflows.checks import DRIFT
from cfy_cli.manager.engine.workflows.order import targets_first
from cfy_cli.manager.engine.workflows.phases import LIFECYCLE

OPERATIONS = ("preupdate", "update", "postupdate", "update_config", "update_apply", "update_postapply")
LINK_OPERATIONS = ("update_preconfigure", "update_postconfigure", "update_establish", "update")

Relation = tuple[str, str] | tuple[str, str, str]  # the ids of source and target, and the type unless it is any


def build_update(topology: Topology, selected: Collection[str], name: str = "update") -> Graph:
    """Build the update of the selected instances that have drifted, and of their drifted relationships."""
    builder = GraphBuilder(name)
    steps = {
        instance.id: _update_one(builder, topology, instance)
        if instance.id in selected
        else builder.add_barrier(instance.id)
        for instance in topology.instances.values()
    }
    targets_first(builder, topology, steps)
    return builder.build()


def build_relationships(
    topology: Topology,
    relations: Set[Relation],
    operation_name: str,
    name: str,
    *,
    ignore_failure: bool = False,
) -> Graph:
    """Build `establish` or `unlink` of the given relationships between existing instances."""
    builder = GraphBuilder(name)
    for instance in topology.instances.values():
        operations = [
            replace(operation, ignore_failure=ignore_failure)
            for link in topology.links(instance)
            if not relations.isdisjoint(
                {(link.source.id, link.target.id), (link.source.id, link.target.id, link.plan["type"])}
            )
            for operation in topology.link_operations(link, operation_name)
        ]
        if operations:
            builder.add_subgraph(f"stub_{instance.id}").add(*operations)
    return builder.build()


def checks_drift(topology: Topology, instance: Instance) -> bool:
    """Return whether a drift check is mapped for an instance or one of its relationships."""
    return topology.operation(instance, DRIFT) is not None or any(
        topology.link_operations(link, "check_drift") for link in topology.links(instance)
    )


def has_update_operations(topology: Topology, instance: Instance) -> bool:
    """Return whether operations are mapped that take back what has drifted: the instance, relationships, or both."""
    links = [link for link in topology.links(instance) if _drifted_ends(link)]
    has_own = not has_drifted(instance) or any(True for _ in _own_operations(topology, instance))
    return has_own and (not links or any(True for link in links for _ in _link_operations(topology, link)))


def _update_one(builder: GraphBuilder, topology: Topology, instance: Instance) -> SequenceBuilder:
    operations = list(_operations(topology, instance))
    if not operations:
        return builder.add_barrier(instance.id)
    steps = builder.add_subgraph(f"update_{instance.id}")
    updated = SetState(instance.id, InstanceState(instance.state), reason="updated")
    steps.add(NodeEvent(instance.id, "Updating node instance"), *operations, updated)
    steps.add(NodeEvent(instance.id, "Node instance updated"))
    return steps


def _operations(topology: Topology, instance: Instance) -> Iterator[Operation]:
    if has_drifted(instance):
        yield from _own_operations(topology, instance)
    for link in topology.links(instance):
        yield from _link_operations(topology, link)


def _own_operations(topology: Topology, instance: Instance) -> Iterator[Operation]:
    for name in OPERATIONS:
        operation = topology.operation(instance, f"{LIFECYCLE}.{name}")
        if operation is not None:
            yield operation


def _link_operations(topology: Topology, link: Link) -> Iterator[Operation]:
    ends = _drifted_ends(link)
    for name in LINK_OPERATIONS:
        yield from (operation for operation in topology.link_operations(link, name) if operation.instance_id in ends)


def _drifted_ends(link: Link) -> set[str]:
    """Return the ends of a relationship that have drifted in it."""
    ends = set()
    if link.target.id in drifted_links(link.source, "source"):
        ends.add(link.source.id)
    if link.source.id in drifted_links(link.target, "target"):
        ends.add(link.target.id)
    return ends

"""check_status and check_drift: asking instances how they are; what they answer becomes their system properties."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

from cfy_cli.manager.engine.graph import Graph, GraphBuilder, SequenceBuilder
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.selection import select
from cfy_cli.manager.engine.tasks import Operation
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows.context import Graphs, WorkflowContext
from cfy_cli.manager.engine.workflows.order import targets_first
from cfy_cli.manager.engine.workflows.phases import LIFECYCLE, VALIDATION

Json = Any

STATUS = f"{VALIDATION}.check_status"
DRIFT = f"{LIFECYCLE}.check_drift"


def check_status(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    topology = ctx.look()
    chosen = {instance.id for instance in select(topology, parameters)}
    yield draw_status(topology, chosen, ordered=bool(parameters.get("run_by_dependency_order")))


def check_drift(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    topology = ctx.look()
    chosen = {instance.id for instance in select(topology, parameters)}
    yield draw_drift(topology, chosen, ordered=bool(parameters.get("run_by_dependency_order", True)))


def draw_status(
    topology: Topology, chosen: Collection[str], *, ordered: bool = False, ignore_failure: bool = False
) -> Graph:
    builder = GraphBuilder("check_status")
    steps = {
        instance.id: _ask(builder, instance, topology.operation(instance, STATUS), chosen, "status", ignore_failure)
        for instance in topology.instances.values()
    }
    if ordered:
        targets_first(builder, topology, steps)
    return builder.build()


def draw_drift(
    topology: Topology, chosen: Collection[str], *, ordered: bool = True, ignore_failure: bool = False
) -> Graph:
    """An instance is asked before its relationships are."""
    builder = GraphBuilder("check_drift")
    steps = {}
    for instance in topology.instances.values():
        asked = _ask(builder, instance, topology.operation(instance, DRIFT), chosen, "drift", ignore_failure)
        steps[instance.id] = asked
        if instance.id in chosen:
            for number, operation in enumerate(_of_links(topology, instance), 1):
                link = builder.add_task(f"{instance.id}/link/{number}", _checking(operation, "drift", ignore_failure))
                builder.add_dependencies(link.id, {asked.id})
    if ordered:
        targets_first(builder, topology, steps)
    return builder.build()


def _of_links(topology: Topology, instance: Instance) -> Iterable[Operation]:
    for link in topology.links(instance):
        yield from topology.link_operations(link, "check_drift")


def _ask(
    builder: GraphBuilder,
    instance: Instance,
    operation: Operation | None,
    chosen: Collection[str],
    checks: Literal["status", "drift"],
    ignore_failure: bool,
) -> SequenceBuilder:
    if operation is None or instance.id not in chosen:
        return builder.add_barrier(instance.id)
    return builder.add_task(instance.id, _checking(operation, checks, ignore_failure))


def _checking(operation: Operation, checks: Literal["status", "drift"], ignore_failure: bool) -> Operation:
    return replace(operation, health_check=checks, ignore_failure=ignore_failure)

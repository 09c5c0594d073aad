"""The workflows `check_status` and `check_drift`, which store their results in system properties."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Literal

from cfy_cli.contract.json import Json
from cfy_cli.manager.engine.graph import Graph, GraphBuilder, SequenceBuilder
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.selection import select
from cfy_cli.manager.engine.tasks import Operation
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows.context import Graphs, WorkflowContext
from cfy_cli.manager.engine.workflows.order import targets_first
from cfy_cli.manager.engine.workflows.phases import LIFECYCLE, VALIDATION

STATUS = f"{VALIDATION}.check_status"
DRIFT = f"{LIFECYCLE}.check_drift"


def check_status(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    topology = ctx.topology()
    selected = {instance.id for instance in select(topology, parameters)}
    yield build_status_check(topology, selected, in_order=bool(parameters.get("run_by_dependency_order")))


def check_drift(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    topology = ctx.topology()
    selected = {instance.id for instance in select(topology, parameters)}
    yield build_drift_check(topology, selected, in_order=bool(parameters.get("run_by_dependency_order", True)))


def build_status_check(
    topology: Topology, selected: Collection[str], *, in_order: bool = False, ignore_failure: bool = False
) -> Graph:
    builder = GraphBuilder("check_status")
    steps = {
        instance.id: _check(builder, instance, topology.operation(instance, STATUS), selected, "status", ignore_failure)
        for instance in topology.instances.values()
    }
    if in_order:
        targets_first(builder, topology, steps)
    return builder.build()


def build_drift_check(
    topology: Topology, selected: Collection[str], *, in_order: bool = True, ignore_failure: bool = False
) -> Graph:
    """Build the drift check: each instance is checked before its relationships."""
    builder = GraphBuilder("check_drift")
    steps = {}
    for instance in topology.instances.values():
        check = _check(builder, instance, topology.operation(instance, DRIFT), selected, "drift", ignore_failure)
        steps[instance.id] = check
        if instance.id in selected:
            for number, operation in enumerate(_relationship_checks(topology, instance), 1):
                link = builder.add_task(f"{instance.id}/link/{number}", _as_check(operation, "drift", ignore_failure))
                builder.add_dependencies(link.id, {check.id})
    if in_order:
        targets_first(builder, topology, steps)
    return builder.build()


def _relationship_checks(topology: Topology, instance: Instance) -> Iterable[Operation]:
    for link in topology.links(instance):
        yield from topology.link_operations(link, "check_drift")


def _check(
    builder: GraphBuilder,
    instance: Instance,
    operation: Operation | None,
    selected: Collection[str],
    checks: Literal["status", "drift"],
    ignore_failure: bool,
) -> SequenceBuilder:
    if operation is None or instance.id not in selected:
        return builder.add_barrier(instance.id)
    return builder.add_task(instance.id, _as_check(operation, checks, ignore_failure))


def _as_check(operation: Operation, checks: Literal["status", "drift"], ignore_failure: bool) -> Operation:
    return replace(operation, health_check=checks, ignore_failure=ignore_failure)

"""install and uninstall: every instance through its phases, in the order of relationships."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from cfy_cli.contract.states import InstanceState as State
from cfy_cli.manager.engine.graph import Graph, GraphBuilder, SequenceBuilder
from cfy_cli.manager.engine.ports import CascadeHost, Instance
from cfy_cli.manager.engine.selection import select
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows import agents
from cfy_cli.manager.engine.workflows.context import Graphs, WorkflowContext
from cfy_cli.manager.engine.workflows.order import sources_first, targets_first
from cfy_cli.manager.engine.workflows.phases import AFTER_START, BEFORE_STOP, DELETE, INSTALL, STOP, Drafter

Json = Any

NOT_RUNNING = frozenset({State.STOPPED, State.DELETING, State.DELETED, State.UNINITIALIZED, State.CONFIGURED})
STOPPED = frozenset({State.STOPPED, State.DELETING, State.DELETED})
GONE = frozenset({State.DELETED, State.UNINITIALIZED})


def install(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    topology = ctx.look()
    yield draw_install(topology, _chosen(topology, parameters))


def uninstall(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    ignore_failure = bool(parameters.get("ignore_failure"))
    if parameters.get("recursive") and isinstance(ctx.records, CascadeHost) and not ctx.job.dry_run:
        ctx.records.uninstall_contained(ignore_failure=ignore_failure)
    topology = ctx.look()
    yield draw_uninstall(topology, _chosen(topology, parameters), ignore_failure=ignore_failure)


def reinstall(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    chosen = _chosen(ctx.look(), parameters)
    yield from reinstall_all(ctx, chosen, ignore_failure=bool(parameters.get("ignore_failure")))


def reinstall_all(ctx: WorkflowContext, chosen: Collection[str], *, ignore_failure: bool) -> Graphs:
    yield draw_uninstall(ctx.look(), chosen, "reinstall-uninstall", ignore_failure=ignore_failure)
    yield draw_install(ctx.look(), chosen, "reinstall-install")


def draw_install(
    topology: Topology, chosen: Collection[str], name: str = "install", *, around: Collection[str] | None = None
) -> Graph:
    """Those that are there already, or of them those `around`, establish their relationships to the chosen ones."""
    builder, ends = GraphBuilder(name), dict[str, dict[str, frozenset[str]]]()
    steps: dict[str, SequenceBuilder] = {}
    for instance in topology.instances.values():
        if instance.id in chosen:
            steps[instance.id] = builder.add_subgraph(f"install_{instance.id}")
            install_one(steps[instance.id], topology, instance, ends.setdefault(instance.id, {}))
        else:
            targets = chosen if around is None or instance.id in around else ()
            steps[instance.id] = relate(builder, topology, instance, targets, "establish")
    targets_first(builder, topology, steps, ends)
    return builder.build()


def draw_uninstall(
    topology: Topology,
    chosen: Collection[str],
    name: str = "uninstall",
    *,
    ignore_failure: bool = False,
    around: Collection[str] | None = None,
) -> Graph:
    """Those that stay, or of them those `around`, unlink their relationships to the chosen ones."""
    builder, steps = GraphBuilder(name), dict[str, SequenceBuilder]()
    for instance in topology.instances.values():
        if instance.id in chosen:
            steps[instance.id] = builder.add_subgraph(instance.id)
            uninstall_one(steps[instance.id], topology, instance, ignore_failure=ignore_failure)
        else:
            targets = chosen if around is None or instance.id in around else ()
            steps[instance.id] = relate(builder, topology, instance, targets, "unlink", ignore_failure)
    sources_first(builder, topology, steps)
    return builder.build()


def relate(
    builder: GraphBuilder,
    topology: Topology,
    instance: Instance,
    targets: Collection[str],
    name: str,
    ignore_failure: bool = False,
) -> SequenceBuilder:
    """An instance that stays: if it is there, it establishes or unlinks its relationships to those that come or go."""
    operations = [
        operation
        for link in topology.links(instance)
        if link.target.id in targets and instance.state not in GONE
        for operation in topology.link_operations(link, name)
    ]
    if not operations:
        return builder.add_barrier(instance.id)
    steps = builder.add_subgraph(f"stub_{instance.id}")
    steps.add(*(replace(operation, ignore_failure=ignore_failure) for operation in operations))
    return steps


def _chosen(topology: Topology, parameters: Mapping[str, Json]) -> set[str]:
    return {instance.id for instance in select(topology, parameters)}


def install_one(
    steps: SequenceBuilder, topology: Topology, instance: Instance, ends: dict[str, frozenset[str]]
) -> None:
    """`ends` is filled with the last tasks of each lifecycle operation."""
    drafter = Drafter(topology, instance)
    on_host = agents.is_host(topology, instance) and instance.state != State.STARTED
    if not on_host and not any(map(drafter.has_work, INSTALL + AFTER_START)):
        steps.add_parallel(*drafter.state(State.STARTED), *drafter.said("Node instance started (nothing to do)"))
        return
    steps.add(*drafter.state(State.INITIALIZING))
    for phase in INSTALL:
        drafter.draw(steps, phase)
        ends[phase.operation] = steps.last
    if on_host:
        steps.add(*agents.install_steps(topology, instance, drafter))
    for phase in AFTER_START:
        drafter.draw(steps, phase)
        ends[phase.operation] = steps.last
    steps.add_parallel(*drafter.state(State.STARTED), *drafter.said("Node instance started"))


def uninstall_one(steps: SequenceBuilder, topology: Topology, instance: Instance, *, ignore_failure: bool) -> None:
    drafter = Drafter(topology, instance, ignore_failure=ignore_failure)
    state = instance.state
    if state in NOT_RUNNING:
        steps.add(*drafter.said(BEFORE_STOP[0].idle), *drafter.said(f"Stop: instance already {state}"))
    else:
        steps.add_parallel(*drafter.state(State.STOPPING), *drafter.said("Stopping node instance"))
        for phase in BEFORE_STOP:
            drafter.draw(steps, phase)
        if agents.is_host(topology, instance):
            steps.add(*agents.uninstall_steps(topology, instance, drafter))
        drafter.draw(steps, STOP)
    if state not in STOPPED:
        steps.add(*drafter.state(State.STOPPED))
    if state in GONE:
        steps.add(*drafter.said(f"Delete: instance already {state}"))
    else:
        for phase in DELETE:
            drafter.draw(steps, phase)
    if state != State.DELETED:
        steps.add_parallel(*drafter.state(State.DELETED), *drafter.said("Deleted node instance"))

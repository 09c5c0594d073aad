"""The workflows `install`, `uninstall` and `reinstall`: the phases of every instance, in the order of relationships."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from itertools import count

from cfy_cli.contract.json import Json
from cfy_cli.contract.states import InstanceState as State
from cfy_cli.manager.engine.agents import has_agents
from cfy_cli.manager.engine.graph import Graph, GraphBuilder, SequenceBuilder
from cfy_cli.manager.engine.ports import CascadeHost, Instance
from cfy_cli.manager.engine.remote_hosts import check_host
from cfy_cli.manager.engine.selection import join_names, select
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows import agents
from cfy_cli.manager.engine.workflows.context import GraphFailed, Graphs, WorkflowContext
from cfy_cli.manager.engine.workflows.order import sources_first, targets_first
from cfy_cli.manager.engine.workflows.phases import AFTER_START, BEFORE_STOP, DELETE, INSTALL, STOP, PhaseBuilder

NOT_RUNNING = frozenset({State.STOPPED, State.DELETING, State.DELETED, State.UNINITIALIZED, State.CONFIGURED})
STOPPED = frozenset({State.STOPPED, State.DELETING, State.DELETED})
REMOVED = frozenset({State.DELETED, State.UNINITIALIZED})


def install(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    topology = ctx.topology()
    yield from install_all(ctx, _select(topology, parameters), topology)


def install_all(ctx: WorkflowContext, selected: set[str], topology: Topology) -> Graphs:
    """Install instances; remove the failed ones and install what is left, as often as the manager is configured."""
    for instance_id in sorted(selected):
        instance = topology.instances[instance_id]
        if agents.is_host(topology, instance) and instance.state != State.STARTED and not has_agents(ctx.records):
            check_host(ctx.records, instance_id)
    for number in count(1):
        name = "install" if number == 1 else f"install-{number}"
        failures: list[str] = []
        try:
            yield build_install(topology, selected, name)
        except GraphFailed as error:
            if number - 1 == ctx.job.retries.subgraph:
                raise
            failures = sorted({operation.instance_id for operation, _ in error.failures})
        if ctx.job.retries.subgraph:
            failures = ctx.decide_once(f"{name} failed", partial(list[str], failures))
        if not failures:
            return
        ctx.log(f"Install again after a failure: {join_names(failures)}", "warning")
        topology = ctx.topology()
        subtrees = {inner for instance_id in failures for inner in topology.subtree(instance_id)}
        yield build_uninstall(topology, subtrees, f"{name}-uninstall", ignore_failure=True)
        topology = ctx.topology()
        selected = {name for name in selected if topology.instances[name].state != State.STARTED}


def uninstall(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    ignore_failure = bool(parameters.get("ignore_failure"))
    if parameters.get("recursive") and isinstance(ctx.records, CascadeHost) and not ctx.job.dry_run:
        ctx.records.uninstall_contained(ignore_failure=ignore_failure)
    topology = ctx.topology()
    yield build_uninstall(topology, _select(topology, parameters), ignore_failure=ignore_failure)


def reinstall(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    selected = _select(ctx.topology(), parameters)
    yield from reinstall_all(ctx, selected, ignore_failure=bool(parameters.get("ignore_failure")))


def reinstall_all(ctx: WorkflowContext, selected: Collection[str], *, ignore_failure: bool) -> Graphs:
    yield build_uninstall(ctx.topology(), selected, "reinstall-uninstall", ignore_failure=ignore_failure)
    yield build_install(ctx.topology(), selected, "reinstall-install")


def build_install(
    topology: Topology, selected: Collection[str], name: str = "install", *, neighbours: Collection[str] | None = None
) -> Graph:
    """Build the installation of the selected instances.

    The other instances, or of them only `neighbours`, establish their relationships to the selected ones.
    """
    builder, ends = GraphBuilder(name), dict[str, dict[str, frozenset[str]]]()
    steps: dict[str, SequenceBuilder] = {}
    for instance in topology.instances.values():
        if instance.id in selected:
            steps[instance.id] = builder.add_subgraph(f"install_{instance.id}")
            add_install(steps[instance.id], topology, instance, ends.setdefault(instance.id, {}))
        else:
            targets = selected if neighbours is None or instance.id in neighbours else ()
            steps[instance.id] = relate(builder, topology, instance, targets, "establish")
    targets_first(builder, topology, steps, ends)
    return builder.build()


def build_uninstall(
    topology: Topology,
    selected: Collection[str],
    name: str = "uninstall",
    *,
    ignore_failure: bool = False,
    neighbours: Collection[str] | None = None,
) -> Graph:
    """Build the removal of the selected instances.

    The other instances, or of them only `neighbours`, unlink their relationships to the selected ones.
    """
    builder, steps = GraphBuilder(name), dict[str, SequenceBuilder]()
    for instance in topology.instances.values():
        if instance.id in selected:
            steps[instance.id] = builder.add_subgraph(instance.id)
            add_uninstall(steps[instance.id], topology, instance, ignore_failure=ignore_failure)
        else:
            targets = selected if neighbours is None or instance.id in neighbours else ()
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
    """Add `establish` or `unlink` of the relationships that an existing instance has to the targets."""
    operations = [
        operation
        for link in topology.links(instance)
        if link.target.id in targets and instance.state not in REMOVED
        for operation in topology.link_operations(link, name)
    ]
    if not operations:
        return builder.add_barrier(instance.id)
    steps = builder.add_subgraph(f"stub_{instance.id}")
    steps.add(*(replace(operation, ignore_failure=ignore_failure) for operation in operations))
    return steps


def _select(topology: Topology, parameters: Mapping[str, Json]) -> set[str]:
    return {instance.id for instance in select(topology, parameters)}


def add_install(
    steps: SequenceBuilder, topology: Topology, instance: Instance, ends: dict[str, frozenset[str]]
) -> None:
    """Add the phases of an installation; record the last tasks of each lifecycle operation in `ends`."""
    phases = PhaseBuilder(topology, instance)
    on_host = agents.is_host(topology, instance) and instance.state != State.STARTED
    if not on_host and not any(map(phases.has_work, INSTALL + AFTER_START)):
        steps.add_parallel(*phases.set_state(State.STARTED), *phases.events("Node instance started (nothing to do)"))
        return
    steps.add(*phases.set_state(State.INITIALIZING))
    for phase in INSTALL:
        phases.add(steps, phase)
        ends[phase.operation] = steps.last
    if on_host:
        steps.add(*agents.install_steps(topology, instance, phases))
    for phase in AFTER_START:
        phases.add(steps, phase)
        ends[phase.operation] = steps.last
    steps.add_parallel(*phases.set_state(State.STARTED), *phases.events("Node instance started"))


def add_uninstall(steps: SequenceBuilder, topology: Topology, instance: Instance, *, ignore_failure: bool) -> None:
    phases = PhaseBuilder(topology, instance, ignore_failure=ignore_failure)
    state = instance.state
    if state in NOT_RUNNING:
        steps.add(*phases.events(BEFORE_STOP[0].idle_message), *phases.events(f"Stop: instance already {state}"))
    else:
        steps.add_parallel(*phases.set_state(State.STOPPING), *phases.events("Stopping node instance"))
        for phase in BEFORE_STOP:
            phases.add(steps, phase)
        if agents.is_host(topology, instance):
            steps.add(*agents.uninstall_steps(topology, instance, phases))
        phases.add(steps, STOP)
    if state not in STOPPED:
        steps.add(*phases.set_state(State.STOPPED))
    if state in REMOVED:
        steps.add(*phases.events(f"Delete: instance already {state}"))
    else:
        for phase in DELETE:
            phases.add(steps, phase)
    if state != State.DELETED:
        steps.add_parallel(*phases.set_state(State.DELETED), *phases.events("Deleted node instance"))

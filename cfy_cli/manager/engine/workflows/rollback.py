"""The workflow `rollback`: take partially created instances back to their last complete state."""

from collections.abc import Collection, Mapping

from cfy_cli.contract.json import Json
from cfy_cli.contract.states import InstanceState as State
from cfy_cli.manager.engine.graph import Graph, GraphBuilder, SequenceBuilder
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.selection import select
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows import agents
from cfy_cli.manager.engine.workflows.context import Graphs, WorkflowContext
from cfy_cli.manager.engine.workflows.order import sources_first
from cfy_cli.manager.engine.workflows.phases import BEFORE_STOP, DELETE, STOP, PhaseBuilder
from cfy_cli.manager.engine.workflows.setup import build_uninstall, relate

PARTIALLY_CREATED = frozenset({State.CREATING, State.CONFIGURING})  # taken back to uninitialized
PARTIALLY_STARTED = frozenset({State.STARTING})  # taken back to configured


def rollback(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    topology = ctx.topology()
    selected = select(topology, parameters)
    unresolved = ctx.decide_once(
        "unresolved",
        lambda: [instance.id for instance in selected if instance.state in PARTIALLY_CREATED | PARTIALLY_STARTED],
    )
    ctx.log(f"unresolved node instances: {unresolved}", "debug")
    intact = [instance_id for instance_id in topology.instances if instance_id not in unresolved]
    ctx.log(f"intact node instances: {intact}", "debug")
    full = bool(parameters.get("full_rollback"))
    if not unresolved and not full:
        ctx.log("Nothing to roll back: no node instance is creating, configuring or starting.")
    yield build_rollback(topology, unresolved, ignore_failure=True)
    if full:
        ctx.log("Start uninstall after rollback.", "debug")
        topology = ctx.topology()
        yield build_uninstall(topology, set(topology.instances), "uninstall-a-uninstall")


def build_rollback(
    topology: Topology,
    selected: Collection[str],
    name: str = "rollback",
    *,
    ignore_failure: bool,
    neighbours: Collection[str] | None = None,
) -> Graph:
    """Build the rollback of the selected instances.

    The other instances, or of them only `neighbours`, unlink their relationships to instances that are removed.
    """
    builder, steps = GraphBuilder(name), dict[str, SequenceBuilder]()
    deleted = {instance_id for instance_id in selected if topology.instances[instance_id].state in PARTIALLY_CREATED}
    for instance in topology.instances.values():
        if instance.id in selected:
            steps[instance.id] = builder.add_subgraph(instance.id)
            add_rollback(steps[instance.id], topology, instance, ignore_failure=ignore_failure)
        else:
            targets = deleted if neighbours is None or instance.id in neighbours else ()
            steps[instance.id] = relate(builder, topology, instance, targets, "unlink", ignore_failure)
    sources_first(builder, topology, steps)
    return builder.build()


def add_rollback(steps: SequenceBuilder, topology: Topology, instance: Instance, *, ignore_failure: bool) -> None:
    phases = PhaseBuilder(topology, instance, ignore_failure=ignore_failure)
    if instance.state in PARTIALLY_STARTED:
        steps.add_parallel(*phases.set_state(State.STOPPING), *phases.events("Stopping node instance"))
        for phase in BEFORE_STOP:
            phases.add(steps, phase)
        if agents.is_host(topology, instance):
            steps.add(*agents.uninstall_steps(topology, instance, phases))
        phases.add(steps, STOP)
        steps.add(*phases.set_state(State.CONFIGURED))
    else:
        steps.add(
            *phases.events(BEFORE_STOP[0].idle_message),
            *phases.events(f"Rollback Stop: nothing to do, instance state is {instance.state}"),
        )
    if instance.state in PARTIALLY_CREATED:
        for phase in DELETE:
            phases.add(steps, phase)
        steps.add(*phases.set_state(State.UNINITIALIZED))
    else:
        steps.add(*phases.events(f"Rollback Delete: nothing to do, instance state is {instance.state}"))
    if instance.state in PARTIALLY_CREATED | PARTIALLY_STARTED:
        steps.add(*phases.events("Rollbacked node instance"))

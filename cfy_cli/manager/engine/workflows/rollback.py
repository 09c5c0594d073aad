"""rollback: what was left half made is taken back to the last state that is whole."""

from collections.abc import Collection, Mapping
from typing import Any

from cfy_cli.contract.states import InstanceState as State
from cfy_cli.manager.engine.graph import Graph, GraphBuilder, SequenceBuilder
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.selection import select
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows import agents
from cfy_cli.manager.engine.workflows.context import Graphs, WorkflowContext
from cfy_cli.manager.engine.workflows.order import sources_first
from cfy_cli.manager.engine.workflows.phases import BEFORE_STOP, DELETE, STOP, Drafter
from cfy_cli.manager.engine.workflows.setup import draw_uninstall, relate

Json = Any

HALF_MADE = frozenset({State.CREATING, State.CONFIGURING})  # taken back to nothing
HALF_STARTED = frozenset({State.STARTING})  # taken back to configured


def rollback(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    topology = ctx.look()
    chosen = select(topology, parameters)
    unresolved = ctx.once("unresolved", lambda: [one.id for one in chosen if one.state in HALF_MADE | HALF_STARTED])
    ctx.say(f"unresolved node instances: {unresolved}", "debug")
    ctx.say(f"intact node instances: {[one for one in topology.instances if one not in unresolved]}", "debug")
    full = bool(parameters.get("full_rollback"))
    if not unresolved and not full:
        ctx.say("Nothing to roll back: no node instance is creating, configuring or starting.")
    yield draw_rollback(topology, unresolved, ignore_failure=True)
    if full:
        ctx.say("Start uninstall after rollback.", "debug")
        topology = ctx.look()
        yield draw_uninstall(topology, set(topology.instances), "uninstall-a-uninstall")


def draw_rollback(
    topology: Topology,
    chosen: Collection[str],
    name: str = "rollback",
    *,
    ignore_failure: bool,
    around: Collection[str] | None = None,
) -> Graph:
    """Those that stay, or of them those `around`, unlink their relationships to what is taken back to nothing."""
    builder, steps = GraphBuilder(name), dict[str, SequenceBuilder]()
    deleted = {one for one in chosen if topology.instances[one].state in HALF_MADE}
    for instance in topology.instances.values():
        if instance.id in chosen:
            steps[instance.id] = builder.add_subgraph(instance.id)
            roll_back_one(steps[instance.id], topology, instance, ignore_failure=ignore_failure)
        else:
            targets = deleted if around is None or instance.id in around else ()
            steps[instance.id] = relate(builder, topology, instance, targets, "unlink", ignore_failure)
    sources_first(builder, topology, steps)
    return builder.build()


def roll_back_one(steps: SequenceBuilder, topology: Topology, instance: Instance, *, ignore_failure: bool) -> None:
    drafter = Drafter(topology, instance, ignore_failure=ignore_failure)
    if instance.state in HALF_STARTED:
        steps.add_parallel(*drafter.state(State.STOPPING), *drafter.said("Stopping node instance"))
        for phase in BEFORE_STOP:
            drafter.draw(steps, phase)
        if agents.is_host(topology, instance):
            steps.add(*agents.uninstall_steps(topology, instance, drafter))
        drafter.draw(steps, STOP)
        steps.add(*drafter.state(State.CONFIGURED))
    else:
        steps.add(
            *drafter.said(BEFORE_STOP[0].idle),
            *drafter.said(f"Rollback Stop: nothing to do, instance state is {instance.state}"),
        )
    if instance.state in HALF_MADE:
        for phase in DELETE:
            drafter.draw(steps, phase)
        steps.add(*drafter.state(State.UNINITIALIZED))
    else:
        steps.add(*drafter.said(f"Rollback Delete: nothing to do, instance state is {instance.state}"))
    if instance.state in HALF_MADE | HALF_STARTED:
        steps.add(*drafter.said("Rollbacked node instance"))

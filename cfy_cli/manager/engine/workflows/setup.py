"""install and uninstall: every instance through its phases, in the order of relationships."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cfy_cli.contract.states import InstanceState as State
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.graph import Drawing, Sequence
from cfy_cli.manager.engine.ports import Instance
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
    chosen = {instance.id for instance in select(topology, parameters)}
    drawing, ends = Drawing("install"), dict[str, dict[str, frozenset[str]]]()
    steps: dict[str, Sequence] = {}
    for instance in topology.instances.values():
        if instance.id in chosen:
            steps[instance.id] = _install_one(drawing, topology, instance, ends.setdefault(instance.id, {}))
        else:
            steps[instance.id] = _relate(drawing, topology, instance, chosen, "establish")
    targets_first(drawing, topology, steps, ends)
    yield drawing.graph()


def uninstall(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    if parameters.get("recursive"):
        raise Invalid("Uninstalling the deployments inside this one is not supported by this manager yet.")
    topology = ctx.look()
    chosen = {instance.id for instance in select(topology, parameters)}
    careless = bool(parameters.get("ignore_failure"))
    drawing = Drawing("uninstall")
    steps = {
        instance.id: _uninstall_one(drawing, topology, instance, careless)
        if instance.id in chosen
        else _relate(drawing, topology, instance, chosen, "unlink", careless)
        for instance in topology.instances.values()
    }
    sources_first(drawing, topology, steps)
    yield drawing.graph()


def _install_one(drawing: Drawing, topology: Topology, instance: Instance, ends: dict[str, frozenset[str]]) -> Sequence:
    """`ends` is filled with the last tasks of each lifecycle operation."""
    steps, drafter = drawing.subgraph(f"install_{instance.id}"), Drafter(topology, instance)
    on_host = agents.is_host(topology, instance) and instance.state != State.STARTED
    if not on_host and not any(map(drafter.has_work, INSTALL + AFTER_START)):
        steps.fork(*drafter.state(State.STARTED), *drafter.said("Node instance started (nothing to do)"))
        return steps
    steps.add(*drafter.state(State.INITIALIZING))
    for phase in INSTALL:
        drafter.draw(steps, phase)
        ends[phase.operation] = steps.last
    if on_host:
        steps.add(*agents.install_steps(topology, instance, drafter))
    for phase in AFTER_START:
        drafter.draw(steps, phase)
        ends[phase.operation] = steps.last
    steps.fork(*drafter.state(State.STARTED), *drafter.said("Node instance started"))
    return steps


def _uninstall_one(drawing: Drawing, topology: Topology, instance: Instance, careless: bool) -> Sequence:
    steps, drafter = drawing.subgraph(instance.id), Drafter(topology, instance, ignore_failure=careless)
    state = instance.state
    if state in NOT_RUNNING:
        steps.add(*drafter.said(BEFORE_STOP[0].idle), *drafter.said(f"Stop: instance already {state}"))
    else:
        steps.fork(*drafter.state(State.STOPPING), *drafter.said("Stopping node instance"))
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
        steps.fork(*drafter.state(State.DELETED), *drafter.said("Deleted node instance"))
    return steps


def _relate(
    drawing: Drawing, topology: Topology, instance: Instance, chosen: set[str], name: str, careless: bool = False
) -> Sequence:
    """An instance that stays: it only establishes or unlinks its relationships to those that come or go."""
    operations = [
        operation
        for link in topology.links(instance)
        if link.target.id in chosen
        for operation in topology.link_operations(link, name)
    ]
    if not operations:
        return drawing.knot(instance.id)
    steps = drawing.subgraph(f"stub_{instance.id}")
    steps.add(*(replace(operation, ignore_failure=careless) for operation in operations))
    return steps

"""execute_operation and the workflows that are one operation on many instances: start, stop, restart, pull."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from cfy_cli.contract.states import InstanceState as State
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.graph import Graph, GraphBuilder, SequenceBuilder
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.selection import join_names, select
from cfy_cli.manager.engine.tasks import NodeEvent, Operation, SetState
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows.context import Graphs, WorkflowContext
from cfy_cli.manager.engine.workflows.order import sources_first, targets_first

Json = Any

START = "cloudify.interfaces.lifecycle.start"
STOP = "cloudify.interfaces.lifecycle.stop"
PULL = "cloudify.interfaces.lifecycle.pull"


def execute_operation(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    topology, name = ctx.look(), parameters.get("operation")
    if not isinstance(name, str) or not name:
        raise Invalid("The parameter operation must name an operation, such as cloudify.interfaces.lifecycle.start.")
    chosen = select(topology, parameters)
    if not any(topology.declares_operation(instance, name) for instance in chosen):
        known = {one for instance in chosen for one in topology.implemented_operations(instance)}
        near = get_close_matches(name, known)
        there = f"did you mean {' or '.join(near)}?" if near else f"something is run for {join_names(known)}."
        raise Invalid(f"None of the selected node instances has the operation {name}; {there}")
    _say_if_idle(ctx, topology, name, chosen)
    yield _draw(
        topology,
        name,
        chosen,
        parameters,
        parameters.get("operation_kwargs"),
        override=str(parameters.get("allow_kwargs_override")).lower() == "true",  # some send what was typed
    )


def start(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    topology = ctx.look()
    inputs = parameters.get("operation_parms")
    yield _draw(topology, START, select(topology, parameters), parameters, inputs, entering=State.STARTED)


def stop(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    """Those that depend on others stop before them."""
    topology = ctx.look()
    inputs = parameters.get("operation_parms")
    yield _draw(
        topology, STOP, select(topology, parameters), parameters, inputs, entering=State.STOPPED, backwards=True
    )


def restart(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    yield from stop(ctx, {**parameters, "operation_parms": parameters.get("stop_parms")})
    yield from start(ctx, {**parameters, "operation_parms": parameters.get("start_parms")})


def pull(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    topology = ctx.look()
    chosen = select(topology, parameters)
    _say_if_idle(ctx, topology, PULL, chosen)
    yield _draw(topology, PULL, chosen, parameters, parameters.get("operation_parms"))


def _say_if_idle(ctx: WorkflowContext, topology: Topology, name: str, chosen: list[Instance]) -> None:
    if not any(topology.operation(instance, name) for instance in chosen):
        ctx.say(f"Nothing to do: none of the selected node instances has something to run for {name}.")


def _draw(
    topology: Topology,
    name: str,
    chosen: list[Instance],
    parameters: Mapping[str, Json],
    inputs: Json,
    *,
    override: bool = True,
    entering: State | None = None,
    backwards: bool = False,
) -> Graph:
    if inputs is not None and not isinstance(inputs, Mapping):
        raise Invalid(f"The inputs of an operation must be a map of names to values, not {inputs!r}.")
    builder = GraphBuilder(f"execute_operation_{name}")
    ids = {instance.id for instance in chosen}
    steps = {
        instance.id: _steps(
            builder,
            instance,
            topology.operation(instance, name, inputs or {}, override=override),
            name,
            inputs,
            entering,
        )
        if instance.id in ids
        else builder.add_barrier(instance.id)
        for instance in topology.instances.values()
    }
    if parameters.get("run_by_dependency_order"):
        order = sources_first if backwards else targets_first
        order(builder, topology, steps)
    return builder.build()


def _steps(
    builder: GraphBuilder,
    instance: Instance,
    operation: Operation | None,
    name: str,
    inputs: Mapping[str, Json] | None,
    entering: State | None,
) -> SequenceBuilder:
    entered = [SetState(instance.id, entering)] if entering is not None and _may_enter(instance, entering) else []
    if operation is None:
        return builder.add_task(instance.id, entered[0]) if entered else builder.add_barrier(instance.id)
    given = f" (Operation parameters: {dict(inputs)})" if inputs else ""
    steps = builder.add_subgraph(instance.id)
    steps.add(
        NodeEvent(instance.id, f"Starting operation {name}{given}"),
        operation,
        *entered,
        NodeEvent(instance.id, f"Finished operation {name}"),
    )
    return steps


def _may_enter(instance: Instance, state: State) -> bool:
    """What was never installed, or is gone, is not started or stopped because nothing is to be run for it."""
    there = {State.STARTED, State.STOPPED, State.STARTING, State.STOPPING, State.CONFIGURED, State.CREATED}
    return instance.state in there and instance.state != state

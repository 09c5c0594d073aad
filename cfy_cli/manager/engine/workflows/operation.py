"""The workflow `execute_operation`, and those that run one operation: `start`, `stop`, `restart`, `pull`."""

from collections.abc import Mapping
from difflib import get_close_matches

from cfy_cli.contract.json import Json
from cfy_cli.contract.states import InstanceState as State
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.graph import Graph, GraphBuilder, SequenceBuilder
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.selection import join_names, select
from cfy_cli.manager.engine.tasks import NodeEvent, Operation, SetState
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows.context import Graphs, WorkflowContext
from cfy_cli.manager.engine.workflows.order import sources_first, targets_first

START = "cloudify.interfaces.lifecycle.start"
STOP = "cloudify.interfaces.lifecycle.stop"
PULL = "cloudify.interfaces.lifecycle.pull"


def execute_operation(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    topology, name = ctx.topology(), parameters.get("operation")
    if not isinstance(name, str) or not name:
        raise Invalid("The parameter operation must name an operation, such as cloudify.interfaces.lifecycle.start.")
    selected = select(topology, parameters)
    if not any(topology.declares_operation(instance, name) for instance in selected):
        known = {operation for instance in selected for operation in topology.implemented_operations(instance)}
        near = get_close_matches(name, known)
        suggestion = f"did you mean {' or '.join(near)}?" if near else f"they have {join_names(known)}."
        raise Invalid(f"None of the selected node instances has the operation {name}; {suggestion}")
    _log_if_idle(ctx, topology, name, selected)
    yield _build(
        topology,
        name,
        selected,
        parameters,
        parameters.get("operation_kwargs"),
        override=str(parameters.get("allow_kwargs_override")).lower() == "true",  # some clients send text
    )


def start(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    topology = ctx.topology()
    inputs = parameters.get("operation_parms")
    yield _build(topology, START, select(topology, parameters), parameters, inputs, target_state=State.STARTED)


def stop(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    """Stop the instances; with `run_by_dependency_order`, dependent ones first."""
    topology = ctx.topology()
    inputs = parameters.get("operation_parms")
    yield _build(
        topology, STOP, select(topology, parameters), parameters, inputs, target_state=State.STOPPED, reverse=True
    )


def restart(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    yield from stop(ctx, {**parameters, "operation_parms": parameters.get("stop_parms")})
    yield from start(ctx, {**parameters, "operation_parms": parameters.get("start_parms")})


def pull(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    topology = ctx.topology()
    selected = select(topology, parameters)
    _log_if_idle(ctx, topology, PULL, selected)
    yield _build(topology, PULL, selected, parameters, parameters.get("operation_parms"))


def _log_if_idle(ctx: WorkflowContext, topology: Topology, name: str, selected: list[Instance]) -> None:
    if not any(topology.operation(instance, name) for instance in selected):
        ctx.log(f"Nothing to do: no selected node instance implements {name}.")


def _build(
    topology: Topology,
    name: str,
    selected: list[Instance],
    parameters: Mapping[str, Json],
    inputs: Json,
    *,
    override: bool = True,
    target_state: State | None = None,
    reverse: bool = False,
) -> Graph:
    if inputs is not None and not isinstance(inputs, Mapping):
        raise Invalid(f"The inputs of an operation must be a map of names to values, not {inputs!r}.")
    builder = GraphBuilder(f"execute_operation_{name}")
    ids = {instance.id for instance in selected}
    steps = {
        instance.id: _steps(
            builder,
            instance,
            topology.operation(instance, name, inputs or {}, override=override),
            name,
            inputs,
            target_state,
        )
        if instance.id in ids
        else builder.add_barrier(instance.id)
        for instance in topology.instances.values()
    }
    if parameters.get("run_by_dependency_order"):
        order = sources_first if reverse else targets_first
        order(builder, topology, steps)
    return builder.build()


def _steps(
    builder: GraphBuilder,
    instance: Instance,
    operation: Operation | None,
    name: str,
    inputs: Mapping[str, Json] | None,
    target_state: State | None,
) -> SequenceBuilder:
    may_set = target_state is not None and _may_enter(instance, target_state)
    states = [SetState(instance.id, target_state)] if target_state is not None and may_set else []
    if operation is None:
        return builder.add_task(instance.id, states[0]) if states else builder.add_barrier(instance.id)
    suffix = f" (Operation parameters: {dict(inputs)})" if inputs else ""
    steps = builder.add_subgraph(instance.id)
    steps.add(
        NodeEvent(instance.id, f"Starting operation {name}{suffix}"),
        operation,
        *states,
        NodeEvent(instance.id, f"Finished operation {name}"),
    )
    return steps


def _may_enter(instance: Instance, state: State) -> bool:
    """Tell whether an instance without the operation changes its state: not if it was never installed."""
    installed = {State.STARTED, State.STOPPED, State.STARTING, State.STOPPING, State.CONFIGURED, State.CREATED}
    return instance.state in installed and instance.state != state

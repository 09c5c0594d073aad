"""execute_operation and the workflows that are one operation on many instances: start, stop, restart."""

from collections.abc import Mapping
from typing import Any

from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.graph import Drawing, Graph, Sequence
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.selection import select, some_of
from cfy_cli.manager.engine.tasks import Note
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows.context import Graphs, WorkflowContext
from cfy_cli.manager.engine.workflows.order import sources_first, targets_first

Json = Any

START = "cloudify.interfaces.lifecycle.start"
STOP = "cloudify.interfaces.lifecycle.stop"


def execute_operation(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    topology, name = ctx.look(), parameters.get("operation")
    if not isinstance(name, str) or not name:
        raise Invalid("The parameter operation must name an operation, such as cloudify.interfaces.lifecycle.start.")
    chosen = select(topology, parameters)
    if not any(topology.declares(instance, name) for instance in chosen):
        known = {operation for instance in chosen for operation in topology.node(instance)["operations"]}
        raise Invalid(
            f"None of the selected node instances has the operation {name}; "
            f"they have {some_of({operation for operation in known if '.' in operation}, most=60)}."
        )
    yield _draw(
        topology,
        name,
        chosen,
        parameters,
        parameters.get("operation_kwargs"),
        override=bool(parameters.get("allow_kwargs_override")),
    )


def start(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    topology = ctx.look()
    yield _draw(topology, START, select(topology, parameters), parameters, parameters.get("operation_parms"))


def stop(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    """Those that depend on others stop before them."""
    topology = ctx.look()
    yield _draw(
        topology, STOP, select(topology, parameters), parameters, parameters.get("operation_parms"), backwards=True
    )


def restart(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    yield from stop(ctx, {**parameters, "operation_parms": parameters.get("stop_parms")})
    yield from start(ctx, {**parameters, "operation_parms": parameters.get("start_parms")})


def _draw(
    topology: Topology,
    name: str,
    chosen: list[Instance],
    parameters: Mapping[str, Json],
    inputs: Json,
    *,
    override: bool = True,
    backwards: bool = False,
) -> Graph:
    if inputs is not None and not isinstance(inputs, Mapping):
        raise Invalid(f"The inputs of an operation must be a map of names to values, not {inputs!r}.")
    drawing = Drawing(f"execute_operation_{name}")
    ids = {instance.id for instance in chosen}
    steps = {
        instance.id: _steps(drawing, topology, instance, name, inputs or {}, override)
        if instance.id in ids
        else drawing.knot(instance.id)
        for instance in topology.instances.values()
    }
    if parameters.get("run_by_dependency_order"):
        order = sources_first if backwards else targets_first
        order(drawing, topology, steps)
    return drawing.graph()


def _steps(
    drawing: Drawing, topology: Topology, instance: Instance, name: str, inputs: Mapping[str, Json], override: bool
) -> Sequence:
    operation = topology.operation(instance, name, inputs, override=override)
    if operation is None:
        return drawing.knot(instance.id)
    given = f" (Operation parameters: {dict(inputs)})" if inputs else ""
    steps = drawing.subgraph(instance.id)
    steps.add(
        Note(instance.id, f"Starting operation {name}{given}"),
        operation,
        Note(instance.id, f"Finished operation {name}"),
    )
    return steps

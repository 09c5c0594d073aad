"""Graphs built from the descriptions that workflow processes send."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypedDict

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.states import InstanceState
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.graph import Graph, GraphBuilder, SequenceBuilder
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.tasks import Action, Barrier, NodeEvent, Operation, SetState, Subgraph
from cfy_cli.manager.engine.topology import Link, Topology
from cfy_cli.manager.engine.workflows import update_graphs
from cfy_cli.manager.engine.workflows.heal import add_heal, build_heal
from cfy_cli.manager.engine.workflows.rollback import add_rollback, build_rollback
from cfy_cli.manager.engine.workflows.setup import add_install, add_uninstall, build_install, build_uninstall


class TaskSpec(TypedDict, total=False):
    """A task as a workflow process describes it; which fields it has depends on its `kind`."""

    kind: str  # operation, local, event, state, subgraph, instance, lifecycle, barrier
    id: str
    depends_on: list[str]
    subgraph_id: str | None  # the subgraph that contains the task
    has_handler: bool  # the workflow process handles the end of the task
    name: str
    max_retries: int | None
    retry_interval: float | None  # seconds
    quiet: bool
    instance_id: str
    operation: str
    relationship: tuple[str, str] | None  # the ids of source and target, for an operation of a relationship
    inputs: JsonObject
    message: str
    state: str
    ignore_failure: bool
    action: str  # install, uninstall, rollback, heal, update
    instance_ids: list[str]
    related_ids: list[str]
    relationships: list[tuple[str, str]]  # between related instances: run only the operations of these


LOCAL_PLUGIN = "workflow process"  # stands for the plugin of tasks that the workflow process runs itself


def build_graph(name: str, specs: Sequence[TaskSpec], topology: Topology) -> Graph:
    """Build the graph of the described tasks. Raises Invalid for unknown node instances, relationships and states."""
    builder, lifecycles = GraphBuilder(name), list[Graph]()
    for spec in specs:
        if spec["kind"] == "lifecycle":
            lifecycles.append(_lifecycle(spec, topology))
            builder.put(spec["id"], Barrier(), spec["subgraph_id"])
        else:
            builder.put(spec["id"], _action(spec, topology), spec["subgraph_id"])
            if spec["kind"] == "instance":
                _add_instance_steps(SequenceBuilder(builder, spec["id"]), spec, topology)
    for spec in specs:
        builder.add_dependencies(spec["id"], spec["depends_on"])
    tasks = {key: task for graph in lifecycles for key, task in graph.tasks.items()}
    return Graph(name, {**builder.build().tasks, **tasks})


def _action(spec: TaskSpec, topology: Topology) -> Action:
    match spec["kind"]:
        case "operation":
            return _operation(spec, topology)
        case "local":
            return _with_retries(spec, Operation(spec["name"], LOCAL_PLUGIN, spec["name"], "", ""))
        case "event":
            return NodeEvent(_instance(topology, spec["instance_id"]).id, str(spec["message"]))
        case "state":
            return SetState(_instance(topology, spec["instance_id"]).id, parse_state(spec["state"]))
        case "subgraph" | "instance":
            return Subgraph(spec["name"], has_handler=spec["has_handler"])
        case _:
            return Barrier()


def parse_state(text: str) -> InstanceState:
    try:
        return InstanceState(text)
    except ValueError:
        raise Invalid(
            f"{text!r} is not a state of node instances; the states are {', '.join(InstanceState)}."
        ) from None


def _operation(spec: TaskSpec, topology: Topology) -> Operation:
    instance, name = _instance(topology, spec["instance_id"]), spec["operation"]
    if spec["relationship"] is None:
        operation = topology.operation(instance, name, spec["inputs"])
    else:
        operation = topology.link_operation(_link(topology, *spec["relationship"]), name, instance, spec["inputs"])
    if operation is None:
        raise Invalid(f"The node instance {instance.id} does not implement {name}.")
    return _with_retries(spec, operation)


def _with_retries(spec: TaskSpec, operation: Operation) -> Operation:
    """Apply the retry settings of the workflow, which take precedence over those of the blueprint."""
    max_retries, interval = spec["max_retries"], spec["retry_interval"]
    return replace(
        operation,
        quiet=spec["quiet"],
        has_handler=spec["has_handler"],
        max_retries=operation.max_retries if max_retries is None else max_retries,
        retry_interval=operation.retry_interval if interval is None else interval,
    )


def _instance(topology: Topology, instance_id: str) -> Instance:
    if instance_id not in topology.instances:
        raise Invalid(f"There is no node instance {instance_id} in this deployment.")
    return topology.instances[instance_id]


def _link(topology: Topology, source_id: str, target_id: str) -> Link:
    for link in topology.links(_instance(topology, source_id)):
        if link.target.id == target_id:
            return link
    raise Invalid(f"There is no relationship from {source_id} to {target_id} in this deployment.")


def _add_instance_steps(steps: SequenceBuilder, spec: TaskSpec, topology: Topology) -> None:
    instance, ignore = _instance(topology, spec["instance_id"]), spec["ignore_failure"]
    builders: dict[str, Callable[[], None]] = {
        "install": partial(add_install, steps, topology, instance, {}),
        "uninstall": partial(add_uninstall, steps, topology, instance, ignore_failure=ignore),
        "rollback": partial(add_rollback, steps, topology, instance, ignore_failure=ignore),
        "heal": partial(add_heal, steps, topology, instance),
    }
    builders[spec["action"]]()


def _lifecycle(spec: TaskSpec, topology: Topology) -> Graph:
    selected = {_instance(topology, instance_id).id for instance_id in spec["instance_ids"]}
    neighbours, ignore = set(spec["related_ids"]), spec["ignore_failure"]
    if spec["relationships"]:
        name = "establish" if spec["action"] == "install" else "unlink"
        pairs = {(source, target) for source, target in spec["relationships"]}
        return update_graphs.build_relationships(topology, pairs, name, name)
    builders: dict[str, Callable[[], Graph]] = {
        "install": partial(build_install, topology, selected, neighbours=neighbours),
        "uninstall": partial(build_uninstall, topology, selected, ignore_failure=ignore, neighbours=neighbours),
        "rollback": partial(build_rollback, topology, selected, ignore_failure=ignore, neighbours=neighbours),
        "heal": partial(build_heal, topology, selected),
        "update": partial(update_graphs.build_update, topology, selected),
    }
    return builders[spec["action"]]()

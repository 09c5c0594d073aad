"""Graphs as the process of a workflow describes them, in JSON, made into ours."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from cfy_cli.contract.states import InstanceState
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.graph import Graph, GraphBuilder
from cfy_cli.manager.engine.graph import SequenceBuilder as Steps
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.tasks import Action, Barrier, NodeEvent, Operation, SetState, Subgraph
from cfy_cli.manager.engine.topology import Link, Topology
from cfy_cli.manager.engine.workflows import updating
from cfy_cli.manager.engine.workflows.heal import draw_heal, heal_one
from cfy_cli.manager.engine.workflows.rollback import draw_rollback, roll_back_one
from cfy_cli.manager.engine.workflows.setup import draw_install, draw_uninstall, install_one, uninstall_one

Json = Any
TaskSpec = Mapping[
    str, Json
]  # a task of the workflow: `kind`, `id`, `after`, `part_of`, `handled`, and what the kind needs

HERE = "workflow process"  # stands where a plugin does: what is run by the process of the workflow itself


def graph_of(name: str, wishes: Sequence[TaskSpec], topology: Topology) -> Graph:
    """Raises Invalid for what cannot be done."""
    builder, more = GraphBuilder(name), list[Graph]()
    for wish in wishes:
        if wish["kind"] == "lifecycle":
            more.append(_lifecycle(wish, topology))
            builder.put(wish["id"], Barrier(), wish["part_of"])
        else:
            builder.put(wish["id"], _work(wish, topology), wish["part_of"])
            if wish["kind"] == "instance":
                _draw_instance(Steps(builder, wish["id"]), wish, topology)
    for wish in wishes:
        builder.add_dependencies(wish["id"], wish["after"])
    drawn = builder.build()
    return Graph(name, {**drawn.tasks, **{key: task for graph in more for key, task in graph.tasks.items()}})


def is_all_ours(wishes: Sequence[TaskSpec]) -> bool:
    """Whether nothing in it is the workflow's own, so that what is drawn depends on the state of the instances."""
    return all(wish["kind"] == "lifecycle" for wish in wishes)


def _work(wish: TaskSpec, topology: Topology) -> Action:
    match wish["kind"]:
        case "operation":
            return _operation(wish, topology)
        case "here":
            return _retried(wish, Operation(wish["name"], HERE, wish["name"], "", ""))
        case "note":
            return NodeEvent(_instance(topology, wish["instance_id"]).id, str(wish["message"]))
        case "state":
            return SetState(_instance(topology, wish["instance_id"]).id, state_of(wish["state"]))
        case "subgraph" | "instance":
            return Subgraph(wish["name"], has_handler=bool(wish["handled"]))
        case _:
            return Barrier()


def state_of(text: Json) -> InstanceState:
    try:
        return InstanceState(text)
    except ValueError:
        raise Invalid(f"A node instance cannot be {text!r}; it is one of {', '.join(InstanceState)}.") from None


def _operation(wish: TaskSpec, topology: Topology) -> Operation:
    instance, name = _instance(topology, wish["instance_id"]), wish["operation"]
    if wish["ends"] is None:
        found = topology.operation(instance, name, wish["inputs"])
    else:
        found = topology.link_operation(_link(topology, *wish["ends"]), name, instance, wish["inputs"])
    if found is None:
        raise Invalid(f"The node instance {instance.id} has nothing to run for {name}.")
    return _retried(wish, found)


def _retried(wish: TaskSpec, operation: Operation) -> Operation:
    """What the workflow says about tries comes before what the blueprint does."""
    given = {name: wish[name] for name in ("max_retries", "retry_interval") if wish[name] is not None}
    return replace(operation, quiet=bool(wish["quiet"]), has_handler=bool(wish["handled"]), **given)


def _instance(topology: Topology, instance_id: str) -> Instance:
    if instance_id not in topology.instances:
        raise Invalid(f"There is no node instance {instance_id} in this deployment.")
    return topology.instances[instance_id]


def _link(topology: Topology, source_id: str, target_id: str) -> Link:
    for link in topology.links(_instance(topology, source_id)):
        if link.target.id == target_id:
            return link
    raise Invalid(f"There is no relationship of {source_id} to {target_id} in this deployment.")


def _draw_instance(steps: Steps, wish: TaskSpec, topology: Topology) -> None:
    instance, ignore = _instance(topology, wish["instance_id"]), bool(wish["ignore_failure"])
    draw: dict[str, Callable[[], None]] = {
        "install": partial(install_one, steps, topology, instance, {}),
        "uninstall": partial(uninstall_one, steps, topology, instance, ignore_failure=ignore),
        "rollback": partial(roll_back_one, steps, topology, instance, ignore_failure=ignore),
        "heal": partial(heal_one, steps, topology, instance),
    }
    draw[wish["verb"]]()


def _lifecycle(wish: TaskSpec, topology: Topology) -> Graph:
    chosen = {_instance(topology, one).id for one in wish["chosen"]}
    around, ignore = set(wish["around"]), bool(wish["ignore_failure"])
    if wish["pairs"]:
        verb = "establish" if wish["verb"] == "install" else "unlink"
        return updating.draw_relationships(topology, {(source, target) for source, target in wish["pairs"]}, verb, verb)
    draw: dict[str, Callable[[], Graph]] = {
        "install": partial(draw_install, topology, chosen, around=around),
        "uninstall": partial(draw_uninstall, topology, chosen, ignore_failure=ignore, around=around),
        "rollback": partial(draw_rollback, topology, chosen, ignore_failure=ignore, around=around),
        "heal": partial(draw_heal, topology, chosen),
        "update": partial(updating.draw_update, topology, chosen),
    }
    return draw[wish["verb"]]()

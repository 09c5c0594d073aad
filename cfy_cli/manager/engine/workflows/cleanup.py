"""Cleanup before an install is resumed: delete partially created instances, stop partially started ones."""

from dataclasses import replace

from cfy_cli.contract.states import InstanceState as State
from cfy_cli.manager.engine.graph import Graph, GraphBuilder
from cfy_cli.manager.engine.ports import Instance, StoredGraph
from cfy_cli.manager.engine.resume import CLEANUP
from cfy_cli.manager.engine.tasks import DONE, Action, NodeEvent, Operation
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows.phases import LIFECYCLE

# By the state of an instance: the operation that is about to run again, and the steps that undo it. A step is the
# message before, the operation, and the message after.
Step = tuple[str, str, str]
UNDO: dict[State, tuple[str, tuple[Step, ...]]] = {
    State.CREATING: (
        "create",
        (
            ("Deleting node instance", "delete", "Deleted node instance"),
            ("Postdeleting node instance", "postdelete", "Node instance postdeleted"),
        ),
    ),
    State.STARTING: (
        "start",
        (
            ("Prestopping node instance", "prestop", "Node instance prestopped"),
            ("", "stop", "Stopped node instance"),
        ),
    ),
}


def build_cleanup(topology: Topology, stored: StoredGraph | None) -> Graph | None:
    """Build the cleanup for the graph that is resumed; None when there is nothing to undo. Failures are ignored."""
    builder, is_empty = GraphBuilder(CLEANUP), True
    for instance in topology.instances.values():
        operation, undo = UNDO.get(State(instance.state), ("", ()))
        if stored is None or not _will_run(stored, instance, f"{LIFECYCLE}.{operation}"):
            continue
        steps = [action for step in undo for action in _steps(topology, instance, step)]
        if steps:
            is_empty = False
            builder.add_subgraph(f"{CLEANUP}_{instance.id}").add(
                NodeEvent(instance.id, "Rolling back prior to resuming install"),
                *steps,
                NodeEvent(instance.id, "Finished rolling back, now resuming install"),
            )
    return None if is_empty else builder.build()


def _will_run(stored: StoredGraph, instance: Instance, name: str) -> bool:
    return any(
        isinstance(task.action, Operation)
        and (task.action.instance_id, task.action.name) == (instance.id, name)
        and task.subgraph_id == f"install_{instance.id}"
        and (task.id not in stored.states or stored.states[task.id].state not in DONE)
        for task in stored.graph.tasks.values()
    )


def _steps(topology: Topology, instance: Instance, step: Step) -> list[Action]:
    before, name, after = step
    operation = topology.operation(instance, f"{LIFECYCLE}.{name}")
    if operation is None:
        return []
    events: list[Action] = [NodeEvent(instance.id, before)] if before else []
    return [*events, replace(operation, ignore_failure=True), NodeEvent(instance.id, after)]

"""Before a failed install is resumed: what was half created is deleted, what was half started is stopped."""

from dataclasses import replace

from cfy_cli.contract.states import InstanceState as State
from cfy_cli.manager.engine.graph import Graph, GraphBuilder
from cfy_cli.manager.engine.ports import Instance, StoredGraph
from cfy_cli.manager.engine.resume import CLEANUP
from cfy_cli.manager.engine.tasks import DONE, Action, NodeEvent, Operation
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows.phases import LIFECYCLE

# By the state in which an instance was left: the operation about to run again, and what undoes it: what is said
# before, what is run, what is said after.
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


def draw_cleanup(topology: Topology, kept: StoredGraph | None) -> Graph | None:
    """For the graph that is about to go on; None when there is nothing to undo. A failure to undo stops nobody."""
    builder, drawn = GraphBuilder(CLEANUP), False
    for instance in topology.instances.values():
        operation, undo = UNDO.get(State(instance.state), ("", ()))
        if kept is None or not _will_run(kept, instance, f"{LIFECYCLE}.{operation}"):
            continue
        steps = [one for step in undo for one in _steps(topology, instance, step)]
        if steps:
            drawn = True
            builder.add_subgraph(f"{CLEANUP}_{instance.id}").add(
                NodeEvent(instance.id, "Rolling back prior to resuming install"),
                *steps,
                NodeEvent(instance.id, "Finished rolling back, now resuming install"),
            )
    return builder.build() if drawn else None


def _will_run(kept: StoredGraph, instance: Instance, name: str) -> bool:
    return any(
        isinstance(task.action, Operation)
        and (task.action.instance_id, task.action.name) == (instance.id, name)
        and task.subgraph_id == f"install_{instance.id}"
        and (task.id not in kept.states or kept.states[task.id].state not in DONE)
        for task in kept.graph.tasks.values()
    )


def _steps(topology: Topology, instance: Instance, step: Step) -> list[Action]:
    before, name, after = step
    operation = topology.operation(instance, f"{LIFECYCLE}.{name}")
    if operation is None:
        return []
    said: list[Action] = [NodeEvent(instance.id, before)] if before else []
    return [*said, replace(operation, ignore_failure=True), NodeEvent(instance.id, after)]

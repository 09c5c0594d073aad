"""Installing, uninstalling, healing ... instances as part of a workflow; the manager draws what that takes."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

from ..constants import COMPUTE_NODE_TYPE
from ..workflows.tasks import HandlerResult, WorkflowTask
from ..workflows.tasks_graph import SubgraphTask, TaskDependencyGraph, forkjoin, make_or_get_graph
from ..workflows.workflow_context import ctx as workflow_ctx

__all__ = ["forkjoin", "make_or_get_graph"]  # and all that is below: plugins import these from here too

Json = Any
Ids = dict[str, Collection[str]]


class _Lifecycle(WorkflowTask):
    """All that a verb takes for these instances, and for those related to them."""

    def __init__(self, context: Any, verb: str, **about: Json) -> None:
        super().__init__(context, info=verb)
        self._about = {"verb": verb, **about}

    def described(self) -> dict[str, Json]:
        return {"kind": "lifecycle", **self._about}


class _InstanceSubgraph(SubgraphTask):
    """All that a verb takes for one instance, as a step of a graph."""

    def __init__(self, graph: Any, verb: str, instance: Any, ignore_failure: bool) -> None:
        name = f"install_{instance.id}" if verb == "install" else instance.id
        super().__init__(graph, info={"name": name}, **graph.subgraph_config)
        self._about = {"verb": verb, "instance_id": instance.id, "ignore_failure": ignore_failure}

    def is_nop(self) -> bool:
        return False

    def described(self) -> dict[str, Json]:
        return {"kind": "instance", "name": self.name, **self._about}


class LifecycleProcessor:
    """Does a verb to instances; `related_nodes` are those around them that stay."""

    def __init__(
        self,
        graph: TaskDependencyGraph,
        node_instances: Iterable[Any] | None = None,
        related_nodes: Iterable[Any] | None = None,
        modified_relationship_ids: Ids | None = None,
        ignore_failure: bool = False,
        name_prefix: str = "",
        intact_nodes: Iterable[Any] | None = None,
    ) -> None:
        self.graph = graph
        self.node_instances = set(node_instances or ())
        self.intact_nodes = set(related_nodes or intact_nodes or ())
        self.modified_relationship_ids = modified_relationship_ids or {}
        self.ignore_failure = ignore_failure
        self._name_prefix = name_prefix

    def install(self) -> None:
        self._run("install")

    def uninstall(self) -> None:
        self._run("uninstall")

    def rollback(self) -> None:
        self._run("rollback")

    def heal(self) -> None:
        self._run("heal")

    def update(self) -> None:
        self._run("update")

    def _run(self, verb: str) -> None:
        about = {
            "chosen": sorted(one.id for one in self.node_instances),
            "around": sorted(one.id for one in self.intact_nodes),
            "pairs": sorted(self._pairs()),
            "ignore_failure": self.ignore_failure,
        }
        self.graph.add_task(_Lifecycle(self.graph.ctx, verb, **about))
        self.graph.store(f"{self._name_prefix}{verb}")
        try:
            self.graph.execute()
        finally:
            self.graph.name = None
            for task in [one for one in self.graph.tasks if isinstance(one, _Lifecycle)]:
                self.graph.remove_task(task)

    def _pairs(self) -> Iterable[tuple[str, str]]:
        """Relationships between instances that stay, which come or go with a change of the deployment."""
        for source in self.intact_nodes:
            targets = self.modified_relationship_ids.get(source.node_id, ())
            for link in source.relationships:
                if link.relationship.target_id in targets:
                    yield source.id, link.target_id


def install_node_instances(
    graph: Any, node_instances: Any, related_nodes: Any = None, name_prefix: str = "", **more: Any
) -> None:
    LifecycleProcessor(graph, node_instances, related_nodes, name_prefix=name_prefix, **more).install()


def uninstall_node_instances(
    graph: Any,
    node_instances: Any,
    ignore_failure: bool = False,
    related_nodes: Any = None,
    name_prefix: str = "",
    **more: Any,
) -> None:
    LifecycleProcessor(
        graph, node_instances, related_nodes, ignore_failure=ignore_failure, name_prefix=name_prefix, **more
    ).uninstall()


def reinstall_node_instances(
    graph: Any, node_instances: Any, ignore_failure: bool = False, related_nodes: Any = None, **more: Any
) -> None:
    uninstall_node_instances(graph, node_instances, ignore_failure, related_nodes, "reinstall-", **more)
    workflow_ctx.refresh_node_instances()
    again, around = _anew(node_instances), _anew(related_nodes or ())
    install_node_instances(graph, again, around, "reinstall-", **more)


def rollback_node_instances(
    graph: Any, node_instances: Any, related_nodes: Any = None, name_prefix: str = "", ignore_failure: bool = True
) -> None:
    LifecycleProcessor(
        graph, node_instances, related_nodes, ignore_failure=ignore_failure, name_prefix=name_prefix
    ).rollback()


def heal_node_instances(
    graph: Any, node_instances: Any, related_nodes: Any = None, name_prefix: str = "", ignore_failure: bool = False
) -> None:
    LifecycleProcessor(
        graph, node_instances, related_nodes, ignore_failure=ignore_failure, name_prefix=name_prefix
    ).heal()


def update_node_instances(graph: Any, node_instances: Any, related_nodes: Any = None, name_prefix: str = "") -> None:
    LifecycleProcessor(graph, node_instances, related_nodes, name_prefix=name_prefix).update()


def execute_establish_relationships(
    graph: Any, node_instances: Any, related_nodes: Any = None, modified_relationship_ids: Ids | None = None
) -> None:
    LifecycleProcessor(
        graph,
        related_nodes=node_instances,
        modified_relationship_ids=modified_relationship_ids,
        name_prefix="establish-",
    ).install()


def execute_unlink_relationships(
    graph: Any, node_instances: Any, related_nodes: Any = None, modified_relationship_ids: Ids | None = None
) -> None:
    LifecycleProcessor(
        graph,
        related_nodes=node_instances,
        modified_relationship_ids=modified_relationship_ids,
        name_prefix="unlink-",
    ).uninstall()


def install_node_instance_subgraph(instance: Any, graph: Any, **_more: Any) -> SubgraphTask:
    return _tried_again(_subgraph(instance, graph, "install"), instance, reinstall_node_instance_subgraph)


def uninstall_node_instance_subgraph(instance: Any, graph: Any, ignore_failure: bool = False) -> SubgraphTask:
    task = _subgraph(instance, graph, "uninstall", ignore_failure)
    return task if ignore_failure else _tried_again(task, instance, uninstall_node_instance_subgraph)


def rollback_node_instance_subgraph(instance: Any, graph: Any, ignore_failure: bool = True) -> SubgraphTask:
    return _subgraph(instance, graph, "rollback", ignore_failure)


def heal_node_instance_subgraph(instance: Any, graph: Any, **_more: Any) -> SubgraphTask:
    return _subgraph(instance, graph, "heal")


def reinstall_node_instance_subgraph(instance: Any, graph: Any) -> SubgraphTask:
    around: SubgraphTask = graph.subgraph(f"reinstall_{instance.id}")
    around.sequence().add(
        uninstall_node_instance_subgraph(instance, around), install_node_instance_subgraph(instance, around)
    )
    return _tried_again(around, instance, reinstall_node_instance_subgraph)


def set_send_node_event_on_error_handler(task: WorkflowTask, instance: Any) -> None:
    """Let the failure of a task be told and ignored."""

    def ignore(failed: WorkflowTask) -> HandlerResult:
        instance.send_event(f"Ignoring task {failed.name} failure").apply_async()
        return HandlerResult.ignore()

    task.on_failure = ignore


def is_host_node(node_instance: Any) -> bool:
    return COMPUTE_NODE_TYPE in node_instance.node.type_hierarchy


def _subgraph(instance: Any, graph: Any, verb: str, ignore_failure: bool = False) -> SubgraphTask:
    whole = graph.graph if isinstance(graph, SubgraphTask) else graph
    task = _InstanceSubgraph(whole, verb, instance, ignore_failure)
    graph.add_task(task)
    return task


def _tried_again(task: SubgraphTask, instance: Any, draw: Callable[[Any, Any], SubgraphTask]) -> SubgraphTask:
    """As often as its `total_retries` say; what is a part of something else is tried again with that."""

    def again(failed: SubgraphTask) -> HandlerResult:
        if failed.containing_subgraph is not None or not failed.has_more_tries(result := HandlerResult.retry()):
            return HandlerResult.fail()
        result.retried_task = retried = draw(instance, failed.graph)
        retried.total_retries, retried.current_retries = failed.total_retries, failed.current_retries + 1
        return result

    task.on_failure = again
    return task


def _anew(instances: Iterable[Any]) -> set[Any]:
    return {workflow_ctx.get_node_instance(one.id) for one in instances}

"""Installation, healing and so on of instances as part of a workflow; the manager builds the tasks of each."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, TypedDict, cast

from ..constants import COMPUTE_NODE_TYPE
from ..workflows.nodes import NodeInstance
from ..workflows.tasks import HandlerResult, TaskSpec, WorkflowTask
from ..workflows.tasks_graph import SubgraphTask, TaskDependencyGraph, forkjoin, make_or_get_graph
from ..workflows.workflow_context import ctx as workflow_ctx

if TYPE_CHECKING:
    from typing import Unpack

    from ..workflows.workflow_context import CloudifyWorkflowContext

__all__ = ["forkjoin", "make_or_get_graph"]  # and everything below: plugins import these from here too

Instances = Iterable[NodeInstance]
Graph = TaskDependencyGraph | SubgraphTask
ModifiedRelationships = Mapping[str, Collection[str]]  # the target nodes by the source node


class LifecycleOptions(TypedDict, total=False):
    modified_relationship_ids: ModifiedRelationships | None
    ignore_failure: bool
    intact_nodes: Instances | None


class _LifecycleTask(WorkflowTask):
    """All tasks of an action on some instances and on the instances related to them."""

    def __init__(self, context: "CloudifyWorkflowContext", action: str, **fields: object) -> None:
        super().__init__(context, info=action)
        self._fields = {"action": action, **fields}

    def to_spec(self) -> TaskSpec:
        return {"kind": "lifecycle", **self._fields}


class _InstanceSubgraph(SubgraphTask):
    """All tasks of an action on one instance, as a subgraph."""

    def __init__(self, graph: TaskDependencyGraph, action: str, instance: NodeInstance, ignore_failure: bool) -> None:
        name = f"install_{instance.id}" if action == "install" else instance.id
        super().__init__(graph, info={"name": name}, **graph.subgraph_config)
        self._fields = {"action": action, "instance_id": instance.id, "ignore_failure": ignore_failure}

    def is_nop(self) -> bool:
        return False

    def to_spec(self) -> TaskSpec:
        return {"kind": "instance", "name": self.name, **self._fields}


class LifecycleProcessor:
    """Runs actions on instances; `related_nodes` are instances related to them, which stay."""

    def __init__(
        self,
        graph: TaskDependencyGraph,
        node_instances: Instances | None = None,
        related_nodes: Instances | None = None,
        modified_relationship_ids: ModifiedRelationships | None = None,
        ignore_failure: bool = False,
        name_prefix: str = "",
        intact_nodes: Instances | None = None,
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

    def _run(self, action: str) -> None:
        task = _LifecycleTask(
            self.graph.ctx,
            action,
            instance_ids=sorted(instance.id for instance in self.node_instances),
            related_ids=sorted(instance.id for instance in self.intact_nodes),
            relationships=sorted(self._modified_relationships()),
            ignore_failure=self.ignore_failure,
        )
        self.graph.add_task(task)
        self.graph.store(f"{self._name_prefix}{action}")
        try:
            self.graph.execute()
        finally:
            self.graph.name = None
            for task in [task for task in self.graph.tasks if isinstance(task, _LifecycleTask)]:
                self.graph.remove_task(task)

    def _modified_relationships(self) -> Iterable[tuple[str, str]]:
        """Yield the relationships between instances that stay which a change of the deployment adds or removes."""
        for source in self.intact_nodes:
            targets = self.modified_relationship_ids.get(source.node_id, ())
            for link in source.relationships:
                if link.relationship.target_id in targets:
                    yield source.id, link.target_id


def install_node_instances(
    graph: TaskDependencyGraph,
    node_instances: Instances,
    related_nodes: Instances | None = None,
    name_prefix: str = "",
    **options: "Unpack[LifecycleOptions]",
) -> None:
    LifecycleProcessor(graph, node_instances, related_nodes, name_prefix=name_prefix, **options).install()


def uninstall_node_instances(
    graph: TaskDependencyGraph,
    node_instances: Instances,
    ignore_failure: bool = False,
    related_nodes: Instances | None = None,
    name_prefix: str = "",
    modified_relationship_ids: ModifiedRelationships | None = None,
    intact_nodes: Instances | None = None,
) -> None:
    LifecycleProcessor(
        graph, node_instances, related_nodes, modified_relationship_ids, ignore_failure, name_prefix, intact_nodes
    ).uninstall()


def reinstall_node_instances(
    graph: TaskDependencyGraph,
    node_instances: Instances,
    ignore_failure: bool = False,
    related_nodes: Instances | None = None,
    modified_relationship_ids: ModifiedRelationships | None = None,
    intact_nodes: Instances | None = None,
) -> None:
    modified, intact = modified_relationship_ids, intact_nodes
    uninstall_node_instances(graph, node_instances, ignore_failure, related_nodes, "reinstall-", modified, intact)
    workflow_ctx.refresh_node_instances()
    instances, related = _refreshed(node_instances), _refreshed(related_nodes or ())
    LifecycleProcessor(graph, instances, related, modified, name_prefix="reinstall-", intact_nodes=intact).install()


def rollback_node_instances(
    graph: TaskDependencyGraph,
    node_instances: Instances,
    related_nodes: Instances | None = None,
    name_prefix: str = "",
    ignore_failure: bool = True,
) -> None:
    LifecycleProcessor(
        graph, node_instances, related_nodes, ignore_failure=ignore_failure, name_prefix=name_prefix
    ).rollback()


def heal_node_instances(
    graph: TaskDependencyGraph,
    node_instances: Instances,
    related_nodes: Instances | None = None,
    name_prefix: str = "",
    ignore_failure: bool = False,
) -> None:
    LifecycleProcessor(
        graph, node_instances, related_nodes, ignore_failure=ignore_failure, name_prefix=name_prefix
    ).heal()


def update_node_instances(
    graph: TaskDependencyGraph,
    node_instances: Instances,
    related_nodes: Instances | None = None,
    name_prefix: str = "",
) -> None:
    LifecycleProcessor(graph, node_instances, related_nodes, name_prefix=name_prefix).update()


def execute_establish_relationships(
    graph: TaskDependencyGraph,
    node_instances: Instances,
    related_nodes: Instances | None = None,
    modified_relationship_ids: ModifiedRelationships | None = None,
) -> None:
    LifecycleProcessor(
        graph,
        related_nodes=node_instances,
        modified_relationship_ids=modified_relationship_ids,
        name_prefix="establish-",
    ).install()


def execute_unlink_relationships(
    graph: TaskDependencyGraph,
    node_instances: Instances,
    related_nodes: Instances | None = None,
    modified_relationship_ids: ModifiedRelationships | None = None,
) -> None:
    LifecycleProcessor(
        graph,
        related_nodes=node_instances,
        modified_relationship_ids=modified_relationship_ids,
        name_prefix="unlink-",
    ).uninstall()


def install_node_instance_subgraph(instance: NodeInstance, graph: Graph, **_kwargs: object) -> SubgraphTask:
    return _with_retries(_add_subgraph(instance, graph, "install"), instance, reinstall_node_instance_subgraph)


def uninstall_node_instance_subgraph(
    instance: NodeInstance, graph: Graph, ignore_failure: bool = False
) -> SubgraphTask:
    task = _add_subgraph(instance, graph, "uninstall", ignore_failure)
    return task if ignore_failure else _with_retries(task, instance, uninstall_node_instance_subgraph)


def rollback_node_instance_subgraph(instance: NodeInstance, graph: Graph, ignore_failure: bool = True) -> SubgraphTask:
    return _add_subgraph(instance, graph, "rollback", ignore_failure)


def heal_node_instance_subgraph(instance: NodeInstance, graph: Graph, **_kwargs: object) -> SubgraphTask:
    return _add_subgraph(instance, graph, "heal")


def reinstall_node_instance_subgraph(instance: NodeInstance, graph: Graph) -> SubgraphTask:
    subgraph = graph.subgraph(f"reinstall_{instance.id}")
    subgraph.sequence().add(
        uninstall_node_instance_subgraph(instance, subgraph), install_node_instance_subgraph(instance, subgraph)
    )
    return _with_retries(subgraph, instance, reinstall_node_instance_subgraph)


def set_send_node_event_on_error_handler(task: WorkflowTask, instance: NodeInstance) -> None:
    """Ignore a failure of the task and emit an event about it."""

    def ignore(failed: WorkflowTask) -> HandlerResult:
        cast(WorkflowTask, instance.send_event(f"Ignoring task {failed.name} failure")).apply_async()
        return HandlerResult.ignore()

    task.on_failure = ignore


def is_host_node(node_instance: NodeInstance) -> bool:
    return COMPUTE_NODE_TYPE in node_instance.node.type_hierarchy


def _add_subgraph(instance: NodeInstance, graph: Graph, action: str, ignore_failure: bool = False) -> SubgraphTask:
    whole_graph = graph.graph if isinstance(graph, SubgraphTask) else graph
    task = _InstanceSubgraph(whole_graph, action, instance, ignore_failure)
    graph.add_task(task)
    return task


def _with_retries(
    task: SubgraphTask, instance: NodeInstance, build: Callable[[NodeInstance, Graph], SubgraphTask]
) -> SubgraphTask:
    """Let a failed subgraph be replaced by another until its `total_retries` are used up.

    A subgraph inside another is retried together with that one.
    """

    def retry(failed: SubgraphTask) -> HandlerResult:
        result = HandlerResult.retry()
        if failed.containing_subgraph is not None or not failed.can_retry(result):
            return HandlerResult.fail()
        result.retried_task = retried = build(instance, failed.graph)
        retried.total_retries, retried.current_retries = failed.total_retries, failed.current_retries + 1
        return result

    task.on_failure = retry
    return task


def _refreshed(instances: Instances) -> set[NodeInstance]:
    current = (workflow_ctx.get_node_instance(instance.id) for instance in instances)
    return {instance for instance in current if instance is not None}

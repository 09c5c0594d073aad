"""Nodes, node instances and relationships as workflows see them."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..logs import create_logger
from ..messages import InstanceRelationship, Json, JsonObject, ScalingGroupInstance
from ..rest_items import Item
from .tasks import (
    GetNodeInstanceStateTask,
    NOPLocalWorkflowTask,
    RemoteWorkflowTask,
    SendNodeEventTask,
    SetNodeInstanceStateTask,
    TaskOrResult,
)

if TYPE_CHECKING:
    from logging import Logger

    from .workflow_context import CloudifyWorkflowContext

CONTAINED_IN = "cloudify.relationships.contained_in"
Operations = Mapping[str, Mapping[str, Any]]  # the plan's operations by name


class Relationship:
    """A relationship of a node."""

    def __init__(self, node: "Node", relationship: Item) -> None:
        self.ctx, self.node, self._relationship = node.ctx, node, relationship
        self.type: str = relationship["type"]
        self.target_id: str = relationship["target_id"]
        self.source_operations: Operations = relationship["source_operations"]
        self.target_operations: Operations = relationship["target_operations"]
        self.properties: JsonObject = relationship.get("properties") or {}

    @property
    def target_node(self) -> "Node | None":
        return self.node._deployment.get_node(self.target_id)

    def is_derived_from(self, other_relationship: str) -> bool:
        return other_relationship in self._relationship["type_hierarchy"]


class Node:
    id: str
    type: str
    type_hierarchy: list[str]
    properties: JsonObject
    operations: Operations
    host_id: str | None
    number_of_instances: int
    planned_number_of_instances: int
    plugins: list[JsonObject]
    plugins_to_install: list[JsonObject]

    def __init__(self, ctx: "CloudifyWorkflowContext", node: Item, deployment: "NodesAndInstances") -> None:
        self.ctx, self._node, self._deployment = ctx, node, deployment
        self._relationships = [Relationship(self, Item(relationship)) for relationship in node["relationships"]]
        self._node_instances: dict[str, NodeInstance] = {}

    def __repr__(self) -> str:
        return f"<Node {self.id}>"

    def __getattr__(self, name: str) -> object:
        if name in Node.__annotations__:
            return self._node[name]
        raise AttributeError(f"a node has no {name}")

    @property
    def host_node(self) -> "Node | None":
        return None if self.host_id is None else self._deployment.get_node(self.host_id)

    @property
    def relationships(self) -> Iterator[Relationship]:
        return iter(self._relationships)

    @property
    def instances(self) -> Iterator["NodeInstance"]:
        return iter(list(self._node_instances.values()))

    def has_operation(self, operation_interface: str) -> bool:
        plan = self.operations.get(operation_interface)
        return bool(plan and plan.get("operation"))

    def get_relationship(self, target_id: str) -> Relationship | None:
        return next((link for link in self._relationships if link.target_id == target_id), None)


class RelationshipInstance:
    """A relationship between two instances."""

    def __init__(self, source: "NodeInstance", stored: InstanceRelationship, relationship: Relationship) -> None:
        self.ctx, self.node_instance, self.relationship = source.ctx, source, relationship
        self.type = stored["type"]
        self.source_id = source.id
        self.target_id = stored["target_id"]

    def __repr__(self) -> str:
        return f"<Relationship {self.source_id}->{self.target_id} ({self.type})>"

    @property
    def target_node_instance(self) -> "NodeInstance | None":
        return self.node_instance._deployment.get_node_instance(self.target_id)

    def execute_source_operation(
        self,
        operation: str,
        kwargs: JsonObject | None = None,
        allow_kwargs_override: bool = False,
        send_task_events: bool = True,
    ) -> TaskOrResult:
        return execute(
            self.node_instance,
            self.relationship.source_operations,
            (self.source_id, self.target_id),
            operation,
            kwargs,
            allow_kwargs_override,
            send_task_events,
        )

    def execute_target_operation(
        self,
        operation: str,
        kwargs: JsonObject | None = None,
        allow_kwargs_override: bool = False,
        send_task_events: bool = True,
    ) -> TaskOrResult:
        target = self.target_node_instance
        assert target is not None, "the target of a relationship exists"
        return execute(
            target,
            self.relationship.target_operations,
            (self.source_id, self.target_id),
            operation,
            kwargs,
            allow_kwargs_override,
            send_task_events,
        )


class NodeInstance:
    """A node instance as it was when it was read; `ctx.refresh_node_instances` reads all instances again."""

    id: str
    node_id: str
    deployment_id: str
    state: str
    version: int
    index: int
    host_id: str | None
    runtime_properties: JsonObject
    system_properties: JsonObject
    scaling_groups: list[ScalingGroupInstance]

    def __init__(self, node: Node, instance: Item, deployment: "NodesAndInstances") -> None:
        self.ctx, self._node, self._node_instance, self._deployment = node.ctx, node, instance, deployment
        self._contained: list[NodeInstance] = []
        self._relationships = [
            RelationshipInstance(self, stored, relationship)
            for stored in instance["relationships"]
            if (relationship := _find_relationship(node, stored)) is not None
        ]
        node._node_instances[self.id] = self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NodeInstance) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<NodeInstance {self.id} ({self.state})>"

    def __getattr__(self, name: str) -> object:
        if name in NodeInstance.__annotations__:
            return self._node_instance[name]
        raise AttributeError(f"a node instance has no {name}")

    @property
    def node(self) -> Node:
        return self._node

    @property
    def modification(self) -> str | None:
        """Return `added` or `removed` for an instance that a modification of the deployment adds or removes."""
        return self._node_instance.get("modification")

    @property
    def relationships(self) -> Iterator[RelationshipInstance]:
        return iter(self._relationships)

    @property
    def contained_instances(self) -> list["NodeInstance"]:
        return self._contained

    def get_contained_subgraph(self) -> set["NodeInstance"]:
        """Return the instance and all instances contained in it, at any depth."""
        return {self}.union(*(contained.get_contained_subgraph() for contained in self._contained))

    @cached_property
    def logger(self) -> "Logger":
        return create_logger(self.ctx.internal.connection, self.id, instance_id=self.id)

    def execute_operation(
        self,
        operation: str,
        kwargs: JsonObject | None = None,
        allow_kwargs_override: bool = False,
        send_task_events: bool = True,
    ) -> TaskOrResult:
        """Return a task in graph mode; otherwise start the operation and return its future result."""
        return execute(self, self.node.operations, None, operation, kwargs, allow_kwargs_override, send_task_events)

    def set_state(self, state: str) -> TaskOrResult:
        return self.ctx.internal.process_task(
            SetNodeInstanceStateTask(self.ctx, info=state, instance_id=self.id, state=state)
        )

    def get_state(self) -> TaskOrResult:
        return self.ctx.internal.process_task(GetNodeInstanceStateTask(self.ctx, info=self.id, instance_id=self.id))

    def send_event(self, event: str, additional_context: Json = None) -> TaskOrResult:
        return self.ctx.internal.process_task(
            SendNodeEventTask(
                self.ctx, info=event, instance_id=self.id, message=str(event), event_type="workflow_node_event"
            )
        )


class NodesAndInstances:
    """All nodes and instances of a deployment, or those of a modification."""

    def __init__(self, ctx: "CloudifyWorkflowContext", nodes: Iterable[Item], instances: Iterable[Item]) -> None:
        self._nodes = {node["id"]: Node(ctx, node, self) for node in nodes}
        self._instances = {item["id"]: NodeInstance(self._nodes[item["node_id"]], item, self) for item in instances}
        for instance in self._instances.values():
            for link in instance.relationships:
                container = link.target_node_instance
                if container is not None and link.relationship.is_derived_from(CONTAINED_IN):
                    container._contained.append(instance)

    @property
    def nodes(self) -> Iterator[Node]:
        return iter(self._nodes.values())

    @property
    def node_instances(self) -> Iterator[NodeInstance]:
        return iter(self._instances.values())

    def get_node(self, node_id: str) -> Node | None:
        return self._nodes.get(node_id)

    def get_node_instance(self, node_instance_id: str) -> NodeInstance | None:
        return self._instances.get(node_instance_id)


def execute(
    instance: NodeInstance,
    operations: Operations,
    relationship: tuple[str, str] | None,
    operation: str,
    kwargs: JsonObject | None,
    allow_kwargs_override: bool,
    send_task_events: bool,
) -> TaskOrResult:
    """Run an operation of an instance or, for one of its ends, of a relationship between two.

    Raises RuntimeError when an argument would replace an input of the operation and that is not allowed.
    """
    ctx = instance.ctx
    plan = operations.get(operation)
    if not plan or not plan.get("operation"):
        return ctx.internal.process_task(NOPLocalWorkflowTask(ctx))
    duplicates = sorted(set(kwargs or {}) & set(plan.get("inputs") or {}))
    if duplicates and not allow_kwargs_override:
        raise RuntimeError(
            f"The operation {operation} of {instance.node_id} already has the input {', '.join(duplicates)}. "
            "Pass allow_kwargs_override=True to replace inputs of an operation."
        )
    task = RemoteWorkflowTask(
        ctx,
        operation=operation,
        function=plan["operation"],
        instance=instance,
        kwargs=dict(kwargs or {}),
        relationship=relationship,
        send_task_events=send_task_events,
    )
    return ctx.internal.process_task(task)


def _find_relationship(node: Node, stored: InstanceRelationship) -> Relationship | None:
    for relationship in node.relationships:
        if (relationship.type, relationship.target_id) == (stored["type"], stored["target_name"]):
            return relationship
    return None

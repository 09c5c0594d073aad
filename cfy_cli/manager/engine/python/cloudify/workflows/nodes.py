"""Nodes, their instances and relationships, as a workflow sees them."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..logs import logger
from ..rest import Item
from .tasks import (
    GetNodeInstanceStateTask,
    NOPLocalWorkflowTask,
    RemoteWorkflowTask,
    SendNodeEventTask,
    SetNodeInstanceStateTask,
)

if TYPE_CHECKING:
    from logging import Logger

Json = Any
CONTAINED_IN = "cloudify.relationships.contained_in"


class Relationship:
    """Of a node."""

    def __init__(self, node: "Node", relationship: Item) -> None:
        self.ctx, self.node, self._relationship = node.ctx, node, relationship
        self.type: str = relationship["type"]
        self.target_id: str = relationship["target_id"]
        self.source_operations: dict[str, Json] = relationship["source_operations"]
        self.target_operations: dict[str, Json] = relationship["target_operations"]
        self.properties: dict[str, Json] = relationship.get("properties") or {}

    @property
    def target_node(self) -> "Node | None":
        return self.node._deployment.get_node(self.target_id)

    def is_derived_from(self, other_relationship: str) -> bool:
        return other_relationship in self._relationship["type_hierarchy"]


class Node:
    def __init__(self, ctx: Any, node: Item, deployment: "NodesAndInstances") -> None:
        self.ctx, self._node, self._deployment = ctx, node, deployment
        self._relationships = [Relationship(self, Item(one)) for one in node["relationships"]]
        self._node_instances: dict[str, NodeInstance] = {}

    def __repr__(self) -> str:
        return f"<Node {self.id}>"

    def __getattr__(self, name: str) -> Json:
        if name in ("id", "type", "type_hierarchy", "properties", "plugins", "host_id", "operations"):
            return self._node[name]
        if name in ("number_of_instances", "planned_number_of_instances", "plugins_to_install"):
            return self._node[name]
        raise AttributeError(f"a node has no {name}")

    @property
    def host_node(self) -> "Node | None":
        return self._deployment.get_node(self.host_id)

    @property
    def relationships(self) -> Iterator[Relationship]:
        return iter(self._relationships)

    @property
    def instances(self) -> Iterator["NodeInstance"]:
        return iter(list(self._node_instances.values()))

    def has_operation(self, operation_interface: str) -> bool:
        return bool((self.operations.get(operation_interface) or {}).get("operation"))

    def get_relationship(self, target_id: str) -> Relationship | None:
        return next((one for one in self._relationships if one.target_id == target_id), None)


class RelationshipInstance:
    """Between two instances."""

    def __init__(self, source: "NodeInstance", stored: dict[str, Json], relationship: Relationship) -> None:
        self.ctx, self.node_instance, self.relationship = source.ctx, source, relationship
        self.type: str = stored["type"]
        self.source_id = source.id
        self.target_id: str = stored["target_id"]

    def __repr__(self) -> str:
        return f"<Relationship {self.source_id}->{self.target_id} ({self.type})>"

    @property
    def target_node_instance(self) -> "NodeInstance | None":
        return self.node_instance._deployment.get_node_instance(self.target_id)

    def execute_source_operation(
        self,
        operation: str,
        kwargs: dict[str, Json] | None = None,
        allow_kwargs_override: bool = False,
        send_task_events: bool = True,
    ) -> Any:
        return self._execute(
            self.node_instance,
            self.relationship.source_operations,
            operation,
            kwargs,
            allow_kwargs_override,
            send_task_events,
        )

    def execute_target_operation(
        self,
        operation: str,
        kwargs: dict[str, Json] | None = None,
        allow_kwargs_override: bool = False,
        send_task_events: bool = True,
    ) -> Any:
        return self._execute(
            self.target_node_instance,
            self.relationship.target_operations,
            operation,
            kwargs,
            allow_kwargs_override,
            send_task_events,
        )

    def _execute(self, instance: Any, operations: dict[str, Json], *more: Any) -> Any:
        return execute(self.ctx, instance, operations, (self.source_id, self.target_id), *more)


class NodeInstance:
    """As it stood when it was read; `ctx.refresh_node_instances` reads all anew."""

    def __init__(self, node: Node, instance: Item, deployment: "NodesAndInstances") -> None:
        self.ctx, self._node, self._node_instance, self._deployment = node.ctx, node, instance, deployment
        self._contained: list[NodeInstance] = []
        self._relationships = [
            RelationshipInstance(self, one, relationship)
            for one in instance["relationships"]
            if (relationship := _of_type(node, one)) is not None
        ]
        node._node_instances[self.id] = self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NodeInstance) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<NodeInstance {self.id} ({self.state})>"

    def __getattr__(self, name: str) -> Json:
        if name in ("id", "state", "version", "node_id", "index", "host_id", "deployment_id"):
            return self._node_instance[name]
        if name in ("runtime_properties", "system_properties", "scaling_groups"):
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
        """It and all that is in it, however deep."""
        return {self}.union(*(inside.get_contained_subgraph() for inside in self._contained))

    @cached_property
    def logger(self) -> "Logger":
        return logger(self.ctx.internal.connection, self.id, instance_id=self.id)

    def execute_operation(
        self,
        operation: str,
        kwargs: dict[str, Json] | None = None,
        allow_kwargs_override: bool = False,
        send_task_events: bool = True,
    ) -> Any:
        """A task in graph mode, else the result to come of one that runs already."""
        return execute(
            self.ctx, self, self.node.operations, None, operation, kwargs, allow_kwargs_override, send_task_events
        )

    def set_state(self, state: str) -> Any:
        return self.ctx.internal.process(
            SetNodeInstanceStateTask(self.ctx, info=state, instance_id=self.id, state=state)
        )

    def get_state(self) -> Any:
        return self.ctx.internal.process(GetNodeInstanceStateTask(self.ctx, info=self.id, instance_id=self.id))

    def send_event(self, event: str, additional_context: Json = None) -> Any:
        return self.ctx.internal.process(
            SendNodeEventTask(
                self.ctx, info=event, instance_id=self.id, message=str(event), event_type="workflow_node_event"
            )
        )


class NodesAndInstances:
    """Of a deployment, or those of it that a modification is about."""

    def __init__(self, ctx: Any, nodes: Iterable[Item], instances: Iterable[Item]) -> None:
        self._nodes = {node["id"]: Node(ctx, node, self) for node in nodes}
        self._instances = {one["id"]: NodeInstance(self._nodes[one["node_id"]], one, self) for one in instances}
        for instance in self._instances.values():
            for link in instance.relationships:
                holder = link.target_node_instance
                if holder is not None and link.relationship.is_derived_from(CONTAINED_IN):
                    holder._contained.append(instance)

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
    ctx: Any,
    instance: Any,
    operations: dict[str, Json],
    ends: tuple[str, str] | None,
    operation: str,
    kwargs: dict[str, Json] | None,
    allow_kwargs_override: bool,
    send_task_events: bool,
) -> Any:
    """Raises RuntimeError when an argument replaces an input of the operation without leave."""
    plan = operations.get(operation) or {}
    if not plan.get("operation"):
        return ctx.internal.process(NOPLocalWorkflowTask(ctx))
    twice = sorted(set(kwargs or {}) & set(plan.get("inputs") or {}))
    if twice and not allow_kwargs_override:
        raise RuntimeError(
            f"The operation {operation} of {instance.node_id} already has the input {', '.join(twice)}. "
            "Pass allow_kwargs_override=True to replace inputs of an operation."
        )
    task = RemoteWorkflowTask(
        ctx,
        operation=operation,
        function=plan["operation"],
        instance=instance,
        kwargs=dict(kwargs or {}),
        ends=ends,
        send_task_events=send_task_events,
    )
    return ctx.internal.process(task)


def _of_type(node: Node, stored: dict[str, Json]) -> Relationship | None:
    for one in node.relationships:
        if (one.type, one.target_id) == (stored["type"], stored["target_name"]):
            return one
    return None

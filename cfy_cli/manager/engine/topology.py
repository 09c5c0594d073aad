"""Nodes, instances and relationships of a deployment, joined for the functions that build graphs."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from cfy_cli import dsl
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import (
    DeploymentPlan,
    InstanceRelationship,
    NodePlan,
    OperationPlan,
    RelationshipPlan,
    Schema,
    link_key,
)
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.tasks import DEFAULT_RETRIES, Operation, Retries

T = TypeVar("T")

COMPUTE = "cloudify.nodes.Compute"
CONTAINED_IN = "cloudify.relationships.contained_in"
RELATIONSHIP = "cloudify.interfaces.relationship_lifecycle"
NOT_RETRIED = {  # unless the blueprint declares max_retries: a failure of a check is its answer
    "cloudify.interfaces.validation.check_status",
    "cloudify.interfaces.lifecycle.check_drift",
    f"{RELATIONSHIP}.check_drift",
}


@dataclass(frozen=True, slots=True)
class Link:
    """A relationship between two instances, with its entry in the plan."""

    source: Instance
    target: Instance
    plan: RelationshipPlan


class Topology:
    """A snapshot of the deployment; instances are in the order of the plan.

    The definitions of `former` nodes, and of relationships by their `link_key`, are of a blueprint before an update.
    """

    def __init__(
        self,
        plan: DeploymentPlan,
        instances: list[Instance],
        retries: Retries = DEFAULT_RETRIES,
        *,
        former: Collection[str] = (),
    ) -> None:
        self._retries, self._former = retries, former
        self.nodes: dict[str, NodePlan] = {node["id"]: node for node in plan["nodes"]}
        positions = {node: position for position, node in enumerate(self.nodes)}
        ordered = sorted(
            instances, key=lambda instance: (positions.get(instance.node_id, -1), instance.index, instance.id)
        )
        self.instances = {instance.id: instance for instance in ordered}

    def node(self, instance: Instance) -> NodePlan:
        return self.nodes[instance.node_id]

    def type_hierarchy(self, instance: Instance) -> list[str]:
        return list(self.node(instance)["type_hierarchy"])

    def links(self, instance: Instance) -> list[Link]:
        """Return the relationships of which the instance is the source, in the order of the plan."""
        links = []
        for relationship in instance.relationships:
            target = self.instances.get(relationship["target_id"])
            if target is not None:
                links.append(Link(instance, target, self._relationship_plan(instance, relationship)))
        return links

    def subtree(self, instance_id: str) -> set[str]:
        """Return the ids of the instance and of all instances contained in it, at any depth."""
        found, unvisited = set[str](), [instance_id]
        while unvisited:
            current = unvisited.pop()
            if current not in found:
                found.add(current)
                unvisited += self._contained.get(current, [])
        return found

    @cached_property
    def _contained(self) -> dict[str, list[str]]:
        contained: dict[str, list[str]] = {}
        for instance in self.instances.values():
            for link in self.links(instance):
                if CONTAINED_IN in link.plan["type_hierarchy"]:
                    contained.setdefault(link.target.id, []).append(instance.id)
        return contained

    def declares_operation(self, instance: Instance, name: str) -> bool:
        """Return whether the node declares the operation, with or without an implementation."""
        return name in self.node(instance)["operations"]

    def implemented_operations(self, instance: Instance) -> list[str]:
        """Return the full names of the operations that have an implementation."""
        operations = self.node(instance)["operations"]
        return [name for name, plan in operations.items() if "." in name and plan.get("operation")]

    def operation(
        self, instance: Instance, name: str, inputs: Mapping[str, Json] | None = None, *, override: bool = True
    ) -> Operation | None:
        """Return None when the operation has no implementation.

        `inputs` are added to those of the plan; replacing one of these needs `override`.
        """
        return self._operation(instance, name, self.node(instance)["operations"], inputs or {}, override=override)

    def link_operations(self, link: Link, name: str) -> list[Operation]:
        """Return the operations that the relationship runs for its source and for its target."""
        ends = ((link.source, link.plan["source_operations"]), (link.target, link.plan["target_operations"]))
        found = [self._operation(end, f"{RELATIONSHIP}.{name}", plans, {}, link=link) for end, plans in ends]
        return [operation for operation in found if operation is not None]

    def link_operation(
        self, link: Link, name: str, end: Instance, inputs: Mapping[str, Json] | None = None
    ) -> Operation | None:
        """Return the operation, by its full name, that the relationship runs for one of its ends."""
        plans = link.plan["source_operations" if end.id == link.source.id else "target_operations"]
        return self._operation(end, name, plans, inputs or {}, link=link)

    def _operation(
        self,
        instance: Instance,
        name: str,
        operations: Mapping[str, OperationPlan],
        inputs: Mapping[str, Json],
        *,
        override: bool = True,
        link: Link | None = None,
    ) -> Operation | None:
        plan = operations.get(name)
        if not plan or not plan.get("operation"):
            return None
        duplicates = sorted(set(inputs) & set(plan.get("inputs") or {}))
        if duplicates and not override:
            raise Invalid(
                f"The operation {name} of {instance.node_id} already has the input {', '.join(duplicates)}.",
                hint="Pass allow_kwargs_override=true to replace inputs of an operation.",
            )
        schema = plan.get("inputs_schema") or {}
        if schema and inputs:
            inputs = _check_inputs(instance, name, inputs, schema)
        return Operation(
            name=name,
            plugin=plan["plugin"],
            function=plan["operation"],
            instance_id=instance.id,
            node_id=instance.node_id,
            inputs={**(plan.get("inputs") or {}), **inputs},
            source_id=link.source.id if link else None,
            target_id=link.target.id if link else None,
            executor=plan.get("executor"),
            max_retries=_or_default(plan.get("max_retries"), 0 if name in NOT_RETRIED else self._retries.operation),
            retry_interval=_or_default(plan.get("retry_interval"), self._retries.interval),
            timeout=plan.get("timeout"),
            timeout_recoverable=bool(plan.get("timeout_recoverable")),
            former_node=self._find_former(instance, link),
        )

    def _find_former(self, instance: Instance, link: Link | None) -> str:
        """Return what has an operation of a blueprint before an update: a relationship or a node."""
        if link is None:
            return instance.node_id if instance.node_id in self._former else ""
        key = link_key(link.source.node_id, link.plan["type"], link.plan["target_id"])
        return next((each for each in (key, link.source.node_id) if each in self._former), "")

    def _relationship_plan(self, instance: Instance, relationship: InstanceRelationship) -> RelationshipPlan:
        for plan in self.node(instance)["relationships"]:
            if (plan["type"], plan["target_id"]) == (relationship["type"], relationship["target_name"]):
                return plan
        raise Invalid(
            f"The node instance {instance.id} has a relationship {relationship['type']} to "
            f"{relationship['target_name']}, but the plan of the node {instance.node_id} has none."
        )


def _check_inputs(instance: Instance, name: str, inputs: Mapping[str, Json], schema: Schema) -> JsonObject:
    """Return inputs for an operation, converted to their declared types. Raises Invalid with every problem."""
    try:
        return dsl.check_values(inputs, schema)
    except dsl.InputsInvalid as error:
        message = f"The operation {name} of {instance.node_id} does not take these inputs: {'; '.join(error.problems)}"
        raise Invalid(message) from error


def _or_default(value: T | None, default: T) -> T:
    return default if value is None else value

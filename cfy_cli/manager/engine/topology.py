"""Nodes, instances and relationships of a deployment, joined for those who draw workflows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.tasks import MAX_RETRIES, RETRY_INTERVAL, Operation

Json = Any

COMPUTE = "cloudify.nodes.Compute"
CONTAINED_IN = "cloudify.relationships.contained_in"
RELATIONSHIP = "cloudify.interfaces.relationship_lifecycle"
ASKED_ONCE = {  # not tried again unless the blueprint says so: a failure is an answer
    "cloudify.interfaces.validation.check_status",
    "cloudify.interfaces.lifecycle.check_drift",
    f"{RELATIONSHIP}.check_drift",
}


@dataclass(frozen=True, slots=True)
class Link:
    """A relationship between two instances, with what the plan says of it."""

    source: Instance
    target: Instance
    definition: Mapping[str, Json]


class Topology:
    """A picture of the deployment, taken when it is made; instances come in the plan's order."""

    def __init__(self, plan: Mapping[str, Json], instances: list[Instance]) -> None:
        self.nodes: dict[str, Mapping[str, Json]] = {node["id"]: node for node in plan["nodes"]}
        place = {node: position for position, node in enumerate(self.nodes)}
        ordered = sorted(instances, key=lambda instance: (place.get(instance.node_id, -1), instance.index, instance.id))
        self.instances = {instance.id: instance for instance in ordered}

    def node(self, instance: Instance) -> Mapping[str, Json]:
        return self.nodes[instance.node_id]

    def types(self, instance: Instance) -> list[str]:
        return list(self.node(instance)["type_hierarchy"])

    def links(self, instance: Instance) -> list[Link]:
        """Its relationships, in the plan's order."""
        found = []
        for relationship in instance.relationships:
            target = self.instances.get(relationship["target_id"])
            if target is not None:
                found.append(Link(instance, target, self._definition(instance, relationship)))
        return found

    def contained(self, instance_id: str) -> set[str]:
        """The instance and all that is in it, however deep."""
        found, open_ones = set[str](), [instance_id]
        while open_ones:
            here = open_ones.pop()
            if here not in found:
                found.add(here)
                open_ones += self._inside.get(here, [])
        return found

    @cached_property
    def _inside(self) -> dict[str, list[str]]:
        inside: dict[str, list[str]] = {}
        for instance in self.instances.values():
            for link in self.links(instance):
                if CONTAINED_IN in link.definition["type_hierarchy"]:
                    inside.setdefault(link.target.id, []).append(instance.id)
        return inside

    def declares(self, instance: Instance, name: str) -> bool:
        """Whether the node knows the operation, with something to run or without."""
        return name in self.node(instance)["operations"]

    def to_run(self, instance: Instance) -> list[str]:
        """The operations, by their full names, for which there is something to run."""
        operations = self.node(instance)["operations"]
        return [name for name, plan in operations.items() if "." in name and plan.get("operation")]

    def operation(
        self, instance: Instance, name: str, inputs: Mapping[str, Json] | None = None, *, override: bool = True
    ) -> Operation | None:
        """None when there is nothing to run. `inputs` are added to the plan's own; replacing those needs `override`."""
        return _operation(instance, name, self.node(instance)["operations"], inputs or {}, override=override)

    def link_operations(self, link: Link, name: str) -> list[Operation]:
        """What the relationship runs for its source and for its target."""
        ends = ((link.source, "source_operations"), (link.target, "target_operations"))
        found = [_operation(end, f"{RELATIONSHIP}.{name}", link.definition[side], {}, link=link) for end, side in ends]
        return [operation for operation in found if operation is not None]

    def link_operation(
        self, link: Link, name: str, end: Instance, inputs: Mapping[str, Json] | None = None
    ) -> Operation | None:
        """What the relationship runs, by the full name of the operation, for one of its ends."""
        side = "source_operations" if end.id == link.source.id else "target_operations"
        return _operation(end, name, link.definition[side], inputs or {}, link=link)

    def _definition(self, instance: Instance, relationship: Mapping[str, Json]) -> Mapping[str, Json]:
        for definition in self.node(instance)["relationships"]:
            if (definition["type"], definition["target_id"]) == (relationship["type"], relationship["target_name"]):
                return definition  # type: ignore[no-any-return]
        raise Invalid(
            f"The instance {instance.id} has the relationship {relationship['type']} to {relationship['target_name']}, "
            f"but the node {instance.node_id} does not."
        )


def _operation(
    instance: Instance,
    name: str,
    operations: Mapping[str, Json],
    inputs: Mapping[str, Json],
    *,
    override: bool = True,
    link: Link | None = None,
) -> Operation | None:
    plan = operations.get(name)
    if not plan or not plan.get("operation"):
        return None
    twice = sorted(set(inputs) & set(plan.get("inputs") or {}))
    if twice and not override:
        raise Invalid(
            f"The operation {name} of {instance.node_id} already has the input {', '.join(twice)}.",
            hint="Pass allow_kwargs_override=true to replace inputs of an operation.",
        )
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
        max_retries=_given(plan.get("max_retries"), 0 if name in ASKED_ONCE else MAX_RETRIES),
        retry_interval=_given(plan.get("retry_interval"), RETRY_INTERVAL),
        timeout=plan.get("timeout"),
        timeout_recoverable=bool(plan.get("timeout_recoverable")),
    )


def _given(value: Any, default: Any) -> Any:
    return default if value is None else value

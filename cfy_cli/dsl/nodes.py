"""Node templates made into the nodes of the plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from cfy_cli.dsl import scaling
from cfy_cli.dsl.fitting import Fitting
from cfy_cli.dsl.hierarchies import Completing, NodeTypes, RelationshipTypes
from cfy_cli.dsl.operations import Operators
from cfy_cli.dsl.shapes import Reading
from cfy_cli.dsl.source import Node
from cfy_cli.dsl.syntax import Json, NodeTemplate, Schema, TemplateRelationship

HOST = "cloudify.nodes.Compute"
CONTAINED_IN = "cloudify.relationships.contained_in"
CONNECTED_TO = "cloudify.relationships.connected_to"
DEPENDS_ON = "cloudify.relationships.depends_on"
AFTER_OPERATION = "cloudify.relationships.depends_on_lifecycle_operation"
LIFECYCLE = "cloudify.interfaces.lifecycle"

PlanNode = dict[str, Any]


@dataclass(slots=True)
class Nodes:
    """Makes the nodes; templates whose type is not known are left out, for that is told already."""

    templates: Mapping[str, NodeTemplate]
    types: NodeTypes
    relationships: RelationshipTypes
    operators: Operators
    completing: Completing

    @property
    def reading(self) -> Reading:
        return self.completing.reading

    def make(self) -> list[PlanNode]:
        nodes = {name: node for name, template in self.templates.items() if (node := self._node(name, template))}
        self._hosts(nodes)
        return list(nodes.values())

    def _node(self, name: str, template: NodeTemplate) -> PlanNode | None:
        kind = self.types.get(template.type)
        if kind is None:
            return None
        interfaces, operations = self.operators.make(template.interfaces, kind.interfaces, template.node)
        relationships = [self._relationship(name, each) for each in template.relationships]
        node = {
            "id": name,
            "name": name,
            "type": template.type,
            "type_hierarchy": kind.hierarchy,
            "properties": self._properties(template.properties, kind.properties, template.node),
            "capabilities": {"scalable": {"properties": self._scale(template)}},
            "instances": template.instances,
            "interfaces": interfaces,
            "operations": operations,
            "relationships": [each for each in relationships if each is not None],
        }
        self._check_containers(node, template)
        return node

    def _scale(self, template: NodeTemplate) -> dict[str, Any]:
        given = template.capabilities
        if template.instances and given is not None:
            self.reading.tell(
                template.node.key_place("instances"),
                "conflict",
                "`instances` and `capabilities` both say how many instances there are; leave `instances` out",
            )
        scalable = (given or {}).get("scalable") or {}
        return scalable.get("properties") or scaling.instances(
            template.instances.get("deploy") or 0 if template.instances else 1
        )

    def _properties(self, given: Node | None, schema: Schema, node: Node) -> dict[str, Json]:
        values = self.reading.value(self.reading, given) if given is not None else {}
        fitting = Fitting(self.completing.data_types, [])
        fitted = fitting.mapping(values, schema)
        self.completing.tell(fitting, given or node)
        return fitted

    def _relationship(self, name: str, template: TemplateRelationship) -> dict[str, Any] | None:
        kind = self.relationships.get(template.type)
        if kind is None or template.target not in self.templates:
            return None
        node = template.node
        if template.target == name:
            self.reading.tell(node.place_of(("target",)), "target", "a node cannot be related to itself")
            return None
        properties = self._properties(template.properties, kind.properties, node)
        source, source_operations = self.operators.make(template.source_interfaces, kind.interfaces, node)
        target, target_operations = self.operators.make(template.target_interfaces, kind.target_interfaces, node)
        if template.type == AFTER_OPERATION:
            self._check_operation(template, properties.get("operation"))
        return {
            "type": template.type,
            "type_hierarchy": kind.hierarchy,
            "target_id": template.target,
            "properties": properties,
            "source_interfaces": source,
            "source_operations": source_operations,
            "target_interfaces": target,
            "target_operations": target_operations,
        }

    def _check_operation(self, template: TemplateRelationship, operation: Json) -> None:
        there = self.templates[template.target].interfaces.get(LIFECYCLE, {})
        if operation not in there:
            self.reading.tell(
                template.node.place_of(("properties", "operation")),
                "target",
                f"`{AFTER_OPERATION}` needs an `operation` that the node `{template.target}` maps in `{LIFECYCLE}`",
            )

    def _check_containers(self, node: PlanNode, template: NodeTemplate) -> None:
        containers = [each["target_id"] for each in node["relationships"] if CONTAINED_IN in each["type_hierarchy"]]
        if len(containers) > 1:
            self.reading.tell(
                template.node.key_place("relationships"),
                "containers",
                f"a node can be contained in one other only; this is in {', '.join(containers)}",
            )

    def _hosts(self, nodes: Mapping[str, PlanNode]) -> None:
        """Tell each node the host it is on: itself, or that of what contains it."""
        for name in self._targets_first(nodes):
            node = nodes[name]
            if HOST in node["type_hierarchy"]:
                node["host_id"] = name
                continue
            container = container_of(node)
            if container is not None and container in nodes and "host_id" in nodes[container]:
                node["host_id"] = nodes[container]["host_id"]

    def _targets_first(self, nodes: Mapping[str, PlanNode]) -> list[str]:
        graph = {name: [each["target_id"] for each in node["relationships"]] for name, node in nodes.items()}
        try:
            return [name for name in TopologicalSorter(graph).static_order() if name in nodes]
        except CycleError as error:
            circle = list(reversed(error.args[1]))
            place = self.templates[circle[0]].node.key_place("relationships")
            self.reading.tell(place, "circle", f"relationships go in a circle: {' -> '.join(circle)}")
            return []


def container_of(node: PlanNode) -> str | None:
    for relationship in node["relationships"]:
        if CONTAINED_IN in relationship["type_hierarchy"]:
            return str(relationship["target_id"])
    return None

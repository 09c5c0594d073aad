"""Nodes of the plan, built from node templates."""

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import InstanceCounts, NodePlan, RelationshipPlan
from cfy_cli.dsl import scaling
from cfy_cli.dsl.compilation import Compilation
from cfy_cli.dsl.declarations import NodeTemplate, TemplateRelationship
from cfy_cli.dsl.inheritance import NodeTypeRegistry, RelationshipTypeRegistry
from cfy_cli.dsl.operations import OperationBuilder
from cfy_cli.dsl.schema_resolution import SchemaResolver

HOST = "cloudify.nodes.Compute"
CONTAINED_IN = "cloudify.relationships.contained_in"
CONNECTED_TO = "cloudify.relationships.connected_to"
DEPENDS_ON = "cloudify.relationships.depends_on"
AFTER_OPERATION = "cloudify.relationships.depends_on_lifecycle_operation"
LIFECYCLE = "cloudify.interfaces.lifecycle"


@dataclass(slots=True)
class NodeBuilder:
    """Builds all nodes; templates of undefined types are omitted, as those are already reported."""

    templates: Mapping[str, NodeTemplate]
    types: NodeTypeRegistry
    relationship_types: RelationshipTypeRegistry
    operations: OperationBuilder
    schemas: SchemaResolver

    @property
    def compilation(self) -> Compilation:
        return self.schemas.compilation

    def build_all(self) -> list[NodePlan]:
        nodes = {name: node for name, template in self.templates.items() if (node := self._build(name, template))}
        self._set_hosts(nodes)
        return list(nodes.values())

    def _build(self, name: str, template: NodeTemplate) -> NodePlan | None:
        node_type = self.types.get(template.type)
        if node_type is None:
            return None
        interfaces, operations = self.operations.build(template.interfaces, node_type.interfaces, template.node)
        relationships = [self._relationship(name, relationship) for relationship in template.relationships]
        node: NodePlan = {
            "id": name,
            "name": name,
            "type": template.type,
            "type_hierarchy": node_type.hierarchy,
            "properties": self.schemas.coerce_values(template.properties, node_type.properties, template.node),
            "capabilities": {"scalable": {"properties": self._instance_counts(template)}},
            "instances": template.instances,
            "interfaces": interfaces,
            "operations": operations,
            "relationships": [relationship for relationship in relationships if relationship is not None],
            "plugins": [],
        }
        self._check_containers(node, template)
        return node

    def _instance_counts(self, template: NodeTemplate) -> InstanceCounts:
        capabilities = template.capabilities
        if template.instances and capabilities is not None:
            self.compilation.report(
                template.node.key_location("instances"),
                "conflict",
                "`instances` and `capabilities` both set the number of instances; remove `instances`",
            )
        scalable = capabilities.get("scalable") if capabilities else None
        counts = scalable.get("properties") if scalable else None
        return counts or scaling.default_counts(template.instances.get("deploy") or 0 if template.instances else 1)

    def _relationship(self, name: str, template: TemplateRelationship) -> RelationshipPlan | None:
        relationship_type = self.relationship_types.get(template.type)
        if relationship_type is None or template.target not in self.templates:
            return None
        node = template.node
        if template.target == name:
            self.compilation.report(node.locate(("target",)), "target", "a node cannot be related to itself")
            return None
        properties = self.schemas.coerce_values(template.properties, relationship_type.properties, node)
        source, source_operations = self.operations.build(
            template.source_interfaces, relationship_type.interfaces, node
        )
        target, target_operations = self.operations.build(
            template.target_interfaces, relationship_type.target_interfaces, node
        )
        if template.type == AFTER_OPERATION:
            self._check_operation(template, properties.get("operation"))
        return {
            "type": template.type,
            "type_hierarchy": relationship_type.hierarchy,
            "target_id": template.target,
            "properties": properties,
            "source_interfaces": source,
            "source_operations": source_operations,
            "target_interfaces": target,
            "target_operations": target_operations,
        }

    def _check_operation(self, template: TemplateRelationship, operation: Json) -> None:
        operations = self.templates[template.target].interfaces.get(LIFECYCLE, {})
        if operation not in operations:
            self.compilation.report(
                template.node.locate(("properties", "operation")),
                "target",
                f"`{AFTER_OPERATION}` needs an `operation` that the node `{template.target}` maps in `{LIFECYCLE}`",
            )

    def _check_containers(self, node: NodePlan, template: NodeTemplate) -> None:
        containers = [link["target_id"] for link in node["relationships"] if CONTAINED_IN in link["type_hierarchy"]]
        if len(containers) > 1:
            self.compilation.report(
                template.node.key_location("relationships"),
                "containers",
                f"a node can be contained in one other node only; this one is contained in {', '.join(containers)}",
            )

    def _set_hosts(self, nodes: Mapping[str, NodePlan]) -> None:
        """Set the host of each node: the node itself, or the host of its container."""
        for name in self._targets_first(nodes):
            node = nodes[name]
            if HOST in node["type_hierarchy"]:
                node["host_id"] = name
                continue
            container = container_of(node)
            if container is not None and container in nodes and "host_id" in nodes[container]:
                node["host_id"] = nodes[container]["host_id"]

    def _targets_first(self, nodes: Mapping[str, NodePlan]) -> list[str]:
        graph = {name: [link["target_id"] for link in node["relationships"]] for name, node in nodes.items()}
        try:
            return [name for name in TopologicalSorter(graph).static_order() if name in nodes]
        except CycleError as error:
            cycle = list(reversed(error.args[1]))
            location = self.templates[cycle[0]].node.key_location("relationships")
            self.compilation.report(location, "circle", f"the relationships are circular: {' -> '.join(cycle)}")
            return []


def container_of(node: NodePlan) -> str | None:
    """Return the name of the node in which a node is contained."""
    for relationship in node["relationships"]:
        if CONTAINED_IN in relationship["type_hierarchy"]:
            return relationship["target_id"]
    return None

"""Node types and relationship types with everything that they inherit."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from cfy_cli.contract.plan import Interfaces, RelationshipTypePlan, Schema
from cfy_cli.dsl.declarations import NodeType, RelationshipType
from cfy_cli.dsl.schema_resolution import SchemaResolver
from cfy_cli.dsl.yaml_nodes import YamlNode


@dataclass(frozen=True, slots=True)
class ResolvedType:
    """A node type or relationship type; `interfaces` are the source interfaces of a relationship."""

    name: str
    node: YamlNode
    hierarchy: list[str]  # from the first ancestor to the type itself
    properties: Schema
    interfaces: Interfaces
    target_interfaces: Interfaces


class DeclaredType(Protocol):
    node: YamlNode
    derived_from: str | None


D = TypeVar("D", bound=DeclaredType)


class TypeRegistry(ABC, Generic[D]):
    """Types by name, each resolved on first use."""

    def __init__(self, declared: Mapping[str, D], schemas: SchemaResolver) -> None:
        self.declared, self.schemas = declared, schemas
        self._resolved: dict[str, ResolvedType | None] = {}

    def get(self, name: str | None) -> ResolvedType | None:
        """Return the resolved type, or None if it or an ancestor is undefined, which is reported elsewhere."""
        if name is None:
            return None
        lineage: list[str] = []  # from `name` to the last ancestor that is not resolved yet
        while name is not None and name not in self._resolved:
            if name in lineage:
                self._report_cycle(lineage[lineage.index(name) :])
                self._resolved.update(dict.fromkeys(lineage))
                return None
            lineage.append(name)
            name = self.declared[name].derived_from if name in self.declared else None
        parent = self._resolved[name] if name is not None else None
        is_undefined = name is not None and parent is None
        for ancestor in reversed(lineage):
            is_missing = is_undefined or ancestor not in self.declared
            parent = None if is_missing else self.resolve(ancestor, self.declared[ancestor], parent)
            is_undefined = is_missing
            self._resolved[ancestor] = parent
        return self._resolved[lineage[0]] if lineage else parent

    def resolve_all(self) -> None:
        """Resolve all types that the blueprint itself defines, used or not, to report their problems."""
        for name, declared in self.declared.items():
            if declared.node.source.memo is None:
                self.get(name)

    @abstractmethod
    def resolve(self, name: str, declared: D, parent: ResolvedType | None) -> ResolvedType:
        """Return the type, given its resolved parent."""

    def _report_cycle(self, names: list[str]) -> None:
        first = min(names)
        start = names.index(first)
        cycle = " -> ".join([*names[start:], *names[:start], first])
        location = self.declared[first].node.locate(("derived_from",))
        self.schemas.compilation.report(location, "circle", f"the type is derived from itself: {cycle}")


class NodeTypeRegistry(TypeRegistry[NodeType]):
    def resolve(self, name: str, declared: NodeType, parent: ResolvedType | None) -> ResolvedType:
        schemas, node = self.schemas, declared.node
        schemas.resolve_schema(declared.runtime_properties, node, ("runtime_properties",))
        return ResolvedType(
            name,
            node,
            [*(parent.hierarchy if parent else ()), name],
            schemas.resolve_schema(declared.properties, node, ("properties",), parent.properties if parent else None),
            schemas.merge_interfaces(declared.interfaces, node, ("interfaces",), parent.interfaces if parent else {}),
            {},
        )


class RelationshipTypeRegistry(TypeRegistry[RelationshipType]):
    def resolve(self, name: str, declared: RelationshipType, parent: ResolvedType | None) -> ResolvedType:
        schemas, node = self.schemas, declared.node
        source, target = declared.source_interfaces, declared.target_interfaces
        return ResolvedType(
            name,
            node,
            [*(parent.hierarchy if parent else ()), name],
            schemas.resolve_schema(declared.properties, node, ("properties",), parent.properties if parent else None),
            schemas.merge_interfaces(source, node, ("source_interfaces",), parent.interfaces if parent else {}),
            schemas.merge_interfaces(target, node, ("target_interfaces",), parent.target_interfaces if parent else {}),
        )

    def build_plan(self) -> dict[str, RelationshipTypePlan]:
        return {
            name: _plan(resolved, declared) for name, declared in self.declared.items() if (resolved := self.get(name))
        }


def _plan(resolved: ResolvedType, declared: RelationshipType) -> RelationshipTypePlan:
    plan: RelationshipTypePlan = {
        "name": resolved.name,
        "properties": resolved.properties,
        "source_interfaces": resolved.interfaces,
        "target_interfaces": resolved.target_interfaces,
        "type_hierarchy": resolved.hierarchy,
    }
    return {**plan, "derived_from": declared.derived_from} if declared.derived_from else plan

"""Warnings about names and values that are allowed, but look like a mistake."""

from collections.abc import Mapping
from dataclasses import dataclass

from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import DeclaredOperation, Interfaces
from cfy_cli.dsl.compilation import Compilation
from cfy_cli.dsl.declarations import NodeTemplate
from cfy_cli.dsl.inheritance import NodeTypeRegistry, RelationshipTypeRegistry, ResolvedType
from cfy_cli.dsl.problems import closest_name
from cfy_cli.dsl.resolver import is_remote
from cfy_cli.dsl.value_types import PRIMITIVE_TYPES
from cfy_cli.dsl.yaml_nodes import YamlNode

_SCHEMA_KEYS = frozenset({"type", "default", "description", "required", "constraints", "item_type", "display_label"})


def looks_like_schema(value: Json) -> bool:
    """Return whether a value is written as a schema is: `{type: string, ...}`."""
    if not isinstance(value, dict) or not value.keys() <= _SCHEMA_KEYS:
        return False
    kind = value.get("type")
    return isinstance(kind, str) and kind in PRIMITIVE_TYPES


def check_interfaces(
    templates: Mapping[str, NodeTemplate],
    types: NodeTypeRegistry,
    relationship_types: RelationshipTypeRegistry,
    compilation: Compilation,
) -> None:
    """Warn of interfaces and operations whose names are near to known ones, and of schemas in the place of inputs."""
    checker = _InterfaceChecker(compilation)
    for template in templates.values():
        kind = types.get(template.type)
        if kind:
            checker.check(template.interfaces, kind.interfaces, template.node, "interfaces")
        for relationship in template.relationships:
            node, kind = relationship.node, relationship_types.get(relationship.type)
            if kind:
                checker.check(relationship.source_interfaces, kind.interfaces, node, "source_interfaces")
                checker.check(relationship.target_interfaces, kind.target_interfaces, node, "target_interfaces")
    for declared in types.declared.values():
        if parent := _parent(types.get(declared.derived_from), declared.node):
            checker.check(declared.interfaces, parent.interfaces, declared.node, "interfaces", of_type=True)
    for link in relationship_types.declared.values():
        if parent := _parent(relationship_types.get(link.derived_from), link.node):
            node = link.node
            checker.check(link.source_interfaces, parent.interfaces, node, "source_interfaces", of_type=True)
            checker.check(link.target_interfaces, parent.target_interfaces, node, "target_interfaces", of_type=True)


def _parent(parent: ResolvedType | None, node: YamlNode) -> ResolvedType | None:
    """Return the parent of a type that the author of the blueprint wrote; other types are not his to mend."""
    return parent if node.source.memo is None and not is_remote(node.source.file) else None


@dataclass(frozen=True, slots=True)
class _InterfaceChecker:
    compilation: Compilation

    def check(
        self, own: Interfaces, inherited: Interfaces, node: YamlNode, section: str, *, of_type: bool = False
    ) -> None:
        for interface, operations in own.items():
            known = inherited.get(interface)
            if known is None:
                self._check_name("interface", interface, set(inherited), node, (section, interface))
                known = {}
            for name, operation in operations.items():
                path = (section, interface, name)
                if known and name not in known:
                    self._check_name("operation", name, known.keys() - operations.keys(), node, path)
                if not of_type:
                    self._check_inputs(operation, known.get(name), node, path)

    def _check_name(self, noun: str, name: str, known: set[str], node: YamlNode, path: tuple[str, ...]) -> None:
        similar = closest_name(name, frozenset(known))
        if similar:
            message = f"the type has no {noun} `{name}`, so that no workflow runs it"
            self.compilation.warn(node.locate(path), "unknown-name", message, f"did you mean `{similar}`?")

    def _check_inputs(
        self, operation: DeclaredOperation, declared: DeclaredOperation | None, node: YamlNode, path: tuple[str, ...]
    ) -> None:
        schema = declared["inputs"] if declared else {}
        for name, value in operation["inputs"].items():
            parameter = schema.get(name)
            is_dict = isinstance(parameter, dict) and parameter.get("type") not in (None, *PRIMITIVE_TYPES - {"dict"})
            if looks_like_schema(value) and not is_dict:
                self.compilation.warn(
                    node.locate((*path, "inputs", name)),
                    "schema",
                    f"the value of the input `{name}` is written as a schema, and the operation gets it as it is",
                    f"write the value itself, such as `{name}: VALUE`; a schema belongs in a type",
                )

"""Types made complete from their ancestors: data types, node types and relationship types."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Generic, Protocol, TypeVar

from cfy_cli.dsl.fitting import DataTypes, Fitting, Path
from cfy_cli.dsl.shapes import Reading
from cfy_cli.dsl.source import Node
from cfy_cli.dsl.syntax import DataType, Interfaces, NodeType, RelationshipType, Schema
from cfy_cli.dsl.value_types import PRIMITIVES


@dataclass(frozen=True, slots=True)
class Kind:
    """A complete node type or relationship type; `interfaces` are a relationship's source interfaces."""

    name: str
    node: Node
    hierarchy: list[str]  # from the first ancestor down to itself
    properties: Schema
    interfaces: Interfaces
    target_interfaces: Interfaces


class Declared(Protocol):
    node: Node
    derived_from: str | None


D = TypeVar("D", bound=Declared)


@dataclass(slots=True)
class Completing:
    """What completing needs: the data types, and whom to tell."""

    reading: Reading
    data_types: DataTypes

    def schema(
        self, own: Schema, node: Node, path: Path, parent: Mapping[str, Any] | None = None, *, inputs: bool = False
    ) -> Schema:
        """A schema with its defaults fitted and, after its own properties, those of the parent.

        A property of a data type has all the defaults of that type, over them those of the parent's property of
        the same type, over them its own. The defaults of `inputs` must be whole, and are not made up.
        """
        result: Schema = {}
        for name, about in own.items():
            default, kind = about.get("default"), about.get("type")
            if default is None and (inputs or kind not in self.data_types):
                result[name] = about
                continue
            inherited = (parent or {}).get(name, {})
            over = inherited.get("default") if inherited.get("type") == kind else None
            fitting = Fitting(self.data_types, [], complete=inputs)
            fitted = fitting.value({} if default is None else default, kind, inherited=over)
            result[name] = {**about, "default": fitted}
            self.tell(fitting, node, (*path, name, "default"))
        for name, about in (parent or {}).items():
            result.setdefault(name, about)
        return result

    def interfaces(self, own: Interfaces, node: Node, path: Path, parent: Interfaces) -> Interfaces:
        """Own operations over the parent's, each as a whole, so that `{}` takes one away."""
        result = dict(parent)
        for interface, operations in own.items():
            result[interface] = {
                **parent.get(interface, {}),
                **{
                    name: self._operation(operation, node, (*path, interface, name, "inputs"))
                    for name, operation in operations.items()
                },
            }
        return result

    def _operation(self, operation: dict[str, Any], node: Node, path: Path) -> dict[str, Any]:
        if not operation["inputs"]:
            return operation
        whole = {**operation, "inputs": self.schema(operation["inputs"], node, path, inputs=True)}
        return self.reading.remember(whole, self.reading.node_of(operation, node)) or whole

    def tell(self, fitting: Fitting, node: Node, path: Path = ()) -> None:
        for misfit in fitting.misfits:
            self.reading.tell(node.place_of((*path, *misfit.path)), misfit.rule, misfit.message)


class Types(ABC, Generic[D]):
    """Types of one sort by name, each completed when it is first asked for."""

    def __init__(self, declared: Mapping[str, D], completing: Completing) -> None:
        self.declared, self.completing = declared, completing
        self._complete: dict[str, Kind | None] = {}

    def get(self, name: str | None) -> Kind | None:
        """The complete type; None when it or an ancestor is not defined, which is told elsewhere."""
        if name is None:
            return None
        line: list[str] = []  # from `name` up to an ancestor that is complete, or has no parent
        while name is not None and name not in self._complete:
            if name in line:
                self._told_circle(line[line.index(name) :])
                self._complete.update(dict.fromkeys(line))
                return None
            line.append(name)
            name = self.declared[name].derived_from if name in self.declared else None
        parent = self._complete[name] if name is not None else None
        orphan = name is not None and parent is None
        for each in reversed(line):
            missing = orphan or each not in self.declared
            parent = None if missing else self.finish(each, self.declared[each], parent)
            orphan = missing
            self._complete[each] = parent
        return self._complete[line[0]] if line else parent

    def all_written(self) -> None:
        """Complete what the blueprint itself defines, used or not, so that it is checked."""
        for name, declared in self.declared.items():
            if declared.node.source.memo is None:
                self.get(name)

    @abstractmethod
    def finish(self, name: str, declared: D, parent: Kind | None) -> Kind:
        """The type itself, from what is declared and its complete parent."""

    def _told_circle(self, names: list[str]) -> None:
        first = min(names)
        at = names.index(first)
        circle = " -> ".join([*names[at:], *names[:at], first])
        place = self.declared[first].node.place_of(("derived_from",))
        self.completing.reading.tell(place, "circle", f"the type is derived from itself: {circle}")


class NodeTypes(Types[NodeType]):
    def finish(self, name: str, declared: NodeType, parent: Kind | None) -> Kind:
        completing, node = self.completing, declared.node
        completing.schema(declared.runtime_properties, node, ("runtime_properties",))
        return Kind(
            name,
            node,
            [*(parent.hierarchy if parent else ()), name],
            completing.schema(declared.properties, node, ("properties",), parent.properties if parent else None),
            completing.interfaces(declared.interfaces, node, ("interfaces",), parent.interfaces if parent else {}),
            {},
        )


class RelationshipTypes(Types[RelationshipType]):
    def finish(self, name: str, declared: RelationshipType, parent: Kind | None) -> Kind:
        completing, node = self.completing, declared.node
        source, target = declared.source_interfaces, declared.target_interfaces
        return Kind(
            name,
            node,
            [*(parent.hierarchy if parent else ()), name],
            completing.schema(declared.properties, node, ("properties",), parent.properties if parent else None),
            completing.interfaces(source, node, ("source_interfaces",), parent.interfaces if parent else {}),
            completing.interfaces(target, node, ("target_interfaces",), parent.target_interfaces if parent else {}),
        )

    def plan(self) -> dict[str, Any]:
        return {
            name: self._plan_of(kind, declared) for name, declared in self.declared.items() if (kind := self.get(name))
        }

    def _plan_of(self, kind: Kind, declared: RelationshipType) -> dict[str, Any]:
        plan: dict[str, Any] = {
            "name": kind.name,
            "properties": kind.properties,
            "source_interfaces": kind.interfaces,
            "target_interfaces": kind.target_interfaces,
            "type_hierarchy": kind.hierarchy,
        }
        return {**plan, "derived_from": declared.derived_from} if declared.derived_from else plan


def data_types(declared: Mapping[str, DataType], reading: Reading) -> dict[str, dict[str, Any]]:
    """All data types, complete, as the plan has them; a type's properties may be of types that come before it."""
    needs = {name: _needs(each) & declared.keys() for name, each in declared.items()}
    complete: dict[str, dict[str, Any]] = {}
    completing = Completing(reading, complete)
    for name in _in_order(needs, declared, reading):
        each = declared[name]
        if name in PRIMITIVES:
            reading.tell(each.node, "conflict", f"`{name}` is a type already; a data type needs another name")
        parent = complete.get(each.derived_from or "", {}).get("properties")
        complete[name] = {
            "derived_from": each.derived_from,
            "description": each.description,
            "properties": completing.schema(each.properties, each.node, ("properties",), parent),
            "version": each.version,
        }
    return complete


def _needs(declared: DataType) -> set[str]:
    types = {about.get("type") for about in declared.properties.values()}
    return {name for name in (declared.derived_from, *types) if name}


def _in_order(needs: Mapping[str, set[str]], declared: Mapping[str, DataType], reading: Reading) -> list[str]:
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        circle: list[str] = list(reversed(error.args[1]))
        reading.tell(declared[circle[0]].node, "circle", f"the data type holds itself: {' -> '.join(circle)}")
        rest = {name: others - set(circle) for name, others in needs.items() if name not in circle}
        return _in_order(rest, declared, reading)

"""Schemas and interfaces of types, merged with those of their parents."""

from dataclasses import dataclass
from typing import cast

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.plan import DeclaredOperation, Interfaces, Schema
from cfy_cli.dsl.coercion import Coercion, DataTypes
from cfy_cli.dsl.compilation import Compilation
from cfy_cli.dsl.declared_values import find_useless_constraints, find_wrong_defaults
from cfy_cli.dsl.functions.values import parse_value
from cfy_cli.dsl.yaml_nodes import Path, YamlNode


@dataclass(slots=True)
class SchemaResolver:
    compilation: Compilation
    data_types: DataTypes

    def resolve_schema(
        self, own: Schema, node: YamlNode, path: Path, parent: Schema | None = None, *, inputs: bool = False
    ) -> Schema:
        """Return a schema with coerced defaults, and after its own properties those of the parent.

        The default of a property of a data type consists of the defaults of that type, overridden by those of the
        parent's property of the same type, overridden by its own. Defaults of `inputs` must be complete, and inputs
        without a default get none.
        """
        parent = parent or {}
        result: Schema = {}
        for name, parameter in own.items():
            default, kind = parameter.get("default"), parameter.get("type")
            if default is None and (inputs or kind not in self.data_types):
                result[name] = parameter
                continue
            overridden = parent.get(name, {})
            inherited = overridden.get("default") if overridden.get("type") == kind else None
            coercion = Coercion(self.data_types, [], check_required=inputs)
            coerced = coercion.coerce({} if default is None else default, kind, inherited=inherited)
            result[name] = {**parameter, "default": coerced}
            self.report(coercion, node, (*path, name, "default"))
        for name, parameter in parent.items():
            result.setdefault(name, parameter)
        return result

    def resolve_parameters(self, own: Schema, node: YamlNode, path: Path) -> Schema:
        """Return the inputs of an operation, or the parameters of a workflow; warn of wrong defaults."""
        schema = self.resolve_schema(own, node, path, inputs=True)
        for name, problem in find_wrong_defaults(schema):
            self.compilation.warn(node.locate((*path, name, "default")), "constraint", problem)
        self.warn_of_constraints(schema, node, path)
        return schema

    def warn_of_constraints(self, schema: Schema, node: YamlNode, path: Path = ()) -> None:
        for name, problem in find_useless_constraints(schema):
            self.compilation.warn(node.locate((*path, name, "constraints")), "constraint", problem)

    def merge_interfaces(self, own: Interfaces, node: YamlNode, path: Path, parent: Interfaces) -> Interfaces:
        """Return the parent's operations overridden by its own, each as a whole, so that `{}` removes one."""
        result = dict(parent)
        for interface, operations in own.items():
            result[interface] = {
                **parent.get(interface, {}),
                **{
                    name: self._resolve_operation(operation, node, (*path, interface, name, "inputs"))
                    for name, operation in operations.items()
                },
            }
        return result

    def _resolve_operation(self, operation: DeclaredOperation, node: YamlNode, path: Path) -> DeclaredOperation:
        if not operation["inputs"]:
            return operation
        schema = self.resolve_parameters(cast("Schema", operation["inputs"]), node, path)
        resolved: DeclaredOperation = {**operation, "inputs": cast("JsonObject", schema)}
        return self.compilation.record_origin(resolved, self.compilation.origin_of(operation, node))

    def coerce_values(self, values: YamlNode | None, schema: Schema, owner: YamlNode) -> JsonObject:
        """Parse the values of a template's properties or the like, and coerce them to the schema."""
        plain = parse_value(self.compilation, values) if values is not None else {}
        coercion = Coercion(self.data_types, [])
        coerced = coercion.coerce_mapping(cast("JsonObject", plain), schema)
        self.report(coercion, values or owner)
        return coerced

    def report(self, coercion: Coercion, node: YamlNode, path: Path = ()) -> None:
        for mismatch in coercion.mismatches:
            self.compilation.report(node.locate((*path, *mismatch.path)), mismatch.rule, mismatch.message)

"""Operations of nodes and relationships: those of a type, overridden by those of a template."""

from collections.abc import Iterable, Mapping
from typing import TypeVar, cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import (
    DeclaredOperation,
    Interfaces,
    OperationPlan,
    Operations,
    ParameterPlan,
    PluginPlan,
    Schema,
)
from cfy_cli.dsl.coercion import defaults_of
from cfy_cli.dsl.declarations import NO_OPERATION, NodeType, RelationshipType
from cfy_cli.dsl.declared_values import DeclaredValues, select_checked
from cfy_cli.dsl.functions.names import TYPE, holds_function, is_function
from cfy_cli.dsl.implementations import RUN_SCRIPT, ImplementationResolver, Unresolved, report_unresolved
from cfy_cli.dsl.problems import quote_all
from cfy_cli.dsl.schema_resolution import SchemaResolver
from cfy_cli.dsl.yaml_nodes import YamlNode

T = TypeVar("T", NodeType, RelationshipType)
_SCRIPT_INPUTS = ("script_path", "script_source")


class OperationBuilder:
    """Builds the operations of templates; operations that a template does not override are built once per type."""

    def __init__(
        self,
        implementations: ImplementationResolver,
        plugins: Mapping[str, PluginPlan],
        schemas: SchemaResolver,
    ) -> None:
        self.implementations, self.plugins, self.compilation = implementations, plugins, schemas.compilation
        self._rule = DeclaredValues(schemas.data_types, converts_text=True)
        self._by_type: dict[int, tuple[Interfaces, Interfaces, Operations]] = {}

    def build(self, own: Interfaces, inherited: Interfaces, node: YamlNode) -> tuple[Interfaces, Operations]:
        """Return the interfaces of a template, given those of its type, and the operations in them."""
        if not own:
            if id(inherited) not in self._by_type:
                interfaces = self._merge({}, inherited, node)
                self._by_type[id(inherited)] = inherited, interfaces, self._build_all(interfaces, node)
            return self._by_type[id(inherited)][1:]
        interfaces = self._merge(own, inherited, node)
        return interfaces, self._build_all(interfaces, node)

    def check_relationship_types(self, types: Mapping[str, RelationshipType]) -> None:
        """Report operations that cannot be built, of all relationship types of the blueprint, used or not."""
        for declared in _written(types):
            for interfaces in (declared.source_interfaces, declared.target_interfaces):
                self._build_all(interfaces, declared.node)

    def check_node_types(self, types: Mapping[str, NodeType]) -> None:
        """Warn of implementations that do not exist, in node types that nothing uses."""
        for declared in _written(types):
            for operation in (each for operations in declared.interfaces.values() for each in operations.values()):
                try:
                    self.implementations.resolve(operation["implementation"])
                except Unresolved as error:
                    where = self.compilation.origin_of(operation, declared.node).locate(("implementation",))
                    if error.args and operation["implementation"]:
                        self.compilation.warn(where, "implementation", str(error))

    def _merge(self, own: Interfaces, inherited: Interfaces, node: YamlNode) -> Interfaces:
        result: Interfaces = {}
        for interface in dict.fromkeys((*inherited, *own)):
            ours, theirs = own.get(interface, {}), inherited.get(interface, {})
            result[interface] = {
                name: self._override(ours.get(name), theirs.get(name), node) for name in dict.fromkeys((*theirs, *ours))
            }
        return result

    def _override(
        self, own: DeclaredOperation | None, inherited: DeclaredOperation | None, node: YamlNode
    ) -> DeclaredOperation:
        """Return the type's operation with the template's fields, unless the template sets another implementation."""
        if inherited is None or own == NO_OPERATION or (own is not None and inherited == NO_OPERATION):
            return own or NO_OPERATION
        if own is None and not inherited["inputs"]:
            return inherited
        written = own or NO_OPERATION
        where = self.compilation.origin_of(own, node) if own is not None else node
        if written["implementation"] not in ("", inherited["implementation"]):
            return written
        fields, defaults = cast("JsonObject", written), cast("JsonObject", inherited)
        merged = cast(
            "DeclaredOperation", {key: defaults[key] if value in (None, "") else value for key, value in fields.items()}
        )
        schema = cast("Schema", inherited["inputs"])
        merged["inputs"] = self._complete_inputs(written["inputs"], schema, where)
        if checked := select_checked(schema):
            merged["inputs_schema"] = checked
        origin = where if written["implementation"] else self.compilation.origin_of(inherited, where)
        return self.compilation.record_origin(merged, origin)  # of the implementation

    def _complete_inputs(self, values: JsonObject, schema: Schema, node: YamlNode) -> JsonObject:
        inputs = {**defaults_of(schema), **values}
        missing = [name for name, parameter in schema.items() if name not in inputs and parameter.get("required", True)]
        if missing:
            self.compilation.report(node, "missing-input", f"the operation needs {quote_all(missing)} in its `inputs`")
        for name, parameter in schema.items():
            value = inputs.get(name)
            if name in values:
                self._check_value(name, value, parameter, node)
            kind = parameter.get("type")
            if kind and isinstance(value, dict) and is_function(value) and TYPE not in value:
                typed: JsonObject = {**value, TYPE: kind}
                inputs[name] = self.compilation.record_origin(typed, self.compilation.origin_of(value, node))
        return inputs

    def _check_value(self, name: str, value: Json, parameter: ParameterPlan, node: YamlNode) -> None:
        """Report a value that is not of its declared type, or violates a constraint; null stands for no value."""
        if value is None or holds_function(value):
            return
        location = node.locate(("inputs", name))
        value, mismatches = self._rule.coerce(value, parameter)
        for mismatch in mismatches:
            self.compilation.report(location, "type", f"the input `{name}`{mismatch.path}: {mismatch.message}")
        for violation in self._rule.find_violations(value, parameter):
            self.compilation.report(location, "constraint", f"the input `{name}`: {violation}")

    def _build_all(self, interfaces: Interfaces, node: YamlNode) -> Operations:
        result: Operations = {}
        ambiguous = set()
        for interface, operations in interfaces.items():
            for name, operation in operations.items():
                plan = self._build(operation, node)
                if name in result:
                    ambiguous.add(name)
                result[name] = result[f"{interface}.{name}"] = plan
        return {name: plan for name, plan in result.items() if name not in ambiguous}

    def _build(self, operation: DeclaredOperation, node: YamlNode) -> OperationPlan:
        text, inputs, executor = operation["implementation"], operation["inputs"], operation["executor"]
        if not text:
            return _plan(NO_OPERATION, "", "", None, {})
        node = self.compilation.origin_of(operation, node)
        try:
            implementation = self.implementations.resolve(text)
        except Unresolved as error:
            report_unresolved(error, node.locate(("implementation",)), self.compilation)
            return _plan(NO_OPERATION, "", "", None, {})
        if not implementation.script_input:
            executor = executor or self.plugins[implementation.plugin]["executor"]
            return _plan(operation, implementation.plugin, implementation.function, executor, inputs)
        self._check_script_inputs(inputs, node)
        inputs = {**inputs, implementation.script_input: text}
        return _plan(operation, implementation.plugin, RUN_SCRIPT, executor or "auto", inputs)

    def _check_script_inputs(self, inputs: JsonObject, node: YamlNode) -> None:
        for name in _SCRIPT_INPUTS:
            if name in inputs:
                self.compilation.report(
                    node.locate(("inputs", name)),
                    "implementation",
                    f"`{name}` cannot be an input: it is set from the implementation",
                )


def _written(types: Mapping[str, T]) -> Iterable[T]:
    """Return the types of the blueprint's own files and imports, not the basic types."""
    return (declared for declared in types.values() if declared.node.source.memo is None)


def _plan(
    operation: DeclaredOperation, plugin: str, function: str, executor: str | None, inputs: JsonObject
) -> OperationPlan:
    plan: OperationPlan = {
        "plugin": plugin,
        "operation": function,
        "executor": executor,
        "inputs": inputs,
        "has_intrinsic_functions": False,
        "max_retries": operation["max_retries"],
        "retry_interval": operation["retry_interval"],
        "timeout": operation["timeout"],
        "timeout_recoverable": operation["timeout_recoverable"],
    }
    types = {
        name: str(value[TYPE])
        for name, value in inputs.items()
        if isinstance(value, dict) and TYPE in value and is_function(value)
    }
    if types:
        plan["inputs_types"] = types
    if "inputs_schema" in operation:
        plan["inputs_schema"] = operation["inputs_schema"]
    return plan

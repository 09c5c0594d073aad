"""Operations of nodes and relationships: what a template changes in its type's, and what each runs."""

from collections.abc import Mapping
from typing import Any

from cfy_cli.dsl.fitting import defaults
from cfy_cli.dsl.functions.names import TYPE, is_function
from cfy_cli.dsl.problems import one_of
from cfy_cli.dsl.scripts import RUN_SCRIPT, Targets, Unmapped, told
from cfy_cli.dsl.shapes import Reading
from cfy_cli.dsl.source import Node
from cfy_cli.dsl.syntax import NO_OPERATION, Interfaces, Json, Operation

Operations = dict[str, dict[str, Json]]  # under the names `interface.operation` and, where one only, `operation`
_SCRIPT_INPUTS = ("script_path", "script_source")


class Operators:
    """Makes the operations of templates; what a type has unchanged is made once and shared."""

    def __init__(self, targets: Targets, plugins: Mapping[str, Any], reading: Reading) -> None:
        self.targets, self.plugins, self.reading = targets, plugins, reading
        self._of_types: dict[int, tuple[Interfaces, Interfaces, Operations]] = {}

    def make(self, own: Interfaces, declared: Interfaces, node: Node) -> tuple[Interfaces, Operations]:
        """The interfaces of a template, given its type's, and the operations in them."""
        if not own:
            if id(declared) not in self._of_types:
                interfaces = self._merged({}, declared, node)
                self._of_types[id(declared)] = declared, interfaces, self._operations(interfaces, node)
            return self._of_types[id(declared)][1:]
        interfaces = self._merged(own, declared, node)
        return interfaces, self._operations(interfaces, node)

    def _merged(self, own: Interfaces, declared: Interfaces, node: Node) -> Interfaces:
        result: Interfaces = {}
        for interface in dict.fromkeys((*declared, *own)):
            ours, theirs = own.get(interface, {}), declared.get(interface, {})
            result[interface] = {
                name: self._one(ours.get(name), theirs.get(name), node) for name in dict.fromkeys((*theirs, *ours))
            }
        return result

    def _one(self, own: Operation | None, declared: Operation | None, node: Node) -> Operation:
        """A template's operation: its own fields over its type's, as long as both run the same thing."""
        if declared is None or own == NO_OPERATION or (own is not None and declared == NO_OPERATION):
            return own or NO_OPERATION
        if own is None and not declared["inputs"]:
            return declared
        given: Operation = own or NO_OPERATION
        where = self.reading.node_of(own, node) if own is not None else node
        if given["implementation"] not in ("", declared["implementation"]):
            return own or NO_OPERATION
        merged = {key: declared[key] if value in (None, "") else value for key, value in given.items()}
        merged["inputs"] = self._inputs(given["inputs"], declared["inputs"], where)
        self.reading.remember(merged, where)
        return merged

    def _inputs(self, given: dict[str, Json], schema: Mapping[str, Any], node: Node) -> dict[str, Json]:
        inputs: dict[str, Json] = {**defaults(schema), **given}
        missing = [name for name, about in schema.items() if name not in inputs and about.get("required", True)]
        if missing:
            self.reading.tell(node, "missing-input", f"the operation needs {one_of(missing)} in its `inputs`")
        for name, about in schema.items():
            value: Any = inputs.get(name)
            if about.get("type") and is_function(value) and TYPE not in value:
                inputs[name] = {**value, TYPE: about["type"]}
                self.reading.remember(inputs[name], self.reading.node_of(value, node))
        return inputs

    def _operations(self, interfaces: Interfaces, node: Node) -> Operations:
        result: Operations = {}
        ambiguous = set()
        for interface, operations in interfaces.items():
            for name, operation in operations.items():
                made = self._operation(name, operation, node)
                if name in result:
                    ambiguous.add(name)
                result[name] = result[f"{interface}.{name}"] = made
        return {name: made for name, made in result.items() if name not in ambiguous}

    def _operation(self, name: str, operation: Operation, node: Node) -> dict[str, Json]:
        implementation, inputs = operation["implementation"], operation["inputs"]
        plugin, function, executor = "", "", operation["executor"]
        if not implementation:
            operation, inputs = NO_OPERATION, {}
            executor = None
        else:
            node = self.reading.node_of(operation, node)
            try:
                target = self.targets.find(implementation)
            except Unmapped as error:
                told(error, node.place_of(("implementation",)), self.reading)
                return self._plan(NO_OPERATION, "", "", None, {})
            plugin, function = target.plugin, target.function
            if target.script:
                self._check_no_script(inputs, node)
                function, executor = RUN_SCRIPT, executor or "auto"
                inputs = {**inputs, target.script: implementation}
            else:
                executor = executor or self.plugins[plugin]["executor"]
        return self._plan(operation, plugin, function, executor, inputs)

    def _plan(
        self, operation: Operation, plugin: str, function: str, executor: str | None, inputs: dict[str, Json]
    ) -> dict[str, Json]:
        plan = {
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
        types = {name: value[TYPE] for name, value in inputs.items() if is_function(value) and TYPE in value}
        return {**plan, "inputs_types": types} if types else plan

    def _check_no_script(self, inputs: Mapping[str, Json], node: Node) -> None:
        for name in _SCRIPT_INPUTS:
            if name in inputs:
                self.reading.tell(
                    node.place_of(("inputs", name)), "implementation", f"`{name}` is what the implementation is already"
                )

"""Parsers of single entries of sections, with the rules that concern one entry."""

from typing import cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.dsl.compilation import Compilation
from cfy_cli.dsl.functions.names import called_function, is_function
from cfy_cli.dsl.parsers import (
    TEXT,
    FreeList,
    ListOf,
    Name,
    Record,
    Scalar,
    describe_value,
    report_type,
)
from cfy_cli.dsl.value_types import PRIMITIVE_TYPES, REFERENCE_TYPES
from cfy_cli.dsl.versions import version_name
from cfy_cli.dsl.yaml_nodes import YamlNode


class ImplementationText:
    """The implementation of an operation or workflow: a plugin function, a script's path or URL, or a script itself."""

    def parse(self, node: YamlNode, compilation: Compilation) -> str:
        text = TEXT.parse(node, compilation)
        if not text or "\n" in text.strip() or "://" in text:
            return text or ""
        return node.source.qualify(text)


class TypeName(Name):
    """The type of a value: a primitive type or a data type."""

    def __init__(self) -> None:
        super().__init__("data_types", built_in=PRIMITIVE_TYPES)

    def parse(self, node: YamlNode, compilation: Compilation) -> str | None:
        name = super().parse(node, compilation)
        since = REFERENCE_TYPES.get(name or "")
        if since and compilation.version < since and not node.source.basic:
            compilation.report(node, "version", f"the type `{name}` needs {version_name(since)} or later")
        return name


class Parameter(Record):
    """The declaration of an input of a deployment or operation, or of a parameter of a workflow."""

    def parse(self, node: YamlNode, compilation: Compilation) -> JsonObject:
        if isinstance(node.value, (str, int, float, list)):
            message = f"expected a mapping, got {describe_value(node.value)}"
            compilation.report(node, "type", message, "write a default as `{default: VALUE}`")
            return {}
        values = super().parse(node, compilation)
        kind, item_type = values.get("type"), values.get("item_type")
        if item_type and kind != "list":
            compilation.report(node.key_location("item_type"), "type", "`item_type` requires `type: list`")
        if values.get("hidden") and values.get("required", True) and "default" not in values:
            compilation.report(node, "hidden", "an input that is both hidden and required needs a default")
        if values.get("display") and kind != "textarea":
            compilation.report(node.key_location("display"), "type", "`display` requires `type: textarea`")
        return values


class Plugin(Record):
    def parse(self, node: YamlNode, compilation: Compilation) -> JsonObject:
        values = super().parse(node, compilation)
        if values["install"] and not (values["source"] or values["package_name"]):
            compilation.report(node, "plugin", "a plugin with `install: true` needs a `source` or a `package_name`")
        properties = cast("JsonObject", values["properties"])
        return {**values, "properties": {node.source.qualify(name): value for name, value in properties.items()}}


class DeploymentSettings(Record):
    """Settings of deployments; if the section is there, the plan has an entry for schedules too."""

    def parse(self, node: YamlNode, compilation: Compilation) -> JsonObject:
        values = super().parse(node, compilation)
        return {"default_schedules": {}, **values} if isinstance(node.value, dict) else values


class LabelValues:
    """The values of a label: strings or, for labels of deployments, functions evaluated at the creation."""

    def __init__(self, *, functions: bool) -> None:
        self.functions = functions
        self.values = FreeList()

    def parse(self, node: YamlNode, compilation: Compilation) -> list[Json]:
        values = self.values.parse(node, compilation)
        for item in node.value if isinstance(node.value, list) else ():
            if isinstance(item.value, str) or (self.functions and is_function(item.plain)):
                if called_function(item.plain) == "get_attribute":
                    compilation.report(item, "function", "the values of a label cannot call `get_attribute`")
            else:
                report_type("a string or a function" if self.functions else "a string", item, compilation)
        return values


class NonEmptyNames:
    """A list of one or more distinct names."""

    def __init__(self, name: Name, noun: str) -> None:
        self.names, self.noun = ListOf(name), noun

    def parse(self, node: YamlNode, compilation: Compilation) -> list[str]:
        names = [name for name in self.names.parse(node, compilation) if name is not None]
        if node.value == []:
            compilation.report(node, "empty", f"at least one {self.noun} is required")
        return list(dict.fromkeys(names))


NUMBER = Scalar("a number", int, float)

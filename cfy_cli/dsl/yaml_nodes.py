"""YAML values that know their locations."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.dsl.problems import Location

NodeValue: TypeAlias = "dict[str, YamlNode] | list[YamlNode] | str | int | float | bool | None"
Path = tuple[str | int, ...]  # keys and list indexes below a node


@dataclass(eq=False, slots=True)
class SourceFile:
    """A file of a blueprint: its name in problems, and the namespace under which it is imported."""

    file: str
    namespace: str = ""
    basic: bool = False  # it holds the basic types, which have no namespace
    memo: dict[int, object] | None = None  # of a bundled file only: results of parsing its nodes, kept per process

    def qualify(self, name: str) -> str:
        return f"{self.namespace}--{name}" if self.namespace and not name.startswith("cloudify.") else name


class YamlNode:
    """A scalar, a list of nodes or a mapping of nodes; `keys` has a node, and so a location, for each mapping key."""

    __slots__ = ("column", "keys", "line", "size", "source", "value")

    def __init__(
        self,
        value: NodeValue,
        source: SourceFile,
        line: int = 1,
        column: int = 1,
        keys: dict[str, "YamlNode"] | None = None,
        size: int = 1,
    ) -> None:
        self.value = value
        self.source = source
        self.line = line
        self.column = column
        self.keys = keys or {}
        self.size = size  # values in it, with aliases expanded

    @property
    def location(self) -> Location:
        return Location(self.source.file, self.line, self.column)

    @property
    def plain(self) -> Json:
        """The value without locations."""
        value = self.value
        if isinstance(value, dict):
            plain: JsonObject = {key: node.plain for key, node in value.items()}
            return plain
        if isinstance(value, list):
            return [node.plain for node in value]
        return value

    def items(self) -> Iterator[tuple[str, "YamlNode"]]:
        """Iterate over the entries of a mapping; anything else has none."""
        return iter(self.value.items() if isinstance(self.value, dict) else ())

    def get(self, key: str) -> "YamlNode | None":
        return self.value.get(key) if isinstance(self.value, dict) else None

    def with_entries(self, entries: "dict[str, YamlNode]") -> "YamlNode":
        """Return a copy of a mapping with entries replaced or added; return anything else unchanged."""
        if not isinstance(self.value, dict):
            return self
        return YamlNode({**self.value, **entries}, self.source, self.line, self.column, self.keys)

    def key_location(self, key: str) -> Location:
        return self.keys[key].location if key in self.keys else self.location

    def locate(self, path: Path) -> Location:
        """Return the location of the value at `path`, or of its nearest ancestor that exists."""
        location, node = self.location, self
        for step in path:
            if isinstance(node.value, dict) and step in node.value:
                key = str(step)
                location, node = node.key_location(key), node.value[key]
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                location = node.location
            else:
                break
        return location


def build_node(value: object, source: SourceFile) -> YamlNode:
    """Return a node for a plain value that is not written in a file."""
    if isinstance(value, dict):
        return YamlNode({str(key): build_node(item, source) for key, item in value.items()}, source)
    if isinstance(value, (list, tuple)):
        return YamlNode([build_node(item, source) for item in value], source)
    assert value is None or isinstance(value, (str, int, float))
    return YamlNode(value, source)

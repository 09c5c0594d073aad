"""YAML whose every value remembers where it was written."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from cfy_cli.dsl.problems import Place, Problems, near

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

LARGEST_FILE = 5_000_000  # bytes
MOST_VALUES = 1_000_000  # after aliases are expanded
DEEPEST = 100  # collections within collections
TOO_DEEP = f"collections are nested over {DEEPEST} deep"

_TAG = "tag:yaml.org,2002:"
# A date is left as it was typed: nothing in a blueprint is a date, and JSON has none.
_TEXT = (_TAG + "str", _TAG + "timestamp", _TAG + "value", _TAG + "merge")
_SCALARS = (_TAG + "int", _TAG + "float", _TAG + "bool", _TAG + "null")


@dataclass(eq=False, slots=True)
class Source:
    """A file as it takes part in a blueprint: its name in problems, and the namespace it is imported under."""

    file: str
    namespace: str = ""
    basic: bool = False  # it holds the basic types, which are everybody's and have no namespace
    memo: dict[int, Any] | None = None  # of a bundled file only: what was made of its nodes, kept in the process

    def qualify(self, name: str) -> str:
        return f"{self.namespace}--{name}" if self.namespace and not name.startswith("cloudify.") else name


class Node:
    """A scalar, a list of nodes or a mapping of nodes, and its place; `keys` holds the places of a mapping's keys."""

    __slots__ = ("column", "keys", "line", "size", "source", "value")

    def __init__(
        self,
        value: Any,
        source: Source,
        line: int = 1,
        column: int = 1,
        keys: dict[str, "Node"] | None = None,
        size: int = 1,
    ) -> None:
        self.value = value
        self.source = source
        self.line = line
        self.column = column
        self.keys = keys or {}
        self.size = size

    @property
    def place(self) -> Place:
        return Place(self.source.file, self.line, self.column)

    @property
    def plain(self) -> Any:
        """The value without places, as JSON would hold it."""
        value = self.value
        if isinstance(value, dict):
            return {key: node.plain for key, node in value.items()}
        if isinstance(value, list):
            return [node.plain for node in value]
        return value

    def items(self) -> Iterator[tuple[str, "Node"]]:
        """A mapping's entries; nothing for anything else."""
        return iter(self.value.items() if isinstance(self.value, dict) else ())

    def get(self, key: str) -> "Node | None":
        return self.value.get(key) if isinstance(self.value, dict) else None

    def with_entries(self, entries: "dict[str, Node]") -> "Node":
        """This mapping with some entries replaced or added; what is no mapping stays."""
        if not isinstance(self.value, dict):
            return self
        return Node({**self.value, **entries}, self.source, self.line, self.column, self.keys)

    def key_place(self, key: str) -> Place:
        return self.keys[key].place if key in self.keys else self.place

    def place_of(self, path: tuple[str | int, ...]) -> Place:
        """The place of what is at `path` below, or of the nearest thing above it."""
        place, node = self.place, self
        for step in path:
            if isinstance(node.value, dict) and step in node.value:
                place, node = node.key_place(str(step)), node.value[step]
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                place = node.place
            else:
                break
        return place


def node_of(value: Any, source: Source) -> Node:
    """A node for a plain value that nobody wrote down in a file."""
    if isinstance(value, dict):
        return Node({str(key): node_of(item, source) for key, item in value.items()}, source)
    if isinstance(value, (list, tuple)):
        return Node([node_of(item, source) for item in value], source)
    return Node(value, source)


def read(data: bytes, source: Source, problems: Problems) -> Node | None:
    """The document in `data`, or None when it cannot be used at all; an empty file is an empty mapping."""
    if len(data) > LARGEST_FILE:
        problems.add(Place(source.file, 1, 1), "too-large", f"the file is over {LARGEST_FILE // 1_000_000} MB")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.add(Place(source.file, line, 1), "yaml", "the file is not UTF-8 text")
        return None
    try:
        return _Builder(Loader(text), source, problems).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        place = Place(source.file, mark.line + 1, mark.column + 1) if mark else Place(source.file, 1, 1)
        if "nesting" in str(reason):  # the library has a limit too, and may look that far ahead
            problems.add(place, "too-deep", TOO_DEEP)
        else:
            problems.add(place, "yaml", f"not YAML: {reason}")
    except _Unusable:
        pass
    return None


class _Unusable(Exception):
    """The document cannot be used; the problem is already told."""


class _Builder:
    """Makes nodes of the YAML library's events; what an anchor names is made once and shared.

    The library's own composer calls itself for each level, in C, so that a hostile file ends the process.
    """

    def __init__(self, loader: Any, source: Source, problems: Problems) -> None:
        self.loader, self.source, self.problems = loader, source, problems
        self.anchors: dict[str, Node | None] = {}
        self.known: dict[str, Any] = {}  # unquoted text -> what it means

    def document(self) -> Node:
        self.loader.get_event()  # the stream starts
        if isinstance(self.loader.get_event(), yaml.StreamEndEvent):
            return Node({}, self.source)
        root = self.node(self.loader.get_event(), 0)
        self.loader.get_event()  # the document ends
        more = self.loader.get_event()
        if not isinstance(more, yaml.StreamEndEvent):
            self.tell(more, "yaml", "a second document begins here; a blueprint is one document")
        return Node({}, self.source) if root.value is None else root

    def node(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self.named(event, self.scalar(event))
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        if depth >= DEEPEST:
            raise self.told(event, "too-deep", TOO_DEEP)
        if event.anchor:
            self.anchors[event.anchor] = None  # not yet: it may not hold itself
        if isinstance(event, yaml.MappingStartEvent):
            return self.named(event, self.mapping(event, depth))
        return self.named(event, self.sequence(event, depth))

    def named(self, event: Any, node: Node) -> Node:
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def alias(self, event: Any) -> Node:
        if event.anchor not in self.anchors:
            raise self.told(
                event, "alias", f"nothing is named `&{event.anchor}` above{near(event.anchor, self.anchors)}"
            )
        node = self.anchors[event.anchor]
        if node is None:
            raise self.told(event, "alias", f"`*{event.anchor}` is used inside what it names")
        return node

    def scalar(self, event: Any) -> Node:
        mark = event.start_mark
        value = event.value
        if event.tag or event.implicit[0]:  # not in quotes
            is_known = event.tag is None and value in self.known
            value = self.known[value] if is_known else self.meaning(event)
        return Node(value, self.source, mark.line + 1, mark.column + 1)

    def meaning(self, event: Any) -> Any:
        tag = event.tag if event.tag not in (None, "!") else None
        tag = tag or self.loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag in _TEXT:
            value = event.value
        elif tag not in _SCALARS:
            return self.unknown_tag(event, tag)
        else:
            try:
                value = self.loader.construct_object(yaml.ScalarNode(tag, event.value))
            except (ValueError, KeyError, yaml.YAMLError):
                return self.tell(event, "yaml", f"`{event.value}` is not {_short(tag)}")
            if isinstance(value, float) and not math.isfinite(value):
                return self.tell(event, "yaml", f"`{event.value}` is not a number a blueprint can hold")
        if event.tag is None:
            self.known[event.value] = value
        return value

    def sequence(self, event: Any, depth: int) -> Node:
        self.check_tag(event, "seq")
        items: list[Node] = []
        size, next_event = 1, self.loader.get_event
        while not isinstance(item := next_event(), yaml.SequenceEndEvent):
            items.append(self.node(item, depth + 1))
            size += items[-1].size
        return self.collection(event, items, None, size)

    def mapping(self, event: Any, depth: int) -> Node:
        self.check_tag(event, "map")
        values: dict[str, Node] = {}
        keys: dict[str, Node] = {}
        merged: list[Node] = []
        size, next_event = 1, self.loader.get_event
        while not isinstance(item := next_event(), yaml.MappingEndEvent):
            key = self.node(item, depth + 1)
            value = self.node(next_event(), depth + 1)
            size += value.size
            if not isinstance(item, yaml.ScalarEvent):
                self.tell(item, "yaml", "a key must be text")
            elif item.value == "<<" and item.implicit[0]:
                merged += self.to_merge(value)
            else:
                name = item.value  # as typed: `on` and `1` stay what they look like
                if name in values:
                    self.tell(item, "duplicate-key", f"`{name}` is already set at {keys[name].place}")
                values[name], keys[name] = value, key
        if merged:
            values, keys = _merge([Node(values, self.source, keys=keys), *merged])
        return self.collection(event, values, keys, size)

    def to_merge(self, node: Node) -> list[Node]:
        """What `<<` brings in: of several mappings the first has its way."""
        several: list[Node] = node.value if isinstance(node.value, list) else [node]
        for item in several:
            if not isinstance(item.value, dict):
                self.problems.add(item.place, "yaml", "`<<` takes a mapping or a list of mappings")
        return [item for item in several if isinstance(item.value, dict)]

    def collection(self, event: Any, value: Any, keys: dict[str, Node] | None, size: int) -> Node:
        if size > MOST_VALUES:
            raise self.told(event, "alias", f"this holds over {MOST_VALUES:,} values once its aliases are expanded")
        mark = event.start_mark
        return Node(value, self.source, mark.line + 1, mark.column + 1, keys, size)

    def check_tag(self, event: Any, expected: str) -> None:
        if event.tag not in (None, "!", _TAG + expected):
            self.unknown_tag(event, event.tag)

    def unknown_tag(self, event: Any, tag: str) -> None:
        self.tell(event, "yaml", f"the tag {_short(tag)} is not known here; a blueprint holds plain values")

    def tell(self, event: Any, rule: str, message: str) -> None:
        mark = event.start_mark
        self.problems.add(Place(self.source.file, mark.line + 1, mark.column + 1), rule, message)

    def told(self, event: Any, rule: str, message: str) -> _Unusable:
        self.tell(event, rule, message)
        return _Unusable(message)


def _merge(mappings: list[Node]) -> tuple[dict[str, Node], dict[str, Node]]:
    """The entries of all, those of the earlier over those of the later, and their keys."""
    values: dict[str, Node] = {}
    keys: dict[str, Node] = {}
    for mapping in reversed(mappings):
        values.update(mapping.value)
        keys.update(mapping.keys)
    return values, keys


def _short(tag: str) -> str:
    return "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag

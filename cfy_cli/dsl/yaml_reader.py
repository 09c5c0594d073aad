"""Reading YAML into nodes that know their locations."""

from typing import Any, cast

import yaml

from cfy_cli.contract.json import Json
from cfy_cli.contract.json_values import find_fault
from cfy_cli.contract.limits import active_limits
from cfy_cli.dsl.problems import Location, Problems, suggest
from cfy_cli.dsl.yaml_advice import explain
from cfy_cli.dsl.yaml_nodes import NodeValue, SourceFile, YamlNode

FastLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, which refuses a little more
Event = Any  # yaml.Event, whose types say that locations may be missing; those of the parser never are

MAX_FILE_SIZE = 5_000_000  # bytes
MAX_SLOW_SIZE = 500_000  # bytes that are read again without libyaml, which takes some seconds
MAX_SHOWN = 40  # characters of a number in a problem
MAX_EXPANSION = 20  # times as many values as are written, through aliases, once there are UNSUSPICIOUS values
UNSUSPICIOUS = 100_000

_TAG = "tag:yaml.org,2002:"
# Dates stay strings: no value of a blueprint is a date, and JSON has none.
_STRING_TAGS = (_TAG + "str", _TAG + "timestamp", _TAG + "value", _TAG + "merge")
_SCALAR_TAGS = (_TAG + "int", _TAG + "float", _TAG + "bool", _TAG + "null")


def read_yaml(data: bytes, source: SourceFile, problems: Problems) -> YamlNode | None:
    """Return the document in `data`, or None if it is unusable; an empty file is an empty mapping."""
    if len(data) > MAX_FILE_SIZE:
        problems.add(
            Location(source.file, 1, 1), "too-large", f"the file is larger than {MAX_FILE_SIZE // 1_000_000} MB"
        )
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.add(Location(source.file, line, 1), "yaml", "the file is not UTF-8 text")
        return None
    try:
        return _read_text(text, source, problems)
    except yaml.YAMLError as error:
        advice = explain(error, text)
        location = Location(source.file, advice.line + 1, advice.column + 1)
        if _is_nesting(error):
            problems.add(location, "too-deep", _too_deep())
        else:
            problems.add(location, "yaml", advice.message, advice.hint)
    except _Unusable:
        pass
    return None


def load_plain(text: bytes, name: str = "") -> Json:
    """Return YAML without locations, read by the same rules as a blueprint. Raises ValueError with a sentence."""
    problems = Problems()
    node = read_yaml(text, SourceFile(name), problems)
    if problems.errors or node is None:
        raise ValueError(str(problems.errors[0]) if name else problems.errors[0].text)
    return node.plain


def _too_deep() -> str:
    return f"collections are nested more than {active_limits().json_depth} levels deep"


def _read_text(text: str, source: SourceFile, problems: Problems) -> YamlNode:
    """Read with libyaml; what it refuses is read again as the public parser does, such as `{concat:[a, b]}`."""
    try:
        return _Reader(FastLoader(text), source, problems).document()
    except yaml.YAMLError as error:
        if _is_nesting(error) or len(text) > MAX_SLOW_SIZE:
            raise
    return _Reader(yaml.SafeLoader(text), source, problems).document()


def _is_nesting(error: yaml.YAMLError) -> bool:
    """Return whether libyaml has reached its own limit of levels, by reading ahead."""
    return "nesting" in _reason(error)


def _reason(error: yaml.YAMLError) -> str:
    return getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"


class _Unusable(Exception):
    """The document is unusable; the problem is already reported."""


class _Reader:
    """Builds nodes from the events of the YAML library; aliases share the node of their anchor.

    The library's own composer recurses in C for each level, so that a hostile file would crash the process.
    """

    def __init__(self, loader: Any, source: SourceFile, problems: Problems) -> None:
        self.loader, self.source, self.problems = loader, source, problems
        self.anchors: dict[str, YamlNode | None] = {}
        self.resolved: dict[str, NodeValue] = {}  # values of unquoted scalars, by their text
        self.limits = active_limits()
        self.written = 0  # values so far, without the expansion of aliases

    def document(self) -> YamlNode:
        self.loader.get_event()  # start of the stream
        if isinstance(self.loader.get_event(), yaml.StreamEndEvent):
            return YamlNode({}, self.source)
        root = self.node(self.loader.get_event(), 0)
        self.loader.get_event()  # end of the document
        more = self.loader.get_event()
        if not isinstance(more, yaml.StreamEndEvent):
            self.report(more, "yaml", "a second document begins here; a file must be a single document")
        return YamlNode({}, self.source) if root.value is None else root

    def node(self, event: Event, depth: int) -> YamlNode:
        if isinstance(event, yaml.ScalarEvent):
            return self.anchored(event, self.scalar(event))
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        if depth >= self.limits.json_depth:
            raise self.unusable(event, "too-deep", _too_deep())
        if event.anchor:
            self.anchors[event.anchor] = None  # incomplete: it must not contain itself
        if isinstance(event, yaml.MappingStartEvent):
            return self.anchored(event, self.mapping(event, depth))
        return self.anchored(event, self.sequence(event, depth))

    def anchored(self, event: Event, node: YamlNode) -> YamlNode:
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def alias(self, event: Event) -> YamlNode:
        if event.anchor not in self.anchors:
            raise self.unusable(
                event, "alias", f"there is no anchor `&{event.anchor}` above{suggest(event.anchor, self.anchors)}"
            )
        node = self.anchors[event.anchor]
        if node is None:
            raise self.unusable(event, "alias", f"the alias `*{event.anchor}` is used inside of its own anchor")
        return node

    def scalar(self, event: Event) -> YamlNode:
        mark = event.start_mark
        value: NodeValue = event.value
        if event.tag or event.implicit[0]:  # unquoted
            is_known = event.tag is None and value in self.resolved
            value = self.resolved[event.value] if is_known else self.resolve(event)
        if event.style == '"' and (fault := find_fault(value)):  # by an escape sequence
            self.report(event, "yaml", f"this text contains {fault}")
        return YamlNode(value, self.source, mark.line + 1, mark.column + 1)

    def resolve(self, event: Event) -> NodeValue:
        """Return the value of an unquoted or tagged scalar."""
        tag = event.tag if event.tag not in (None, "!") else None
        tag = tag or self.loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        value: NodeValue = event.value
        if tag not in _STRING_TAGS:
            if tag not in _SCALAR_TAGS:
                self.report_tag(event, tag)
                return None
            try:
                value = cast("NodeValue", self.loader.construct_object(yaml.ScalarNode(tag, event.value)))
            except (ValueError, KeyError, yaml.YAMLError):
                self.report(event, "yaml", f"`{event.value}` is not a valid {_short(tag)}")
                return None
            if find_fault(value):
                reason = "not a finite number" if isinstance(value, float) else "too large a number"
                self.report(event, "yaml", f"`{event.value[:MAX_SHOWN]}` is {reason}")
                return None
        if event.tag is None:
            self.resolved[event.value] = value
        return value

    def sequence(self, event: Event, depth: int) -> YamlNode:
        self.check_tag(event, "seq")
        self.written += 1
        items: list[YamlNode] = []
        size, next_event = 1, self.loader.get_event
        while not isinstance(item := next_event(), yaml.SequenceEndEvent):
            items.append(self.node(item, depth + 1))
            size += items[-1].size
        self.written += len(items)
        return self.collection(event, items, None, size)

    def mapping(self, event: Event, depth: int) -> YamlNode:
        self.check_tag(event, "map")
        values: dict[str, YamlNode] = {}
        keys: dict[str, YamlNode] = {}
        merged: list[YamlNode] = []
        size, next_event = 1, self.loader.get_event
        while not isinstance(item := next_event(), yaml.MappingEndEvent):
            key = self.node(item, depth + 1)
            value = self.node(next_event(), depth + 1)
            size += value.size
            if not isinstance(item, yaml.ScalarEvent):
                hint = "put a template in quotes: '{{ ... }}'" if isinstance(item, yaml.MappingStartEvent) else ""
                self.report(item, "yaml", "a key must be a string", hint)
            elif item.value == "<<" and item.implicit[0]:
                merged += self.merge_sources(value)
            else:
                name = item.value  # as typed: the keys `on` and `1` stay strings
                if name in values:
                    self.warn_of_duplicate(name, key, keys[name])
                values[name], keys[name] = value, key
        if merged:
            values, keys = _merge([YamlNode(values, self.source, keys=keys), *merged])
        self.written += len(values)
        return self.collection(event, values, keys, size)

    def warn_of_duplicate(self, name: str, key: YamlNode, first: YamlNode) -> None:
        self.problems.warn(
            key.location,
            "duplicate-key",
            f"`{name}` is already set at {first.location}, and only this value counts",
            "remove one of them",
        )

    def merge_sources(self, node: YamlNode) -> list[YamlNode]:
        """Return the mappings that `<<` merges, in order of precedence."""
        items = node.value if isinstance(node.value, list) else [node]
        for item in items:
            if not isinstance(item.value, dict):
                self.problems.add(item.location, "yaml", "`<<` takes a mapping or a list of mappings")
        return [item for item in items if isinstance(item.value, dict)]

    def collection(self, event: Event, value: NodeValue, keys: dict[str, YamlNode] | None, size: int) -> YamlNode:
        limit = min(self.limits.json_values, max(UNSUSPICIOUS, MAX_EXPANSION * self.written))
        if size > limit:
            raise self.unusable(event, "alias", f"this holds more than {limit:,} values once its aliases are expanded")
        mark = event.start_mark
        return YamlNode(value, self.source, mark.line + 1, mark.column + 1, keys, size)

    def check_tag(self, event: Event, expected: str) -> None:
        if event.tag not in (None, "!", _TAG + expected):
            self.report_tag(event, event.tag)

    def report_tag(self, event: Event, tag: str) -> None:
        self.report(event, "yaml", f"unknown tag {_short(tag)}; a blueprint can contain plain values only")

    def report(self, event: Event, rule: str, message: str, hint: str = "") -> None:
        mark = event.start_mark
        self.problems.add(Location(self.source.file, mark.line + 1, mark.column + 1), rule, message, hint)

    def unusable(self, event: Event, rule: str, message: str) -> _Unusable:
        self.report(event, rule, message)
        return _Unusable(message)


def _merge(mappings: list[YamlNode]) -> tuple[dict[str, YamlNode], dict[str, YamlNode]]:
    """Return the entries and keys of all mappings; the first mapping takes precedence."""
    values: dict[str, YamlNode] = {}
    keys: dict[str, YamlNode] = {}
    for mapping in reversed(mappings):
        values.update(mapping.items())
        keys.update(mapping.keys)
    return values, keys


def _short(tag: str) -> str:
    return "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag

"""What a section may look like, said once and checked everywhere."""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Protocol

from cfy_cli.dsl.problems import Place, Problems, near, one_of
from cfy_cli.dsl.source import Node
from cfy_cli.dsl.versions import Version, name_of


@dataclass(slots=True)
class Mention:
    """A name that must be defined somewhere, in one of `sections`; looked up when all is read."""

    node: Node
    name: str
    sections: tuple[str, ...]


@dataclass(slots=True)
class Reading:
    """One pass over a document: the version that counts, what is wrong, and what later phases want to know."""

    version: Version
    problems: Problems
    value: Callable[["Reading", Node], Any]  # how a free value is read; see functions/written.py
    mentions: list[Mention] = field(default_factory=list)
    _written: dict[int, tuple[Any, Node]] = field(default_factory=dict)

    def tell(self, place: Node | Place, rule: str, message: str) -> None:
        self.problems.add(place.place if isinstance(place, Node) else place, rule, message)

    def remember(self, made: Any, node: Node) -> Any:
        """`made` comes from `node`; kept, so that a later phase can say where."""
        if node.source.memo is None:
            self._written[id(made)] = made, node
        return made

    def node_of(self, made: Any, otherwise: Node) -> Node:
        return self._written.get(id(made), (None, otherwise))[1]


class Shape(Protocol):
    def read(self, node: Node, reading: Reading) -> Any:
        """The value in the form the next phase wants; what is wrong is told, and something harmless returned."""


class Scalar:
    def __init__(self, called: str, *types: type, choices: tuple[str, ...] = ()) -> None:
        self.called, self.types, self.choices = called, types, choices

    def read(self, node: Node, reading: Reading) -> Any:
        value = node.value
        if value is None:
            return None
        if not isinstance(value, self.types) or (isinstance(value, bool) and bool not in self.types):
            return expected(self.called, node, reading)
        if self.choices and value not in self.choices:
            hint = near(str(value), self.choices) if len(self.choices) > 1 else ""
            return reading.tell(node, "choice", f"`{value}` is not one of {one_of(self.choices)}{hint}")
        return value


TEXT = Scalar("a string", str)
BOOLEAN = Scalar("true or false", bool)
INTEGER = Scalar("a whole number", int)


def choice(*choices: str) -> Scalar:
    return Scalar("a string", str, choices=choices)


class AtLeast(Scalar):
    """A number that is not too small."""

    def __init__(self, least: int, called: str, *types: type) -> None:
        super().__init__(called, *types)
        self.least = least

    def read(self, node: Node, reading: Reading) -> Any:
        value = super().read(node, reading)
        if value is not None and value < self.least:
            return reading.tell(node, "range", f"`{value}` is less than {self.least}")
        return value


class Anything:
    """Free data, in which functions may stand."""

    def read(self, node: Node, reading: Reading) -> Any:
        return reading.value(reading, node)


class FreeMap(Anything):
    """Free data that is a mapping."""

    def read(self, node: Node, reading: Reading) -> Any:
        return {} if _is_no(dict, "a mapping", node, reading) else super().read(node, reading)


class FreeList(Anything):
    def read(self, node: Node, reading: Reading) -> Any:
        return [] if _is_no(list, "a list", node, reading) else super().read(node, reading)


class Either:
    """One of two forms; which it is, a mapping or not, decides."""

    def __init__(self, scalar: Shape, mapping: Shape) -> None:
        self.scalar, self.mapping = scalar, mapping

    def read(self, node: Node, reading: Reading) -> Any:
        return (self.mapping if isinstance(node.value, dict) else self.scalar).read(node, reading)


class Unread:
    """A mapping that a later phase reads, once it knows the schema."""

    def read(self, node: Node, reading: Reading) -> Node | None:
        return None if _is_no(dict, "a mapping", node, reading) else node


class Name:
    """What is defined under this name in one of `sections`."""

    def __init__(self, *sections: str, built_in: frozenset[str] = frozenset()) -> None:
        self.sections, self.built_in = sections, built_in

    def read(self, node: Node, reading: Reading) -> Any:
        name = TEXT.read(node, reading)
        if name is None or name in self.built_in:
            return name
        name = node.source.qualify(name)
        if node.source.memo is None:
            reading.mentions.append(Mention(node, name, self.sections))
        return name


class ListOf:
    def __init__(self, of: Shape) -> None:
        self.of = of

    def read(self, node: Node, reading: Reading) -> list[Any]:
        if _is_no(list, "a list", node, reading):
            return []
        return [self.of.read(item, reading) for item in node.value]


class MapOf:
    def __init__(self, of: Shape) -> None:
        self.of = of

    def read(self, node: Node, reading: Reading) -> dict[str, Any]:
        if _is_no(dict, "a mapping", node, reading):
            return {}
        return {key: _once(self.of, value, reading) for key, value in node.items()}


class Since:
    """What the language has from a version on; what a bundled file says is always understood."""

    def __init__(self, version: Version, of: Shape) -> None:
        self.version, self.of = version, of

    def read(self, node: Node, reading: Reading) -> Any:
        if reading.version < self.version and node.value is not None and not node.source.basic:
            reading.tell(
                node, "version", f"this needs {name_of(self.version)} or later; this is {name_of(reading.version)}"
            )
        return self.of.read(node, reading)


class Entries:
    """A mapping with known keys.

    It becomes `into`, a dataclass with a `node` field, whose fields without a default are the required keys;
    without `into` a dictionary with just the keys that were given, or, with `rest`, those too for the others.
    A lone string is taken for the value of the key `short`.
    """

    def __init__(
        self,
        into: type | None = None,
        *,
        keys: dict[str, Shape],
        required: tuple[str, ...] = (),
        rest: dict[str, Any] | None = None,
        short: str | None = None,
    ) -> None:
        self.into, self.keys, self.short, self.rest = into, keys, short, rest
        if into is not None:
            required = tuple(
                each.name
                for each in fields(into)
                if each.default is MISSING and each.default_factory is MISSING and each.name != "node"
            )
        self.required = required

    def read(self, node: Node, reading: Reading) -> Any:
        if self.short and isinstance(node.value, str):
            node = Node({self.short: node}, node.source, node.line, node.column)
        given = {} if _is_no(dict, "a mapping", node, reading) else node.value
        values: dict[str, Any] = {}
        for key, item in given.items():
            if key in self.keys:
                values[key] = self.keys[key].read(item, reading)
            else:
                reading.tell(node.key_place(key), "unknown-key", f"unknown key `{key}`{near(key, self.keys)}")
        for key in self.required:
            if key not in given or given[key].value is None:
                reading.tell(node, "missing-key", f"`{key}` is required here")
                values[key] = None
        if self.into is not None:
            return self.into(
                node=node, **{key: value for key, value in values.items() if value is not None or key in self.required}
            )
        if self.rest is not None:
            values = {**self.rest, **{key: value for key, value in values.items() if value is not None}}
        return reading.remember(values, node)


def _once(shape: Shape, node: Node, reading: Reading) -> Any:
    """What a bundled file says is read once in a process; nobody may change it."""
    memo = node.source.memo
    if memo is None:
        return shape.read(node, reading)
    if id(node) not in memo:
        memo[id(node)] = shape.read(node, reading)
    return memo[id(node)]


def _is_no(kind: type, called: str, node: Node, reading: Reading) -> bool:
    """Whether there is nothing to read; null stands for nothing, and anything else but `kind` is told."""
    if isinstance(node.value, kind):
        return False
    if node.value is not None:
        expected(called, node, reading)
    return True


def expected(called: str, node: Node, reading: Reading) -> None:
    reading.tell(node, "type", f"expected {called}, got {kind_of(node.value)}")


def kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the string `{value if len(value) <= 40 else value[:37] + '...'}`"
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else "nothing"

"""Parser combinators: the grammar of a section is composed of these."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from typing import ClassVar, Generic, Protocol, TypeVar, cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.dsl.compilation import Compilation, Reference
from cfy_cli.dsl.functions.names import called_function
from cfy_cli.dsl.functions.values import parse_value
from cfy_cli.dsl.problems import quote_all, suggest
from cfy_cli.dsl.versions import Version, version_name
from cfy_cli.dsl.yaml_advice import find_missing_blank
from cfy_cli.dsl.yaml_nodes import YamlNode

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Parser(Protocol[T_co]):
    def parse(self, node: YamlNode, compilation: Compilation) -> T_co:
        """Return the value in the form that the next phase needs; report problems, and return a harmless value then."""


class Scalar(Generic[T]):
    """A scalar of some types; null, and a value of another type, is None."""

    def __init__(self, description: str, *types: type[T], choices: tuple[T, ...] = ()) -> None:
        self.description, self.types, self.choices = description, types, choices

    def parse(self, node: YamlNode, compilation: Compilation) -> T | None:
        value = node.value
        if value is None:
            return None
        if not isinstance(value, self.types) or (isinstance(value, bool) and bool not in self.types):
            report_type(self.description, node, compilation)
            return None
        if self.choices and value not in self.choices:
            choices = [str(choice) for choice in self.choices]
            hint = suggest(value, choices) if len(choices) > 1 else ""
            compilation.report(node, "choice", f"`{value}` is not one of {quote_all(choices)}{hint}")
            return None
        return value


TEXT = Scalar("a string", str)
BOOLEAN = Scalar("true or false", bool)
INTEGER = Scalar("an integer", int)


def choice(*choices: str) -> Scalar[str]:
    return Scalar("a string", str, choices=choices)


class AtLeast:
    """A number with a minimum."""

    def __init__(self, minimum: int, scalar: Scalar[int] | Scalar[float]) -> None:
        self.minimum, self.scalar = minimum, scalar

    def parse(self, node: YamlNode, compilation: Compilation) -> float | None:
        value = self.scalar.parse(node, compilation)
        if value is not None and value < self.minimum:
            compilation.report(node, "range", f"`{value}` is less than {self.minimum}")
            return None
        return value


class FreeValue:
    """Free data, which may contain calls of functions."""

    def parse(self, node: YamlNode, compilation: Compilation) -> Json:
        return parse_value(compilation, node)


class FreeMap:
    """Free data that is a mapping."""

    def parse(self, node: YamlNode, compilation: Compilation) -> JsonObject:
        if is_absent(dict, "a mapping", node, compilation):
            return {}
        return cast("JsonObject", parse_value(compilation, node))


class FreeList:
    """Free data that is a list."""

    def parse(self, node: YamlNode, compilation: Compilation) -> list[Json]:
        if is_absent(list, "a list", node, compilation):
            return []
        return cast("list[Json]", parse_value(compilation, node))


class Either:
    """One form for mappings and another one for everything else."""

    def __init__(self, scalar: Parser[object], mapping: Parser[object]) -> None:
        self.scalar, self.mapping = scalar, mapping

    def parse(self, node: YamlNode, compilation: Compilation) -> object:
        return (self.mapping if isinstance(node.value, dict) else self.scalar).parse(node, compilation)


class Deferred:
    """A mapping that a later phase parses, when its schema is known."""

    def parse(self, node: YamlNode, compilation: Compilation) -> YamlNode | None:
        return None if is_absent(dict, "a mapping", node, compilation) else node


class Name:
    """A reference to a definition in one of `sections`."""

    def __init__(self, *sections: str, built_in: frozenset[str] = frozenset()) -> None:
        self.sections, self.built_in = sections, built_in

    def parse(self, node: YamlNode, compilation: Compilation) -> str | None:
        name = TEXT.parse(node, compilation)
        if name is None or name in self.built_in:
            return name
        name = node.source.qualify(name)
        if node.source.memo is None:
            compilation.references.append(Reference(node, name, self.sections))
        return name


class ListOf(Generic[T]):
    def __init__(self, item: Parser[T]) -> None:
        self.item = item

    def parse(self, node: YamlNode, compilation: Compilation) -> list[T]:
        if is_absent(list, "a list", node, compilation):
            return []
        return [self.item.parse(item, compilation) for item in cast("list[YamlNode]", node.value)]


class MapOf(Generic[T]):
    def __init__(self, item: Parser[T]) -> None:
        self.item = item

    def parse(self, node: YamlNode, compilation: Compilation) -> dict[str, T]:
        if is_absent(dict, "a mapping", node, compilation):
            return {}
        return {key: _parse_once(self.item, value, compilation) for key, value in node.items()}


class Since(Generic[T]):
    """A part of the language since some version; the bundled types are exempt."""

    def __init__(self, version: Version, inner: Parser[T]) -> None:
        self.version, self.inner = version, inner

    def parse(self, node: YamlNode, compilation: Compilation) -> T:
        if compilation.version < self.version and node.value is not None and not node.source.basic:
            compilation.report(
                node,
                "version",
                f"this needs {version_name(self.version)} or later; "
                f"this blueprint is {version_name(compilation.version)}",
            )
        return self.inner.parse(node, compilation)


class Record:
    """A mapping with known keys, parsed to a dictionary of the given keys, and of `defaults` for the others.

    A string is taken as the value of the key `shorthand`.
    """

    def __init__(
        self,
        *,
        keys: Mapping[str, Parser[object]],
        required: tuple[str, ...] = (),
        defaults: Mapping[str, object] | None = None,
        shorthand: str | None = None,
    ) -> None:
        self.keys, self.required, self.defaults, self.shorthand = keys, required, defaults, shorthand

    def parse(self, node: YamlNode, compilation: Compilation) -> JsonObject:
        node = _expand(node, self.shorthand)
        values = _parse_keys(node, self.keys, self.required, compilation)
        if self.defaults is not None:
            values = {**self.defaults, **{key: value for key, value in values.items() if value is not None}}
        return compilation.record_origin(cast("JsonObject", values), node)


class Nullable(Generic[T]):
    """A part of the language where null has a meaning of its own."""

    def __init__(self, inner: Parser[T]) -> None:
        self.inner = inner

    def parse(self, node: YamlNode, compilation: Compilation) -> T | None:
        return None if node.value is None else self.inner.parse(node, compilation)


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Field[object]]]


D = TypeVar("D", bound=_Dataclass)


class Declaration(Generic[D]):
    """A mapping with known keys, parsed to a dataclass that has a field for each, and a field `node`.

    Keys whose fields have no default are required. A string is taken as the value of the key `shorthand`.
    """

    def __init__(self, into: type[D], *, keys: Mapping[str, Parser[object]], shorthand: str | None = None) -> None:
        self.build = cast("Callable[..., D]", into)
        self.keys, self.shorthand = keys, shorthand
        self.required = tuple(
            field.name
            for field in fields(into)
            if field.default is MISSING and field.default_factory is MISSING and field.name != "node"
        )

    def parse(self, node: YamlNode, compilation: Compilation) -> D:
        node = _expand(node, self.shorthand)
        values = _parse_keys(node, self.keys, self.required, compilation)
        return self.build(
            node=node, **{key: value for key, value in values.items() if value is not None or key in self.required}
        )


def _expand(node: YamlNode, shorthand: str | None) -> YamlNode:
    if shorthand and isinstance(node.value, str):
        return YamlNode({shorthand: node}, node.source, node.line, node.column)
    return node


def _parse_keys(
    node: YamlNode, keys: Mapping[str, Parser[object]], required: tuple[str, ...], compilation: Compilation
) -> dict[str, object]:
    absent = is_absent(dict, "a mapping", node, compilation)
    if absent and node.value is not None:
        return dict.fromkeys(required)  # reported, and nothing else is known of it
    given = {} if absent else cast("dict[str, YamlNode]", node.value)
    if "value" in required and "value" not in given and called_function(node.plain):
        message = "`value` is required here"
        compilation.report(node, "missing-key", message, "write the function as its value: `value: {...}`")
        return dict.fromkeys(required)
    values: dict[str, object] = {}
    for key, item in given.items():
        if key in keys:
            values[key] = keys[key].parse(item, compilation)
        else:
            compilation.report(node.key_location(key), "unknown-key", f"unknown key `{key}`{suggest(key, keys)}")
    for key in required:
        if key not in given or given[key].value is None:
            compilation.report(node, "missing-key", f"`{key}` is required here")
            values[key] = None
    return values


def _parse_once(parser: Parser[T], node: YamlNode, compilation: Compilation) -> T:
    """Parse a part of a bundled file once per process; nothing may modify the result."""
    memo = node.source.memo
    if memo is None:
        return parser.parse(node, compilation)
    if id(node) not in memo:
        memo[id(node)] = parser.parse(node, compilation)
    return cast("T", memo[id(node)])


def is_absent(kind: type, description: str, node: YamlNode, compilation: Compilation) -> bool:
    """Return whether the value is not of a kind; null means absent, and any other value is reported."""
    if isinstance(node.value, kind):
        return False
    if node.value is not None:
        report_type(description, node, compilation)
    return True


def report_type(description: str, node: YamlNode, compilation: Compilation) -> None:
    hint = find_missing_blank(node.value) if "mapping" in description else ""
    compilation.report(node, "type", f"expected {description}, got {describe_value(node.value)}", hint)


def describe_value(value: object) -> str:
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the string `{value if len(value) <= 40 else value[:37] + '...'}`"
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else "nothing"

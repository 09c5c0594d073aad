"""A JSON schema of blueprint files, for editors; made from the grammar that the compiler parses with."""

from collections.abc import Mapping

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.dsl import parsers
from cfy_cli.dsl.bundled import IMPORT_NAMES
from cfy_cli.dsl.constraints import CONSTRAINTS, MESSAGE, ConstraintParser
from cfy_cli.dsl.definitions import Definitions
from cfy_cli.dsl.entry_parsers import ImplementationText, LabelValues, NonEmptyNames, TypeName
from cfy_cli.dsl.functions.names import NAMES
from cfy_cli.dsl.grammar import DEFINITIONS, NODE_TEMPLATE, SECTIONS
from cfy_cli.dsl.scaling import COUNTS, ScalableParser
from cfy_cli.dsl.value_types import PRIMITIVE_TYPES
from cfy_cli.dsl.versions import VERSION_KEY, VERSIONS

DIALECT = "http://json-schema.org/draft-07/schema#"
TYPE_NAMES: Mapping[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}
CALL = "function"
TEXT: JsonObject = {"type": ["string", "null"]}


def blueprint_schema(definitions: Definitions) -> JsonObject:
    """Return the schema; it proposes the names of the given types, and allows others."""
    known = {
        "node_types": sorted(definitions.node_types),
        "relationships": sorted(definitions.relationships),
        "data_types": sorted(definitions.data_types),
    }
    builder = _SchemaBuilder(known)
    sections: JsonObject = {name: builder.build(parser) for name, parser in SECTIONS.items()}
    imports: JsonObject = {"anyOf": [{"enum": [IMPORT_NAMES[0]]}, {"type": ["string", "object"]}]}
    return {
        "$schema": DIALECT,
        "title": "Blueprint",
        "type": "object",
        "properties": {
            VERSION_KEY: {"enum": [*VERSIONS]},
            "imports": {"type": ["array", "null"], "items": imports},
            "dsl_definitions": builder.build(DEFINITIONS),
            **sections,
        },
        "additionalProperties": False,
        "definitions": {CALL: _call()},
    }


def _call() -> JsonObject:
    """Return the schema of a call of a function."""
    properties: JsonObject = {name: {} for name in sorted(NAMES)}
    return {"type": "object", "properties": {**properties, "type": TEXT}, "additionalProperties": False}


class _SchemaBuilder:
    def __init__(self, known: Mapping[str, list[str]]) -> None:
        self._known = known

    def build(self, parser: parsers.Parser[object]) -> JsonObject:
        """Return the schema of what a parser takes; null is an absent value, as everywhere in the language."""
        match parser:
            case parsers.Since() | parsers.Nullable():
                return self.build(parser.inner)
            case parsers.Scalar():
                return self._scalar(parser)
            case parsers.AtLeast():
                return {**self.build(parser.scalar), "minimum": parser.minimum}
            case parsers.Either():
                return {"anyOf": [self.build(parser.scalar), {"type": "object", **self.build(parser.mapping)}]}
            case parsers.ListOf():
                return {"type": ["array", "null"], "items": self.build(parser.item)}
            case NonEmptyNames():
                return {**self.build(parser.names), "minItems": 1}
            case parsers.MapOf():
                return {"type": ["object", "null"], "additionalProperties": self.build(parser.item)}
            case parsers.Record() | parsers.Declaration():
                return self._record(parser)
            case _:
                return self._leaf(parser)

    def _leaf(self, parser: parsers.Parser[object]) -> JsonObject:
        match parser:
            case TypeName():
                return _proposal([*sorted(PRIMITIVE_TYPES), *self._known["data_types"]])
            case parsers.Name():
                return _proposal([name for section in parser.sections for name in self._known.get(section, [])])
            case ImplementationText():
                return TEXT
            case parsers.FreeMap() | parsers.Deferred():
                return {"type": ["object", "null"]}
            case parsers.FreeList() | LabelValues():
                return {"type": ["array", "null"]}
            case ScalableParser():
                return self.build(COUNTS)
            case ConstraintParser():
                constraints: JsonObject = {name: {"description": each.argument} for name, each in CONSTRAINTS.items()}
                return {"type": "object", "properties": {**constraints, MESSAGE: TEXT}, "additionalProperties": False}
            case _:
                return {}

    def _scalar(self, scalar: "parsers.Scalar[object]") -> JsonObject:
        if scalar.choices:
            return {"enum": [*map(str, scalar.choices), None]}
        return {"type": [*(TYPE_NAMES[kind] for kind in scalar.types), "null"]}

    def _record(self, record: "parsers.Record | parsers.Declaration[parsers._Dataclass]") -> JsonObject:
        schema: JsonObject = {
            "type": ["object", "null"],
            "properties": {key: self.build(parser) for key, parser in record.keys.items()},
            "additionalProperties": False,
        }
        if record.required and record is not NODE_TEMPLATE:  # an import may have the rest of a template
            required: list[Json] = [*record.required]
            schema |= {"type": "object", "required": required}
        if record.shorthand:
            return {"anyOf": [{"type": "string"}, schema]}
        return schema


def _proposal(names: list[str]) -> JsonObject:
    return {"anyOf": [{"enum": [*names]}, TEXT]} if names else TEXT

"""JSON schemas of answers, built from the types that the code declares, for the OpenAPI document.

Answers are never validated when they are sent; the tests validate all of them.
"""

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import (
    ForwardRef,
    Literal,
    NotRequired,
    Required,
    TypedDict,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.manager.store.field_types import ANY_JSON, field_types
from cfy_cli.manager.store.models import Base

JSON = "application/json"
FILE_TYPE = "application/octet-stream"
FilterType = Literal["string", "integer", "boolean"]
_SCALARS: dict[object, JsonObject] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    None: {"type": "null"},
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of a successful answer; `components` holds the schemas that `schema` refers to, by name."""

    schema: JsonObject
    components: Mapping[str, JsonObject] = field(default_factory=dict)
    media_type: str = JSON

    @property
    def content(self) -> JsonObject:
        """Return the `content` of an OpenAPI response."""
        return {self.media_type: {"schema": self.schema}}

    @property
    def is_file(self) -> bool:
        return self.media_type == FILE_TYPE

    @property
    def component(self) -> str:
        """Return the name of the component that describes an answer which is one."""
        return str(self.schema["$ref"]).rpartition("/")[2]

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the fields that `_include` selects among: those of the resource, or of the items of the list."""
        names = _selectable(self.schema, self.components)
        return tuple(dict.fromkeys(field for name in names for field in _properties(self.components[name])))

    @property
    def filters(self) -> "Mapping[str, FilterType]":
        """Return the fields that hold neither objects nor lists, by which a list can be filtered, with their types."""
        found = {}
        for name in _selectable(self.schema, self.components):
            for property_name, schema in _properties(self.components[name]).items():
                if kind := _filter_type(schema):
                    found[property_name] = kind
        return found

    @property
    def partial(self) -> "Answer":
        """Describe the same answer without its required fields, since `_include` may leave them out."""
        parts = {
            name: {key: value for key, value in self.components[name].items() if key != "required"}
            for name in _selectable(self.schema, self.components)
        }
        return replace(self, components={**self.components, **parts})


FILE = Answer({"type": "string", "format": "binary"}, media_type=FILE_TYPE)


def answer_of(annotation: object) -> Answer:
    """Describe an answer by its Python type, such as a TypedDict."""
    components: dict[str, JsonObject] = {}
    return Answer(schema_of(annotation, components), components)


def row_answer(model: type[Base], overrides: Mapping[str, object] | None = None, name: str = "") -> Answer:
    """Describe a row as `serialize` answers it; `overrides` gives the types of fields that are computed elsewhere.

    No field is required, since `_include` selects among them.
    """
    components: dict[str, JsonObject] = {}
    types_of_fields = {"labels": list[LabelAnswer], **field_types(model), **(overrides or {})}
    properties: JsonObject = {name: schema_of(types_of_fields[name], components) for name in model.WIRE_FIELDS}
    return _component(name or model.__name__, properties, components)


def list_answer(item: Answer, name: str, **more: object) -> Answer:
    """Describe a page of items; `more` gives the types of further fields of the envelope."""
    components = dict(item.components)
    properties: JsonObject = {"items": {"type": "array", "items": item.schema}, "metadata": _METADATA}
    properties |= {key: schema_of(annotation, components) for key, annotation in more.items()}
    return _component(name, properties, components)


def summary_answer(item: Answer, name: str, fields: Sequence[str], computed: Sequence[str] = ()) -> Answer:
    """Describe a page of counts of items by some of their fields; `_include` does not select among those.

    `computed` are texts that only the counts within others are about.
    """
    of_item = _properties(item.components[item.component])
    values: JsonObject = {field: of_item[field] for field in fields}
    count: JsonObject = {name: {"type": "integer"}}
    parts: JsonObject = {**values, **{field: {"type": "string"} for field in computed}}
    nested: JsonObject = {f"by {field}": _list_of({field: schema, **count}) for field, schema in parts.items()}
    page: JsonObject = {"items": _list_of({**values, **count, **nested}), "metadata": _METADATA}
    return Answer({"type": "object", "properties": page, "required": ["items", "metadata"]})


def _list_of(properties: JsonObject) -> JsonObject:
    return {"type": "array", "items": {"type": "object", "properties": properties, "additionalProperties": False}}


def extended(answer: Answer, name: str, **more: object) -> Answer:
    """Describe an object answer with more fields than another one."""
    components = dict(answer.components)
    base = components[answer.component]
    properties = dict(cast("JsonObject", base["properties"]))
    properties |= {key: schema_of(annotation, components) for key, annotation in more.items()}
    return _component(name, properties, components)


def schema_of(annotation: object, components: dict[str, JsonObject]) -> JsonObject:
    """Build the JSON schema of a type; TypedDicts are added to `components` under their names."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in _SCALARS:
        return dict(_SCALARS[annotation])
    if origin in (NotRequired, Required):
        return schema_of(arguments[0], components)
    if origin in (Union, types.UnionType):
        if any(isinstance(argument, ForwardRef) for argument in arguments):
            return {}  # the recursive alias Json: any value
        return {"anyOf": [schema_of(argument, components) for argument in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (list, Sequence, tuple) or annotation in (list, tuple):
        return {"type": "array", "items": schema_of(arguments[0], components)} if arguments else {"type": "array"}
    if origin in (dict, Mapping) or annotation is dict:
        values = schema_of(arguments[1], components) if arguments else {}
        return {"type": "object", "additionalProperties": values} if values else {"type": "object"}
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return {"enum": [str(member.value) for member in annotation]}
    if isinstance(annotation, type) and is_typeddict(annotation):
        return _typed_dict(annotation, components)
    return {}


def _selectable(schema: JsonObject, components: Mapping[str, JsonObject]) -> Iterator[str]:
    """Yield the names of the components that describe the resource of an answer, or the items of a list."""
    for alternative in cast("list[JsonObject]", schema.get("anyOf", [])):
        yield from _selectable(alternative, components)
    if schema.get("type") == "array":
        yield from _selectable(cast("JsonObject", schema.get("items", {})), components)
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name:
        properties = _properties(components[name])
        if {"items", "metadata"} <= properties.keys():
            yield from _selectable(properties["items"], components)
        else:
            yield name


def _filter_type(schema: JsonObject) -> FilterType | None:
    """Return how values of a field are written in a query; None for fields that cannot be filtered by."""
    kinds = {
        str(each.get("type", "string" if "enum" in each else "object"))
        for each in cast("list[JsonObject]", schema.get("anyOf", [schema]))
    } - {"null"}
    if not kinds <= {"string", "integer", "number", "boolean"}:
        return None
    return "integer" if kinds == {"integer"} else "boolean" if kinds == {"boolean"} else "string"


def _properties(component: JsonObject) -> dict[str, JsonObject]:
    return cast("dict[str, JsonObject]", component.get("properties", {}))


def _typed_dict(kind: type, components: dict[str, JsonObject]) -> JsonObject:
    name = kind.__name__
    reference: JsonObject = {"$ref": f"#/components/schemas/{name}"}
    if name not in components:
        components[name] = {}  # a type may refer to itself
        hints = get_type_hints(kind, localns=ANY_JSON)
        required: frozenset[str] = getattr(kind, "__required_keys__", frozenset())
        components[name] = {
            "type": "object",
            "properties": {key: schema_of(hint, components) for key, hint in hints.items()},
            "required": cast("Json", sorted(required)),
            "additionalProperties": False,
        }
    return reference


def _component(name: str, properties: JsonObject, components: dict[str, JsonObject]) -> Answer:
    components[name] = {"type": "object", "properties": properties, "additionalProperties": False}
    return Answer({"$ref": f"#/components/schemas/{name}"}, components)


class LabelAnswer(TypedDict):
    """A label as the API answers it."""

    key: str
    value: str
    created_at: str
    created_by: str
    creator_id: int | None


_METADATA: JsonObject = {
    "type": "object",
    "properties": {
        "pagination": {
            "type": "object",
            "properties": {name: {"type": "integer"} for name in ("total", "size", "offset")},
            "required": ["total", "size", "offset"],
            "additionalProperties": False,
        },
        "filtered": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "after": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    },
    "required": ["pagination"],
    "additionalProperties": False,
}


def either(first: Answer, second: Answer) -> Answer:
    """Describe an answer that has one of two shapes."""
    return Answer({"anyOf": [first.schema, second.schema]}, {**first.components, **second.components})

"""JSON schemas of answers, built from the types that the code declares, for the OpenAPI document.

Answers are never validated when they are sent; the tests validate all of them.
"""

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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

from sqlalchemy.orm import Mapped

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.manager.store.models import Base

JSON = "application/json"
_ANY_JSON = {"Json": object}  # the recursive alias refers to itself by this name
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


FILE = Answer({"type": "string", "format": "binary"}, media_type="application/octet-stream")


def answer_of(annotation: object) -> Answer:
    """Describe an answer by its Python type, such as a TypedDict."""
    components: dict[str, JsonObject] = {}
    return Answer(schema_of(annotation, components), components)


def row_answer(model: type[Base], overrides: Mapping[str, object] | None = None) -> Answer:
    """Describe a row as `serialize` answers it; `overrides` gives the types of fields that are computed elsewhere.

    No field is required, since `_include` selects among them.
    """
    components: dict[str, JsonObject] = {}
    hints, overrides = get_type_hints(model, localns=_ANY_JSON), overrides or {}
    properties: JsonObject = {
        field_name: schema_of(
            overrides[field_name] if field_name in overrides else _field_type(model, field_name, hints), components
        )
        for field_name in model.WIRE_FIELDS
    }
    return _component(model.__name__, properties, components)


def list_answer(item: Answer, name: str, **more: object) -> Answer:
    """Describe a page of items; `more` gives the types of further fields of the envelope."""
    components = dict(item.components)
    properties: JsonObject = {"items": {"type": "array", "items": item.schema}, "metadata": _METADATA}
    properties |= {key: schema_of(annotation, components) for key, annotation in more.items()}
    return _component(name, properties, components)


def extended(answer: Answer, name: str, **more: object) -> Answer:
    """Describe an object answer with more fields than another one."""
    components = dict(answer.components)
    base = components[str(answer.schema["$ref"]).rpartition("/")[2]]
    properties = dict(cast("JsonObject", base["properties"]))
    properties |= {key: schema_of(annotation, components) for key, annotation in more.items()}
    return _component(name, properties, components)


def schema_of(annotation: object, components: dict[str, JsonObject]) -> JsonObject:
    """Build the JSON schema of a type; TypedDicts are added to `components` under their names."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in _SCALARS:
        return dict(_SCALARS[annotation])
    if origin in (Mapped, NotRequired, Required):
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


def _typed_dict(kind: type, components: dict[str, JsonObject]) -> JsonObject:
    name = kind.__name__
    reference: JsonObject = {"$ref": f"#/components/schemas/{name}"}
    if name not in components:
        components[name] = {}  # a type may refer to itself
        hints = get_type_hints(kind, localns=_ANY_JSON)
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


def _field_type(model: type[Base], name: str, hints: Mapping[str, object]) -> object:
    """Return the type of a wire field: of a column, of a property, or of a constant of the class."""
    if name in hints:
        return list[LabelAnswer] if name == "labels" else hints[name]
    attribute = model.__dict__.get(name) or getattr(model, name)
    if isinstance(attribute, property):
        return get_type_hints(attribute.fget, localns=_ANY_JSON).get("return", object)
    synonym = getattr(attribute, "original_property", None) or getattr(attribute, "name", None)
    source = getattr(synonym, "name", synonym)
    return hints.get(str(source), type(attribute) if attribute is None else object)


class LabelAnswer(TypedDict):
    """A label as the API answers it."""

    key: str
    value: str
    created_at: str
    created_by: str


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


def partial_answer_of(kind: type) -> Answer:
    """Describe a TypedDict of which `_include` may select fields."""
    answer = answer_of(kind)
    name = kind.__name__
    component = {key: value for key, value in answer.components[name].items() if key != "required"}
    return Answer(answer.schema, {**answer.components, name: component})

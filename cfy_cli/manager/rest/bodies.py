"""Request bodies: what all of them have in common, and those that several resources share."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, TypeVar

from fastapi import Request
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)

from cfy_cli.contract.json import Json
from cfy_cli.contract.json_values import parse_json
from cfy_cli.contract.limits import active_limits
from cfy_cli.errors import Invalid, TooLarge

WHAT = "The request body"
MAX_UNUSED_BODY = 64 * 1024  # bytes
VisibilityName = Literal["private", "tenant", "global"]
__all__ = [
    "AnyJson",
    "Body",
    "Items",
    "ItemsByName",
    "LabeledChange",
    "NotServed",
    "RulesBody",
    "VisibilityBody",
    "VisibilityName",
    "check_fields",
    "check_no_body",
]
if TYPE_CHECKING:
    AnyJson: TypeAlias = Json
else:
    AnyJson = Any  # it was parsed, so it is JSON, and need not be walked through
T = TypeVar("T")


def _check_count(given: object, info: ValidationInfo) -> object:
    """Return a list or an object. Raises TooLarge for too many items, before each of them is validated."""
    if isinstance(given, list | dict):
        active_limits().check("body_items", len(given), f"The items of `{info.field_name}`", TooLarge)
    return given


Items = Annotated[list[T], Field(fail_fast=True), BeforeValidator(_check_count)]
ItemsByName = Annotated[dict[str, T], BeforeValidator(_check_count)]


class Body(BaseModel):
    """A request body: fields that it does not declare are refused by name."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def check_fields(cls, given: object) -> object:
        """Return what is given. Raises Invalid for unknown fields."""
        known = [field.alias or name for name, field in cls.model_fields.items()]
        if isinstance(given, dict):
            check_fields(given, known)
        return given


def check_fields(given: Mapping[str, object], known: Collection[str]) -> None:
    """Raise Invalid when fields are given that are not known."""
    unknown = [name for name in given if name not in known]
    if unknown:
        allowed = ", ".join(known) or "none"
        raise Invalid(f"Unknown fields in the request body: {', '.join(unknown)}. Allowed are: {allowed}")


async def check_no_body(request: Request) -> None:
    """Raise Invalid for a request with fields in a body that its endpoint does not take."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_UNUSED_BODY:
            raise Invalid("This request takes no body")
    try:
        given = parse_json(bytes(content), WHAT) if content else None
    except Invalid:
        given = False
    if isinstance(given, dict):
        check_fields(given, [])
    elif given is not None:
        raise Invalid("This request takes no body")


def _refuse(value: object, info: ValidationInfo) -> None:
    if value is not None:
        raise Invalid(f"`{info.field_name}` cannot be given to this manager")


NotServed = Annotated[None, BeforeValidator(_refuse)]  # a field that public clients send, without a value


class VisibilityBody(Body):
    visibility: str


class LabeledChange(Body):
    """Change what is given of a resource with labels."""

    labels: AnyJson = None
    creator: str | None = None


class RulesBody(Body):
    """Search by rules, those of a stored filter too, or by constraints."""

    filter_rules: list[AnyJson] | None = None
    filter_id: str | None = None
    constraints: dict[str, AnyJson] | None = None

"""Request bodies that several resources share."""

from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic import JsonValue as AnyJson

VisibilityName = Literal["private", "tenant", "global"]
__all__ = ["AnyJson", "LabeledChange", "RulesBody", "VisibilityBody", "VisibilityName"]


class VisibilityBody(BaseModel):
    visibility: str


class LabeledChange(BaseModel):
    """Change what is given of a resource with labels."""

    model_config = ConfigDict(extra="forbid")

    labels: AnyJson = None
    creator: str | None = None


class RulesBody(BaseModel):
    filter_rules: list[dict[str, AnyJson]] = []

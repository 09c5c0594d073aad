"""Request bodies that several resources share."""

from typing import Literal

from pydantic import BaseModel
from pydantic import JsonValue as AnyJson

VisibilityName = Literal["private", "tenant", "global"]
__all__ = ["AnyJson", "LabelsBody", "RulesBody", "VisibilityBody", "VisibilityName"]


class VisibilityBody(BaseModel):
    visibility: str


class LabelsBody(BaseModel):
    labels: AnyJson = None


class RulesBody(BaseModel):
    filter_rules: list[dict[str, AnyJson]] = []

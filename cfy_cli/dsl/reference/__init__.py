"""The reference of the blueprint language, for `cfy explain` and the documentation: rules, functions and workflows."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NotRequired, TypedDict, cast

import yaml

FOLDER = Path(__file__).parent
BASIC = FOLDER / "basic.yaml"  # a blueprint of the basic types alone
HEAD = BASIC.read_text(encoding="utf-8")


class RuleText(TypedDict):
    summary: str
    advice: str
    bad: NotRequired[str]  # blueprints; see `complete_example`
    good: NotRequired[str]


class FunctionText(TypedDict):
    summary: str
    arguments: str
    evaluated: str
    example: str


def rules() -> Mapping[str, RuleText]:
    return cast("Mapping[str, RuleText]", _load("rules"))


def functions() -> Mapping[str, FunctionText]:
    return cast("Mapping[str, FunctionText]", _load("functions"))


def workflows() -> Mapping[str, str]:
    """Return a sentence for each built-in workflow."""
    return cast("Mapping[str, str]", _load("workflows"))


def type_examples() -> Mapping[str, str]:
    """Return examples of types whose required properties do not suffice."""
    return cast("Mapping[str, str]", _load("types"))


def complete_example(text: str) -> str:
    """Return the example with the lines that every blueprint begins with."""
    return text if text.startswith("tosca_definitions_version") else HEAD + text


@cache
def _load(name: str) -> object:
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))

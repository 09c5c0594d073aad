"""Filter rules as users type them: `team=core`, `created_by contains adm`, `env is not null`."""

import re
from typing import Literal, TypedDict, TypeGuard

from cfy_cli.contract.escapes import escape, split, unescape
from cfy_cli.errors import Usage

RuleType = Literal["label", "attribute"]


class Rule(TypedDict):
    """A filter rule of the API."""

    key: str
    values: list[str]
    operator: str
    type: RuleType


_LABEL_OPERATORS = {"!=": "not_any_of", "=": "any_of", " is-not ": "is_not"}
_LABEL_SUFFIXES = {" is not null": "is_not_null", " is null": "is_null"}
_ATTRIBUTE_OPERATORS = {
    "!=": "not_any_of", "=": "any_of", " contains ": "contains", " does-not-contain ": "not_contains",
    " starts-with ": "starts_with", " ends-with ": "ends_with",
}  # fmt: skip
_ATTRIBUTE_SUFFIXES = {" is not empty": "is_not_empty"}
_LABEL_SYNTAX = {operator: sign for sign, operator in (_LABEL_OPERATORS | _LABEL_SUFFIXES).items()}
_ATTRIBUTE_SYNTAX = {operator: sign for sign, operator in (_ATTRIBUTE_OPERATORS | _ATTRIBUTE_SUFFIXES).items()}
_KEY = r"[\w.-]+"
_ESCAPED = ",:"


def label_rule(text: str) -> Rule:
    """Parse a rule about labels. Raises Usage with the forms that are allowed."""
    return _parse_rule(text, "label", _LABEL_OPERATORS, _LABEL_SUFFIXES)


def attribute_rule(text: str) -> Rule:
    """Parse a rule about attributes. Raises Usage with the forms that are allowed."""
    return _parse_rule(text, "attribute", _ATTRIBUTE_OPERATORS, _ATTRIBUTE_SUFFIXES)


def is_rule(value: object) -> TypeGuard[Rule]:
    """Return whether a value has the shape of a rule, whatever its words are."""
    if not isinstance(value, dict) or not value.keys() >= Rule.__annotations__.keys():
        return False
    values = value["values"]
    return isinstance(values, list) and all(
        isinstance(each, str) for each in (value["key"], value["operator"], *values)
    )


def format_rule(rule: Rule) -> str:
    """Return a rule as users type it: `label_rule` or `attribute_rule` parses it."""
    is_label = rule["type"] == "label"
    syntax = _LABEL_SYNTAX if is_label else _ATTRIBUTE_SYNTAX
    sign = syntax.get(rule["operator"], f" {rule['operator']} ")
    values = [escape(value, _ESCAPED) for value in rule["values"]]
    is_single = len(values) == 1 and not _is_list(values[0])
    return f"{rule['key']}{sign}{values[0] if is_single else '[' + ','.join(values) + ']' if values else ''}"


def quote_rule(rule: Rule) -> str:
    """Return a rule as users type it in a shell, in quotes."""
    text = re.sub(r"\\\\+|\\(?=[$`]|\Z)", lambda match: match[0] * 2, format_rule(rule))
    return '"' + re.sub(r"[$`]", r"\\\g<0>", text) + '"'


def _parse_rule(text: str, kind: RuleType, operators: dict[str, str], suffixes: dict[str, str]) -> Rule:
    for suffix, operator in suffixes.items():
        if text.endswith(suffix) and re.fullmatch(_KEY, key := text.removesuffix(suffix)):
            return {"key": key.lower(), "values": [], "operator": operator, "type": kind}
    for sign, operator in operators.items():
        key, separator, value = text.partition(sign)
        if separator and re.fullmatch(_KEY, key) and value and not re.search(r'[\n\t"]', value):
            return {"key": key.lower(), "values": _parse_values(value), "operator": operator, "type": kind}
    forms = [f"KEY{sign}VALUE" for sign in operators] + [f"KEY{suffix}" for suffix in suffixes]
    raise Usage(f"`{text}` is not a rule about {kind}s", hint=f"Write {', '.join(forms)}; VALUE may be a list: [a,b].")


def _parse_values(text: str) -> list[str]:
    parts = split(text[1:-1], ",") if _is_list(text) else [text]
    return [unescape(part, _ESCAPED) for part in parts]


def _is_list(text: str) -> bool:
    return text.startswith("[") and text.endswith("]")

"""Filter rules as users type them: `team=core`, `created_by contains adm`, `env is not null`."""

import re
from typing import Literal, TypedDict

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
_KEY = r"[\w.-]+"
_ESCAPED = ",:"


def label_rule(text: str) -> Rule:
    """Parse a rule about labels. Raises Usage with the forms that are allowed."""
    return _parse_rule(text, "label", _LABEL_OPERATORS, _LABEL_SUFFIXES)


def attribute_rule(text: str) -> Rule:
    """Parse a rule about attributes. Raises Usage with the forms that are allowed."""
    return _parse_rule(text, "attribute", _ATTRIBUTE_OPERATORS, _ATTRIBUTE_SUFFIXES)


def format_rule(rule: Rule) -> str:
    """Return a rule as users type it: in quotes of a shell, and with backslashes before what it would separate."""
    is_label = rule["type"] == "label"
    suffixes = _LABEL_SUFFIXES if is_label else _ATTRIBUTE_SUFFIXES
    for suffix, operator in suffixes.items():
        if operator == rule["operator"]:
            return f'"{rule["key"]}{suffix}"'
    operators = _LABEL_OPERATORS if is_label else _ATTRIBUTE_OPERATORS
    sign = next((sign for sign, operator in operators.items() if operator == rule["operator"]), f" {rule['operator']} ")
    values = [escape(value, _ESCAPED).replace("$", "\\$") for value in rule["values"]]
    return f'"{rule["key"]}{sign}{values[0] if len(values) == 1 else "[" + ",".join(values) + "]"}"'


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

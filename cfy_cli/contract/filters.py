"""The grammar of filter rules, as typed: `team=core`, `created_by contains adm`, `env is not null`."""

import re
from typing import Any

from cfy_cli.contract.escapes import escape, split, unescape
from cfy_cli.errors import Usage

Rule = dict[str, Any]  # {"key", "values", "operator", "type"}: as the wire has it

_LABEL_OPERATORS = {"!=": "not_any_of", "=": "any_of", " is-not ": "is_not"}
_LABEL_BARE = {" is not null": "is_not_null", " is null": "is_null"}
_ATTRIBUTE_OPERATORS = {
    "!=": "not_any_of", "=": "any_of", " contains ": "contains", " does-not-contain ": "not_contains",
    " starts-with ": "starts_with", " ends-with ": "ends_with",
}  # fmt: skip
_ATTRIBUTE_BARE = {" is not empty": "is_not_empty"}
_WORDS = {"label": _LABEL_OPERATORS | _LABEL_BARE, "attribute": _ATTRIBUTE_OPERATORS | _ATTRIBUTE_BARE}
_KEY = r"[\w.-]+"
_ESCAPED = ",:"


def label_rule(text: str) -> Rule:
    """Raises Usage, telling the forms there are."""
    return _rule(text, "label", _LABEL_OPERATORS, _LABEL_BARE)


def attribute_rule(text: str) -> Rule:
    """Raises Usage, telling the forms there are."""
    return _rule(text, "attribute", _ATTRIBUTE_OPERATORS, _ATTRIBUTE_BARE)


def format_rule(rule: Rule) -> str:
    """A rule as `label_rule` or `attribute_rule`, whichever is its type, reads it."""
    word = {operator: word for word, operator in _WORDS[rule["type"]].items()}[rule["operator"]]
    values = [escape(value, _ESCAPED) for value in rule["values"]]
    if not values:
        return f"{rule['key']}{word}"
    single = len(values) == 1 and not _in_brackets(values[0])
    return f"{rule['key']}{word}{values[0] if single else '[' + ','.join(values) + ']'}"


def _rule(text: str, kind: str, operators: dict[str, str], bare: dict[str, str]) -> Rule:
    for ending, operator in bare.items():
        if text.endswith(ending) and re.fullmatch(_KEY, key := text.removesuffix(ending)):
            return {"key": key.lower(), "values": [], "operator": operator, "type": kind}
    for sign, operator in operators.items():
        key, found, value = text.partition(sign)
        if found and re.fullmatch(_KEY, key) and value and not re.search(r'[\n\t"]', value):
            return {"key": key.lower(), "values": _values(value), "operator": operator, "type": kind}
    forms = [f"KEY{sign}VALUE" for sign in operators] + [f"KEY{ending}" for ending in bare]
    raise Usage(f"`{text}` is not a rule about {kind}s", hint=f"Write {', '.join(forms)}; VALUE may be a list: [a,b].")


def _values(text: str) -> list[str]:
    parts = split(text[1:-1], ",") if _in_brackets(text) else [text]
    return [unescape(part, _ESCAPED) for part in parts]


def _in_brackets(text: str) -> bool:
    return text.startswith("[") and text.endswith("]")

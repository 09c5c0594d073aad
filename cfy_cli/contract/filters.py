"""The grammar of filter rules, as typed: `team=core`, `created_by contains adm`, `env is not null`."""

import re
from typing import Any

from cfy_cli.errors import Usage

Rule = dict[str, Any]  # {"key", "values", "operator", "type"}: as the wire has it

_LABEL_OPERATORS = {"!=": "not_any_of", "=": "any_of", " is-not ": "is_not"}
_LABEL_BARE = {" is not null": "is_not_null", " is null": "is_null"}
_ATTRIBUTE_OPERATORS = {
    "!=": "not_any_of", "=": "any_of", " contains ": "contains", " does-not-contain ": "not_contains",
    " starts-with ": "starts_with", " ends-with ": "ends_with",
}  # fmt: skip
_ATTRIBUTE_BARE = {" is not empty": "is_not_empty"}
_KEY = r"[\w.-]+"
_COMMA = r"(?<!\\),"


def label_rule(text: str) -> Rule:
    """Raises Usage, telling the forms there are."""
    return _rule(text, "label", _LABEL_OPERATORS, _LABEL_BARE)


def attribute_rule(text: str) -> Rule:
    """Raises Usage, telling the forms there are."""
    return _rule(text, "attribute", _ATTRIBUTE_OPERATORS, _ATTRIBUTE_BARE)


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
    parts = re.split(_COMMA, text[1:-1]) if text.startswith("[") and text.endswith("]") else [text]
    return [part.replace("\\,", ",").replace("\\:", ":") for part in parts]

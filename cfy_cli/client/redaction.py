"""Redaction of secrets in log lines."""

import re
from collections.abc import Mapping

HIDDEN = "********"
_SECRET = re.compile(r"pass|token|secret|credential|private_key|authorization|cookie|access_key", re.IGNORECASE)
_SECRET_PATHS = re.compile(r"/(secrets|tokens|secrets-providers?|ldap)\b")
_NEVER_SECRET = frozenset({"secrets", "token_id"})
_SECRET_IN_QUERY = re.compile(r"(?i)([?&][^=&]*(?:pass|token|secret)[^=&]*=)[^&]*")


def safe_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: HIDDEN if _SECRET.search(name) else value for name, value in headers.items()}


def safe_url(url: str) -> str:
    return _SECRET_IN_QUERY.sub(rf"\1{HIDDEN}", url)


def safe_body(body: object, url: str = "") -> object:
    """Hide the secrets in a parsed body by the names of their keys; below /secrets and /tokens also the values."""
    return _safe(body, hide_values=bool(_SECRET_PATHS.search(url)))


def _safe(body: object, *, hide_values: bool) -> object:
    if isinstance(body, Mapping):
        return {
            name: HIDDEN if value and _is_secret(str(name), hide_values) else _safe(value, hide_values=hide_values)
            for name, value in body.items()
        }
    if isinstance(body, list):
        return [_safe(item, hide_values=hide_values) for item in body]
    return body


def _is_secret(name: str, hide_values: bool) -> bool:
    if name in _NEVER_SECRET:
        return False
    return bool(_SECRET.search(name)) or (hide_values and name in ("value", "connection_parameters"))

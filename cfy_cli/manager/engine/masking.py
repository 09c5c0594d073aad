"""Masking of secret values in the events and results of an execution."""

import json
import threading
from typing import TypeVar, cast

from cfy_cli.contract.json import Json

T = TypeVar("T")
MASK = "********"
MIN_LENGTH = 4  # characters: masking shorter values would garble every line and hide nothing


class Masking:
    """The secret values that one execution has used."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # operations add secrets at the same time
        self._values: tuple[str, ...] = ()  # the longest first, since one may contain another

    def add_secret(self, secret: str) -> None:
        """Mask the secret, its lines, and the strings in it when it is JSON."""
        added = _values_to_mask(secret)
        with self._lock:
            values = {*self._values, *added}
            self._values = tuple(sorted(values, key=lambda value: (-len(value), value)))

    def mask(self, value: T) -> T:
        """Return the value, text or JSON, with the mask in place of every secret."""
        return cast(T, self._mask(value)) if self._values else value

    def _mask(self, value: object) -> object:
        if isinstance(value, str):
            for secret in self._values:
                value = value.replace(secret, MASK)
            return value
        if isinstance(value, dict):
            return {self._mask(name): self._mask(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._mask(item) for item in value]
        return value


def _values_to_mask(secret: str) -> set[str]:
    texts = {secret, *secret.splitlines(), *_strings_in_json(secret)}
    escaped = {json.dumps(text, ensure_ascii=ascii_only)[1:-1] for text in texts for ascii_only in (True, False)}
    return {value for text in texts | escaped if len(value := text.strip()) >= MIN_LENGTH}


def _strings_in_json(text: str) -> set[str]:
    """Return the strings in a JSON document; none when the text is not JSON."""
    try:
        return set(_find_strings(json.loads(text)))
    except (ValueError, RecursionError):
        return set()


def _find_strings(value: Json) -> list[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [string for item in value for string in _find_strings(item)]
    return [value] if isinstance(value, str) else []

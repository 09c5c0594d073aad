"""Keeping secrets that an execution uses out of what it tells."""

import json
from typing import Any

MASK = "********"
SHORTEST = 4  # characters; to mask what is shorter would spoil every line, and hide nothing


class Masking:
    """What one execution must not say; filled as its secrets are used."""

    def __init__(self) -> None:
        self._words: tuple[str, ...] = ()  # the longest first: one may hold another

    def hide(self, text: str) -> None:
        """The text, its lines, and the texts in it when it is JSON."""
        words = {*self._words, *_words(text)}
        self._words = tuple(sorted(words, key=lambda word: (-len(word), word)))

    def masked(self, value: Any) -> Any:
        """The value, text or made of texts, with the mask wherever a secret was."""
        if not self._words:
            return value
        if isinstance(value, str):
            for word in self._words:
                value = value.replace(word, MASK)
            return value
        if isinstance(value, dict):
            return {self.masked(name): self.masked(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.masked(item) for item in value]
        return value


def _words(text: str) -> set[str]:
    texts = {text, *text.splitlines(), *_texts_in(text)}
    escaped = {json.dumps(each)[1:-1] for each in texts} | {
        json.dumps(each, ensure_ascii=False)[1:-1] for each in texts
    }
    return {word for each in texts | escaped if len(word := each.strip()) >= SHORTEST}


def _texts_in(text: str) -> set[str]:
    """The texts in JSON; none when it is not JSON."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return set()
    return set(_leaves(found))


def _leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value] if isinstance(value, str) else []

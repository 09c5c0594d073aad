"""Backslashes in what people type: `\\,` is a comma that separates nothing.

A backslash means something only before such a letter, and before another backslash that does; elsewhere it is itself.
"""

import re


def split(text: str, separator: str) -> list[str]:
    """The parts between separators that are not escaped; the parts are still as typed."""
    parts, start = [], 0
    for found in re.finditer(rf"(\\*){re.escape(separator)}", text):
        if len(found[1]) % 2 == 0:
            parts.append(text[start : found.end() - 1])
            start = found.end()
    return [*parts, text[start:]]


def unescape(text: str, letters: str) -> str:
    """What was meant by a part."""

    def meant(found: re.Match[str]) -> str:
        pairs, odd = divmod(len(found[1]), 2)
        return "\\" * (pairs + (odd if not found[2] else 0)) + found[2]

    return re.sub(rf"(\\+)([{re.escape(letters)}]|\Z)", meant, text)


def escape(text: str, letters: str) -> str:
    """As `split` at any of the letters, and `unescape`, give it back."""

    def typed(found: re.Match[str]) -> str:
        return found[1] * 2 + (f"\\{found[2]}" if found[2] else "")

    return re.sub(rf"(\\*)([{re.escape(letters)}]|\Z)", typed, text)

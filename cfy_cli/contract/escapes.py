r"""Backslash escapes in text that users type: `\,` is a comma that does not separate.

A backslash escapes only a separator, or another backslash before one; elsewhere it stands for itself.
"""

import re


def split(text: str, separator: str) -> list[str]:
    """Split at separators that are not escaped; the parts keep their escapes."""
    parts, start = [], 0
    for match in re.finditer(rf"(\\*){re.escape(separator)}", text):
        if len(match[1]) % 2 == 0:
            parts.append(text[start : match.end() - 1])
            start = match.end()
    return [*parts, text[start:]]


def unescape(text: str, letters: str) -> str:
    """Remove the escapes of the given letters."""

    def replacement(match: re.Match[str]) -> str:
        pairs, odd = divmod(len(match[1]), 2)
        return "\\" * (pairs + (odd if not match[2] else 0)) + match[2]

    return re.sub(rf"(\\+)([{re.escape(letters)}]|\Z)", replacement, text)


def escape(text: str, letters: str) -> str:
    """Escape the given letters; `split` and `unescape` give the text back."""

    def replacement(match: re.Match[str]) -> str:
        return match[1] * 2 + (f"\\{match[2]}" if match[2] else "")

    return re.sub(rf"(\\*)([{re.escape(letters)}]|\Z)", replacement, text)

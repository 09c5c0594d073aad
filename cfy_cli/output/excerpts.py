"""The line of a file that a problem is about, with a caret under the place."""

from unicodedata import east_asian_width

_ELLIPSIS = "..."
_BEFORE = 30  # how much of a long line is shown before the place


def excerpt(text: str, line: int, column: int, width: int | None = None) -> str:
    """Two lines: the one numbered `line` of `text`, cut to a terminal's width, and the caret; nothing past the end."""
    lines = text.split("\n")
    if not 1 <= line <= len(lines):
        return ""
    shown, at = _plain(lines[line - 1]), max(column - 1, 0)
    head = f"{line:>5} | "
    room = max((width or 200) - len(head), 20)
    if at > room - _BEFORE // 2:
        start = at - _BEFORE
        shown, at = _ELLIPSIS + shown[start:], at - start + len(_ELLIPSIS)
    if len(shown) > room:
        shown = shown[: room - len(_ELLIPSIS)] + _ELLIPSIS
    before = sum(2 if east_asian_width(letter) in "WF" else 1 for letter in shown[:at])
    return f"{head}{shown}\n{' ' * 5} | {' ' * before}^"


def _plain(line: str) -> str:
    """Nothing that moves the cursor or colours the terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in line.rstrip("\r"))

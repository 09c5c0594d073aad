"""Excerpts of source files: one line, with a caret under a column."""

from cfy_cli.output.width import width

_ELLIPSIS = "..."
_CONTEXT_BEFORE = 30  # characters of a long line before the column
_DEFAULT_WIDTH = 200  # columns, without a terminal
_MIN_WIDTH = 20


def format_excerpt(text: str, line: int, column: int, terminal_width: int | None = None) -> str:
    """Return the line with the given number and the caret, cut to the terminal; empty past the end of the text."""
    lines = text.split("\n")
    if not 1 <= line <= len(lines):
        return ""
    source, index = _printable(lines[line - 1]), max(column - 1, 0)
    prefix = f"{line:>5} | "
    limit = max((terminal_width or _DEFAULT_WIDTH) - len(prefix), _MIN_WIDTH)
    if index > limit - _CONTEXT_BEFORE // 2:
        start = index - _CONTEXT_BEFORE
        source, index = _ELLIPSIS + source[start:], index - start + len(_ELLIPSIS)
    if len(source) > limit:
        source = source[: limit - len(_ELLIPSIS)] + _ELLIPSIS
    return f"{prefix}{source}\n{' ' * 5} | {' ' * width(source[:index])}^"


def _printable(line: str) -> str:
    """Replace characters that move the cursor or color the terminal."""
    return "".join(char if char.isprintable() else " " for char in line.rstrip("\r"))

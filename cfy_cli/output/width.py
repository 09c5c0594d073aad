"""How wide text is on a terminal: some letters take two columns, some none."""

from unicodedata import category, east_asian_width

_INVISIBLE = frozenset({"Mn", "Me", "Cf"})


def width(text: str) -> int:
    """The columns that one line of text takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def wrap(text: str, limit: int) -> list[str]:
    """Lines of at most `limit` columns; only words that are longer than that are broken."""
    lines, line, room = [], "", limit
    for word in text.split(" "):
        while width(word) > limit:
            if line:
                lines.append(line)
                line, room = "", limit
            piece, word = _split(word, limit)
            lines.append(piece)
        if line and width(word) >= room:
            lines.append(line)
            line, room = "", limit
        line = f"{line} {word}" if line else word
        room = limit - width(line)
    return [*lines, line] if line or not lines else lines


def _split(word: str, limit: int) -> tuple[str, str]:
    taken = 0
    for index, letter in enumerate(word):
        taken += _columns(letter)
        if taken > limit:
            return word[: max(index, 1)], word[max(index, 1) :]
    return word, ""


def _columns(letter: str) -> int:
    if letter.isascii():
        return 1
    if category(letter) in _INVISIBLE:
        return 0
    return 2 if east_asian_width(letter) in "WF" else 1

"""Width of text on a terminal, in columns: some characters take two, some none."""


def width(text: str) -> int:
    """Return the columns that one line of text takes."""
    if text.isascii():
        return len(text)
    import wcwidth  # imported here: most text is ASCII

    columns = wcwidth.wcswidth(text)
    if columns >= 0:
        return columns
    return sum(max(wcwidth.wcwidth(char), 0) for char in text)  # with control characters


def wrap(text: str, limit: int) -> list[str]:
    """Split the text into lines of at most `limit` columns; only longer words are split."""
    lines, line = [], ""
    for word in text.split(" "):
        while width(word) > limit:
            if line:
                lines.append(line)
                line = ""
            part = cut(word, limit) or word[0]
            lines.append(part)
            word = word[len(part) :]
        if line and width(f"{line} {word}") > limit:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
    return [*lines, line] if line or not lines else lines


def cut(text: str, limit: int) -> str:
    """Return the longest beginning of the text that fits into `limit` columns."""
    end = min(max(limit, 0), len(text))
    while end and width(text[:end]) > limit:
        end -= 1
    while end < len(text) and width(text[: end + 1]) <= limit:
        end += 1
    return text[:end]

"""Explanations of what is wrong in a file that is not valid YAML, and what to write instead."""

import re
from dataclasses import dataclass

import yaml

_TAB_FIRST = re.compile(r" *\t")
_PAIR = re.compile(r"\s*(?:- +)?[^\s'\"#{\[-][^:#]*:(?:\s|$)")  # a line that begins with `key: `
_KEY_AND_VALUE = re.compile(r"(?P<start>\s*(?:- +)?[^:]+:\s+)(?P<value>.*\S)")
_MISSING_BLANK = re.compile(r"\s*(?:- +)?(?P<key>[A-Za-z_][\w.-]*):(?P<value>[^\s/:].*)")
_CONFLICT = ("<<<<<<< ", "=======", ">>>>>>> ")
_QUOTE_IT = "put the value in quotes"


@dataclass(frozen=True, slots=True)
class Advice:
    """The position of a mistake, counted from 0, what is wrong there, and what to write instead."""

    line: int
    column: int
    message: str
    hint: str = ""


def explain(error: yaml.YAMLError, text: str) -> Advice:
    """Explain an error of the YAML library, which names neither indentation nor quoting, in the words of its users."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    if mark is None:
        return Advice(0, 0, f"not valid YAML: {reason}")
    lines = text.splitlines() or [""]
    line = lines[mark.line] if mark.line < len(lines) else ""
    for number in (mark.line, mark.line - 1):
        if 0 <= number < len(lines) and lines[number].startswith(_CONFLICT):
            return Advice(number, 0, "this line is left from a merge conflict", "keep one of the two versions")
    if _TAB_FIRST.match(line):
        return Advice(mark.line, 0, "the line is indented with a tab", "indent with spaces")
    start = getattr(error, "context_mark", None) or mark
    return (
        _explain_colon(reason, lines, mark)
        or _explain_structure(reason, lines, mark, start)
        or _explain_value(reason, line, mark, start)
        or Advice(mark.line, mark.column, f"not valid YAML: {reason}")
    )


def find_missing_blank(value: object) -> str:
    """Return the hint for text such as `type:cloudify.nodes.Root` in the place of a mapping, else an empty string."""
    match = _MISSING_BLANK.fullmatch(value) if isinstance(value, str) else None
    return f"put a blank after the colon: `{match['key']}: {match['value']}`" if match else ""


def _explain_colon(reason: str, lines: list[str], mark: yaml.Mark) -> Advice | None:
    if "mapping values are not allowed" in reason:
        line = lines[mark.line]
        before = _KEY_AND_VALUE.fullmatch(line)
        if before and mark.column > before.end("start"):
            quoted = before["value"].replace("'", "''")
            return Advice(mark.line, before.end("start"), "the value contains a colon", f"put it in quotes: '{quoted}'")
        above = mark.line - 1
        while above > 0 and not lines[above].strip():
            above -= 1
        if above >= 0 and _PAIR.match(lines[above]):
            column = len(line) - len(line.lstrip())
            return Advice(
                mark.line,
                column,
                "the line is indented more than the line above, which has a value",
                "indent both alike",
            )
        return _explain_no_pair(lines, max(above, 0))
    if "could not find expected ':'" in reason:
        return _explain_no_pair(lines, max(mark.line - 1, 0))
    return None


def _explain_no_pair(lines: list[str], number: int) -> Advice:
    line = lines[number]
    column = len(line) - len(line.lstrip())
    hint = find_missing_blank(line.strip()) or "write it as `key: value`, or indent it as the text above"
    return Advice(number, column, "the line is no `key: value`", hint)


def _explain_structure(reason: str, lines: list[str], mark: yaml.Mark, start: yaml.Mark) -> Advice | None:
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "end of stream" in reason:
        return Advice(start.line, start.column, "the quote that is opened here is not closed", "add the closing quote")
    if "',' or '" in reason:
        bracket = "]" if "']'" in reason else "}"
        if mark.line > start.line or reason.endswith(("got '}'", "got ']'")):
            return Advice(
                start.line, start.column, f"what is opened here is not closed with `{bracket}`", f"add `{bracket}`"
            )
        return Advice(mark.line, mark.column, "a comma is missing before this", "separate the items with commas")
    if "<block end>" in reason or "did not find expected key" in reason or "'-' indicator" in reason:
        if line[mark.column : mark.column + 1] in ("}", "]"):
            return Advice(mark.line, mark.column, f"there is a `{line[mark.column]}` too many", "remove it")
        if line[: mark.column].strip() not in ("", "-"):
            hint = "put all of the value in double quotes, or write a single quote inside single quotes twice"
            return Advice(mark.line, mark.column, "text follows the value that ends here", hint)
        hint = "indent it as the lines that it belongs with"
        return Advice(mark.line, mark.column, "the indentation of this line fits none of the lines above", hint)
    return None


def _explain_value(reason: str, line: str, mark: yaml.Mark, start: yaml.Mark) -> Advice | None:
    character = line[mark.column : mark.column + 1]
    if "cannot start any token" in reason and character:
        value = line[mark.column :].strip()
        return Advice(mark.line, mark.column, f"a value cannot begin with `{character}`", f"{_QUOTE_IT}: '{value}'")
    if "alphabetic or numeric character" in reason:
        sign = line[start.column : start.column + 1]
        noun = "an alias" if sign == "*" else "an anchor"
        return Advice(start.line, start.column, f"a value that begins with `{sign}` is {noun}", _QUOTE_IT)
    if "escape" in reason:
        hint = "use single quotes, or write two backslashes"
        return Advice(mark.line, mark.column, "a backslash in double quotes begins an escape sequence", hint)
    if "comment or" in reason:
        return Advice(
            mark.line, mark.column, "text follows `|` or `>` on the same line", "begin the text on the next line"
        )
    return None

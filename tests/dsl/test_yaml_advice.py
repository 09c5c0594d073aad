"""Mistakes in YAML are named as authors know them, with what to write instead, by both readers."""

from typing import Any

import pytest
import yaml

from cfy_cli.dsl import yaml_reader
from cfy_cli.dsl.problems import Problems
from cfy_cli.dsl.yaml_nodes import SourceFile
from cfy_cli.dsl.yaml_reader import read_yaml

MISTAKES = {
    "a:\n\tb: 1\n": "2:1: the line is indented with a tab; indent with spaces",
    "a:\n  \tb: 1\n": "2:1: the line is indented with a tab; indent with spaces",
    "a:\n  d: this: that's\n": "2:6: the value contains a colon; put it in quotes: 'this: that''s'",
    "a:\n  b:1\n  c: 2\n": "2:3: the line is no `key: value`; put a blank after the colon: `b: 1`",
    "a:\n  b\n  c: 1\n": "2:3: the line is no `key: value`; write it as `key: value`",
    "a:\n    b: 1\n  c: 2\n": "3:3: the indentation of this line fits none of the lines above; indent it as",
    "a:\n  b: 1\n\n    c: 2\n": "4:5: the line is indented more than the line above, which has a value",
    "a:\n  - x\n - y\n": "3:2: the indentation of this line fits none of the lines above",
    "a:\n  - x\n  b: 1\n": "3:3: the indentation of this line fits none of the lines above",
    "a: 'it\nb: 2\n": "1:4: the quote that is opened here is not closed",
    "a: 'it's'\n": "1:8: text follows the value that ends here; put all of the value in double quotes",
    "a: [1, 2\nb: 3\n": "1:4: what is opened here is not closed with `]`; add `]`",
    "a: {x: 1\nb: 3\n": "1:4: what is opened here is not closed with `}`; add `}`",
    "a: {x: 1 y: 2}\n": "1:11: a comma is missing before this",
    "a: {x: 1}}\n": "1:10: there is a `}` too many; remove it",
    "a: %x\n": "1:4: a value cannot begin with `%`; put the value in quotes: '%x'",
    "a: @x\n": "1:4: a value cannot begin with `@`; put the value in quotes: '@x'",
    "a: *.txt\n": "1:4: a value that begins with `*` is an alias; put the value in quotes",
    "a: & b\n": "1:4: a value that begins with `&` is an anchor; put the value in quotes",
    "a: {{ x }}\n": "1:5: a key must be a string; put a template in quotes: '{{ ... }}'",
    'a: "\\d"\n': "1:6: a backslash in double quotes begins an escape sequence; use single quotes",
    "a: | text\n  x\n": "1:6: text follows `|` or `>` on the same line; begin the text on the next line",
    "<<<<<<< HEAD\na: 1\n=======\na: 2\n": "1:1: this line is left from a merge conflict; keep one",
}


@pytest.mark.parametrize("slow", [False, True], ids=["fast", "both"])
@pytest.mark.parametrize("text", MISTAKES)
def test_mistake_is_explained(monkeypatch: pytest.MonkeyPatch, text: str, slow: bool) -> None:
    """Files that are too large for the slower reader have the messages of libyaml."""
    monkeypatch.setattr(yaml_reader, "MAX_SLOW_SIZE", 1000 if slow else 0)
    problems = Problems()
    read_yaml(text.encode(), SourceFile("b.yaml"), problems)
    line, _column, message = MISTAKES[text].split(":", 2)
    assert problems[0].location.line == int(line)
    assert problems[0].text.startswith(message.strip())
    assert slow is False or str(problems[0]).startswith("b.yaml:" + MISTAKES[text])


def test_error_of_an_unknown_kind_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_text: str) -> Any:
        raise yaml.YAMLError

    monkeypatch.setattr(yaml_reader, "FastLoader", fail)
    monkeypatch.setattr(yaml_reader, "MAX_SLOW_SIZE", 0)
    problems = Problems()
    assert read_yaml(b"a: 1", SourceFile("b.yaml"), problems) is None
    assert str(problems[0]) == "b.yaml:1:1: not valid YAML: it cannot be read"

"""Commands that messages, hints, help texts and documents tell people to type: each exists and its words parse."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cfy_cli.main import SUMMARIES, main
from cfy_cli.shell.app import App

ROOT = Path(__file__).parents[2]
PLACEHOLDERS = {"URL": "redis://x1", "PORT": "8200", "[OPTIONS]": "", "...": ""}
VALUES = {
    "--limit": "request_body=1M",
    "--fetch-from": "10.0.0.0/8",
    "--trusted-proxy": "10.0.0.8",
}  # of options whose values are checked
PROSE = ("cfy may need", "cfy stopped waiting", "cfy has version", "cfy expect", "cfy secrets export")
COMMAND = re.compile(r"`(cfy [^`]+)`|(?<![\w/`.\"'-])(cfy [a-z][^`\n]*)")
END = re.compile(r"[;,)]| or |\.(?=\s|$)|: | \| ")


def texts_of(path: Path) -> Iterator[str]:
    """Yield the texts in a module but its docstrings; a value that is filled in becomes {}."""
    tree = ast.parse(path.read_text("utf-8"))
    bodies = [getattr(node, "body", None) for node in ast.walk(tree)]
    first = [body[0] for body in bodies if isinstance(body, list) and body]
    skipped = {id(node.value) for node in first if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.value


def commands_in(text: str) -> Iterator[str]:
    for quoted, plain in COMMAND.findall(text):
        if quoted:
            yield quoted
        else:
            pieces = END.split(plain)
            yield pieces[0].strip()


def find_commands() -> list[tuple[str, str]]:
    modules = sorted(set((ROOT / "cfy_cli").rglob("*.py")) - {ROOT / "cfy_cli/shell/examples.py"})
    found = [(path.name, command) for path in modules for text in texts_of(path) for command in commands_in(text)]
    return sorted({pair for pair in found if not pair[1].startswith(PROSE)})


def parse(command: str) -> None:
    """Parse the words as a command line does. Raises a UsageError."""
    line = re.split(r"[<|]", command)[0].replace("{}{}", "{}")
    for option, value in VALUES.items():
        line = re.sub(rf"{option} \S*{{}}\S*", f"{option} {value}", line)
    words = [PLACEHOLDERS.get(word, word).replace("{}", "x1") for word in shlex.split(line)[1:]]
    words = [word for word in words if word]
    app = App(environ={})
    context = click.Context(main, info_name="cfy", obj=app)
    node: click.Command = main
    while isinstance(node, click.Group) and words and not words[0].startswith("-"):
        name, child, words = node.resolve_command(context, words)
        assert child
        assert name
        node, context = child, click.Context(child, info_name=name, parent=context, obj=app)
    assert context.parent or words, f"`{command}` names no command"
    if not {"-h", "--help", "-V"} & {*words}:
        node.make_context(node.name, words, parent=context.parent, obj=app)


def test_commands_in_messages_parse(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").touch()
    found = find_commands()
    for module, command in found:
        try:
            parse(command)
        except click.UsageError as error:
            pytest.fail(f"{module}: `{command}`: {error.format_message()}")
    commands = {command for _, command in found}
    assert {"cfy manager start", "cfy executions resume {}", "cfy profiles use ADDRESS", "cfy doctor"} <= commands
    assert len(commands) > len(SUMMARIES)


@pytest.mark.parametrize("command", ["cfy nosuch", "cfy sites nosuch", "cfy sites list --nosuch", "cfy plugins upload"])
def test_command_that_does_not_parse_is_found(command: str) -> None:
    with pytest.raises((click.UsageError, AssertionError)):
        parse(command)

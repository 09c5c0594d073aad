"""Man pages and completion scripts, generated from the command tree: `python -m cfy_cli.pages [--check]`."""

import re
import sys
from collections.abc import Iterator, Sequence
from inspect import cleandoc
from pathlib import Path

import click

from cfy_cli.contract.exit_codes import EXIT_CODES
from cfy_cli.main import main as root
from cfy_cli.shell.completion import SHELLS, completion_script, file_name
from cfy_cli.shell.environment_page import CONFIGURATION, CONFIGURATION_EXAMPLE, ENVIRONMENT, FILES
from cfy_cli.shell.examples import examples_of
from cfy_cli.shell.global_options import GlobalOption

FOLDER = Path(__file__).parents[1]


def walk(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[click.Context]:
    """Yield a context for the command and for each command below it."""
    settings = command.context_settings if parent is None else {}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    yield context
    if isinstance(command, click.Group):
        for child_name in command.list_commands(context):
            child = command.get_command(context, child_name)
            if child:
                yield from walk(child, child_name, context)


def man_page(context: click.Context) -> str:
    """Return the man page of a command; global options are described only in the page of `cfy`."""
    command = context.command
    name = context.command_path.replace(" ", "-")
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f'.TH "{_roff(name.upper())}" 1 "" "cfy" "User Commands"', ".SH NAME"]
    lines += [f"{_roff(name)} \\- {_roff(_summary(command))}", ".SH SYNOPSIS", f".B {_roff(context.command_path)}"]
    lines += [_roff(usage), ".SH DESCRIPTION", *_paragraphs(command.help or "")]
    is_root = context.parent is None
    lines += _options("OPTIONS", [param for param in _params(context) if is_root or not _is_global(param)], context)
    if isinstance(command, click.Group):
        lines += _commands(command, context)
    if examples := examples_of(context.command_path):
        lines += [".SH EXAMPLES", ".nf", *(_roff(example) for example in examples), ".fi"]
    if is_root:
        lines += _configuration()
        lines += _table("EXIT STATUS", [(str(code), f"{text.capitalize()}.") for code, text in EXIT_CODES])
        lines += [*_table("ENVIRONMENT", ENVIRONMENT), *_table("FILES", FILES)]
    else:
        lines += [".SH SEE ALSO", *_see_also(context)]
    return "\n".join(lines) + "\n"


def build_pages() -> Iterator[tuple[Path, str]]:
    """Yield the path and content of every generated file."""
    for context in walk(root, "cfy"):
        yield FOLDER / "man" / (context.command_path.replace(" ", "-") + ".1"), man_page(context)
    for shell in SHELLS:
        yield FOLDER / "completions" / file_name(shell), completion_script(shell)


def find_stale() -> list[Path]:
    """Return files that are missing, differ, or belong to no command."""
    pages = dict(build_pages())
    differing = [path for path, text in pages.items() if not path.exists() or path.read_text("utf-8") != text]
    present = [*(FOLDER / "man").glob("*.1"), *(FOLDER / "completions").glob("cfy.*")]
    return [*differing, *(path for path in present if path not in pages)]


def main() -> None:
    stale = find_stale()
    if "--check" in sys.argv:
        names = ", ".join(path.name for path in stale)
        sys.exit(f"These pages are out of date: {names}; generate them: python -m {__spec__.name}" if stale else 0)
    pages = dict(build_pages())
    for path in stale:
        if path in pages:
            path.parent.mkdir(exist_ok=True)
            path.write_text(pages[path], "utf-8")
        else:
            path.unlink()


def _paragraphs(text: str) -> list[str]:
    """Return the lines of the text, of which each paragraph begins at the margin."""
    return [_roff(line) if line else ".PP" for line in cleandoc(text).splitlines()]


def _configuration() -> list[str]:
    return [
        ".SH CONFIGURATION FILE", *_paragraphs(CONFIGURATION),
        ".PP", ".nf", *(_roff(line) for line in CONFIGURATION_EXAMPLE.splitlines()), ".fi",
    ]  # fmt: skip


def _see_also(context: click.Context) -> list[str]:
    """Refer to the pages of the groups around the command, and to that of `cfy`."""
    lines, parent = [], context.parent
    while parent and parent.parent:
        lines.append(f"\\fB{_roff(parent.command_path.replace(' ', '-'))}\\fP(1),")
        parent = parent.parent
    return [*lines, "\\fBcfy\\fP(1) for global options and exit codes."]


def _params(context: click.Context) -> list[click.Option]:
    return [param for param in context.command.get_params(context) if isinstance(param, click.Option)]


def _is_global(param: click.Option) -> bool:
    return isinstance(param, GlobalOption) or "--help" in param.opts


def _summary(command: click.Command) -> str:
    return command.get_short_help_str(200).removesuffix(".")


def _options(title: str, options: Sequence[click.Option], context: click.Context) -> list[str]:
    records = [record for option in options if (record := option.get_help_record(context))]
    return _table(title, [(names, " ".join(text.split())) for names, text in records])


def _commands(group: click.Group, context: click.Context) -> list[str]:
    commands = [(name, group.get_command(context, name)) for name in group.list_commands(context)]
    return _table("COMMANDS", [(name, command.get_short_help_str(200)) for name, command in commands if command])


def _table(title: str, rows: Sequence[tuple[str, str]]) -> list[str]:
    if not rows:
        return []
    return [f".SH {title}", *(line for name, text in rows for line in (".TP", f"\\fB{_roff(name)}\\fP", _roff(text)))]


def _roff(text: str) -> str:
    """Escape text for roff; text between backticks is bold."""
    escaped = re.sub(r"`([^`]+)`", r"\\fB\1\\fP", text.replace("\\", "\\e").replace("-", "\\-"))
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    main()

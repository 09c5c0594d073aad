"""Man pages and completion scripts, made from the command tree: `python -m cfy_cli.pages [--check]`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from cfy_cli.contract.exit_codes import EXIT_CODES
from cfy_cli.main import main as tree
from cfy_cli.shell import examples
from cfy_cli.shell.completion import SHELLS, completion_script, file_name
from cfy_cli.shell.global_options import GlobalOption

ROOT = Path(__file__).parents[1]
ENVIRONMENT = (
    ("CFY_WORKDIR", "The folder in which .cloudify lies: profiles, and the manager on this machine. Default: home."),
    ("CFY_AUTOSTART", "Set to false, no manager is started on this machine by itself."),
    ("CLOUDIFY_MANAGER", "The manager to use, as with --manager."),
    ("CLOUDIFY_USERNAME, CLOUDIFY_PASSWORD", "Whom to be, instead of what the profile says."),
    ("CLOUDIFY_TOKEN", "The token to log in with, instead of what the profile says."),
    ("CLOUDIFY_TENANT", "The tenant to act in, as with --tenant-name."),
    ("CLOUDIFY_SSL_TRUST_ALL", "Set to true, any certificate is trusted."),
    ("LOCAL_REST_CERT_FILE", "The file with the certificate of the manager."),
    ("CFY_PROFILE", "The profile to use, as with --profile."),
    ("HTTP_PROXY, HTTPS_PROXY, NO_PROXY", "Proxies, as in other programs."),
    ("NO_COLOR", "Set to anything, nothing is coloured."),
)
FILES = (
    ("~/.cloudify/profiles/NAME/context.json", "A profile: where a manager is, and whom to be for it."),
    ("~/.cloudify/active.profile", "The name of the profile in use."),
    ("~/.cloudify/cache", "Names for completion, kept for seconds; may be deleted at any time."),
    ("~/.cloudify/manager", "All that the manager on this machine keeps."),
)


def walk(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[click.Context]:
    """Yield the contexts of the command and of all commands below it."""
    settings = command.context_settings if parent is None else {}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    yield context
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found:
                yield from walk(found, child, context)


def man_page(context: click.Context) -> str:
    """One command as a man page; what all commands have in common stands in that of `cfy` alone."""
    command = context.command
    name = context.command_path.replace(" ", "-")
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f'.TH "{_roff(name.upper())}" 1', ".SH NAME", f"{_roff(name)} \\- {_roff(_summary(command))}"]
    lines += [".SH SYNOPSIS", f".B {_roff(context.command_path)}", _roff(usage), ".SH DESCRIPTION"]
    lines += [_roff(line) or ".PP" for line in (command.help or "").splitlines()]
    common = context.parent is None
    lines += _options("OPTIONS", [param for param in _shown(context) if common or not _is_common(param)], context)
    if isinstance(command, click.Group):
        lines += _commands(command, context)
    if shown := examples.of(context.command_path):
        lines += [".SH EXAMPLES", ".nf", *(_roff(example) for example in shown), ".fi"]
    if common:
        lines += _table("EXIT STATUS", [(str(code), meaning.capitalize() + ".") for code, meaning in EXIT_CODES])
        lines += [*_table("ENVIRONMENT", ENVIRONMENT), *_table("FILES", FILES)]
    else:
        lines += [".SH SEE ALSO", "\\fBcfy\\fP(1) for the options and exit codes that all commands have in common."]
    return "\n".join(lines) + "\n"


def pages() -> Iterator[tuple[Path, str]]:
    """Every generated file and what it should hold."""
    for context in walk(tree, "cfy"):
        yield ROOT / "man" / (context.command_path.replace(" ", "-") + ".1"), man_page(context)
    for shell in SHELLS:
        yield ROOT / "completions" / file_name(shell), completion_script(shell)


def stale() -> list[Path]:
    """Files that are missing, differ, or belong to no command any more."""
    wanted = dict(pages())
    differing = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
    present = [*(ROOT / "man").glob("*.1"), *(ROOT / "completions").glob("cfy.*")]
    return [*differing, *(path for path in present if path not in wanted)]


def main() -> None:
    wrong = stale()
    if "--check" in sys.argv:
        names = ", ".join(path.name for path in wrong)
        sys.exit(f"These pages are out of date: {names}; make them anew: python -m {__spec__.name}" if wrong else 0)
    wanted = dict(pages())
    for path in wrong:
        if path in wanted:
            path.parent.mkdir(exist_ok=True)
            path.write_text(wanted[path], "utf-8")
        else:
            path.unlink()


def _shown(context: click.Context) -> list[click.Option]:
    return [param for param in context.command.get_params(context) if isinstance(param, click.Option)]


def _is_common(param: click.Option) -> bool:
    return isinstance(param, GlobalOption) or "--help" in param.opts


def _summary(command: click.Command) -> str:
    return command.get_short_help_str(200).removesuffix(".")


def _options(title: str, options: list[click.Option], context: click.Context) -> list[str]:
    records = [record for option in options if (record := option.get_help_record(context))]
    return _table(title, records)


def _commands(group: click.Group, context: click.Context) -> list[str]:
    found = [(name, group.get_command(context, name)) for name in group.list_commands(context)]
    return _table("COMMANDS", [(name, command.get_short_help_str(200)) for name, command in found if command])


def _table(title: str, rows: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> list[str]:
    if not rows:
        return []
    return [f".SH {title}", *(line for name, text in rows for line in (".TP", f"\\fB{_roff(name)}\\fP", _roff(text)))]


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    main()

"""Our click classes: common options once, nouns loaded when used, errors in one place."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from typing import Any

import click
from click.exceptions import Exit

from cfy_cli.shell.app import App
from cfy_cli.shell.global_options import GlobalOption, every_option
from cfy_cli.shell.printer import WITH_JSON_ERRORS

HELP_NAMES = ["-h", "--help"]


class Command(click.Command):
    """A command that takes the common options."""

    def __init__(self, name: str | None, *, params: list[click.Parameter] | None = None, **settings: Any) -> None:
        own = params or []
        super().__init__(name, params=[*own, *every_option(own)], **settings)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from cfy_cli.shell import examples

        found = examples.of(ctx.command_path)
        if found:
            with formatter.section("For example"), formatter.indentation():
                formatter.write("".join(f"  {example}\n" for example in found))


class CommandGroup(click.Group):
    """The verbs of one resource; an unambiguous beginning of a verb is enough."""

    command_class = Command

    def __init__(self, name: str | None, *, params: list[click.Parameter] | None = None, **settings: Any) -> None:
        own = params or []
        super().__init__(name, params=[*own, *every_option(own)], **settings)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = full_name(ctx, cmd_name, self.list_commands(ctx))
        return super().get_command(ctx, name) if name else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = _resolved(self, super().resolve_command, ctx, args)
        return (command.name if command else name), command, rest

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)  # first: they are what is looked for
        write_options(self, ctx, formatter)


CommandGroup.group_class = CommandGroup


class RootGroup(CommandGroup):
    """The root: each noun is imported only when named. `first` are the names that win when a prefix is typed."""

    def __init__(
        self,
        name: str | None,
        *,
        nouns: Mapping[str, str],
        first: Sequence[str],
        new_app: Callable[[], App],
        **settings: Any,
    ) -> None:
        super().__init__(name, context_settings={"help_option_names": HELP_NAMES}, **settings)
        self.nouns = nouns
        self.first = first
        self.new_app = new_app

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self.nouns)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        nouns = self.list_commands(ctx)
        name = (
            cmd_name if cmd_name in nouns else full_name(ctx, cmd_name, self.first) or full_name(ctx, cmd_name, nouns)
        )
        if name is None or name not in self.nouns:
            return None
        command: click.Command = import_module(f"cfy_cli.commands.{name.replace('-', '_')}").cli
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self.nouns.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """From the table: TAB must not import every noun."""
        from click.shell_completion import CompletionItem

        nouns = [CompletionItem(name, help=text) for name, text in self.nouns.items() if name.startswith(incomplete)]
        return [*nouns, *click.Command.shell_complete(self, ctx, incomplete)]

    def main(self, args: Any = None, prog_name: Any = None, *rest: Any, **extra: Any) -> Any:
        """Run one command line; ends the process with its exit code, as scripts expect."""
        if args is None:
            tolerate_odd_terminals()
        if "_CFY_COMPLETE" in os.environ:
            from cfy_cli.shell.completion import install

            install()
        words = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        app = extra.setdefault("obj", self.new_app())
        try:
            result = super().main(words, prog_name or "cfy", *rest, **extra)
            code = result if isinstance(result, int) else 0
        except (Exception, KeyboardInterrupt) as error:
            from cfy_cli.shell.error_handler import report  # words for errors are only needed when there is one

            code = report(
                error, as_json=app.format in WITH_JSON_ERRORS or _wants_json(words), verbose=app.verbosity > 0
            )
        finally:
            app.close()
        sys.exit(_flushed(code))

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        try:
            return super().make_context(*args, **extra)
        except BrokenPipeError:
            raise closed_pipe() from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise closed_pipe() from None


def tolerate_odd_terminals() -> None:
    """What is piped is UTF-8 wherever we are; a terminal that lacks a letter still gets the rest of the line."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace", **({} if stream.isatty() else {"encoding": "utf-8"}))


def closed_pipe() -> Exit:
    from cfy_cli.contract.exit_codes import CLOSED_PIPE

    return Exit(CLOSED_PIPE)


def full_name(ctx: click.Context, typed: str, names: Sequence[str]) -> str | None:
    """The name that was meant: itself, or the only one that begins so."""
    if typed in names:
        return typed
    matches = [name for name in names if name.startswith(typed)] if typed else []
    if len(matches) > 1:
        ctx.fail(f"`{typed}` may be {', '.join(sorted(matches))}")
    return matches[0] if matches else None


def write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """A command's own options; those that all have are explained at the root, and only named elsewhere."""
    own: list[tuple[str, str]] = []
    shared: list[str] = []
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
        if record and isinstance(param, GlobalOption) and ctx.parent:
            shared.append(max(param.opts, key=len))
        elif record:
            own.append(record)
    if own:
        with formatter.section("Options"):
            formatter.write_dl(own)
    if shared:
        with formatter.section("Options of every command, explained by `cfy -h`"):
            formatter.write_text(" ".join(shared))


def _resolved(group: click.Group, resolve: Callable[..., Any], ctx: click.Context, args: list[str]) -> Any:
    try:
        return resolve(ctx, args)
    except click.UsageError as error:
        if not args or error.message.startswith("`"):
            raise
        from cfy_cli.shell.suggestions import near

        found = near(args[0], group.list_commands(ctx), root=ctx.parent is None)
        meant = f"; did you mean {' or '.join(f'`{ctx.command_path} {name}`' for name in found)}?" if found else ""
        raise click.UsageError(f"There is no command `{args[0]}`{meant}", ctx) from None


def _wants_json(words: Sequence[str]) -> bool:
    """Asked before the options are parsed, since a mistake in them is told as JSON too."""
    short = {"--json", *(f"--format={name}" for name in WITH_JSON_ERRORS)}
    return bool(short & set(words)) or any(("--format", name) in pairwise(words) for name in WITH_JSON_ERRORS)


def _flushed(code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its end
        return closed_pipe().exit_code
    return code

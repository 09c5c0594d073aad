"""Click classes of the command tree: global options, lazily imported commands, abbreviations and error handling."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from cfy_cli.config.config_file import InvalidConfig
from cfy_cli.errors import Usage
from cfy_cli.shell.app import App
from cfy_cli.shell.global_options import GlobalOption, global_options
from cfy_cli.shell.printer import WITH_JSON_ERRORS
from cfy_cli.shell.streams import failed_writes, finish_streams, prepare_streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from click.shell_completion import CompletionItem

    from cfy_cli.config.config_file import Config

WATCH = "watch"  # key of the flag in the data of a context
WATCHED = ("list", "get", "history")  # names of commands that can show the same again
SUMMARY_LENGTH = 200  # characters of the summary of a command; it is wrapped, not cut
HELP_NAMES = ["-h", "--help"]
WITHOUT_CONFIG = frozenset({"doctor", "completion"})  # commands that work with an invalid configuration file


class ManagerString(click.types.StringParamType):
    """Text that may name something on the manager: completion offers such names."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from cfy_cli.shell.completion_values import complete

        return complete(ctx, param, incomplete)


class AmbiguousName(click.UsageError):
    """An abbreviation that stands for several commands."""


class Command(click.Command):
    """A command with the global options, and with examples in its help."""

    def __init__(self, name: str | None, *, params: list[click.Parameter] | None = None, **settings: Any) -> None:
        watch = [_watch_option()] if name in WATCHED else []
        super().__init__(name, params=_with_global_options([*(params or []), *watch]), **settings)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words; for completion, a last option without its value does not hide the arguments."""
        is_unfinished = ctx.resilient_parsing and args and self._takes_value(args[-1])
        with _hint_of_help(ctx):
            return super().parse_args(ctx, [*args, ""] if is_unfinished else args)

    def invoke(self, ctx: click.Context) -> Any:
        with _hint_of_help(ctx):
            if not ctx.meta.get(WATCH):
                return super().invoke(ctx)
            from cfy_cli.shell.watching import watch

            return watch(ctx.ensure_object(App), partial(super().invoke, ctx))

    def _takes_value(self, word: str) -> bool:
        options = [param for param in self.params if isinstance(param, click.Option) and word in param.opts]
        return any(not (option.is_flag or option.count) for option in options)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from cfy_cli.shell.examples import examples_of

        examples = examples_of(ctx.command_path)
        if examples:
            with formatter.section("For example"), formatter.indentation():
                formatter.write("".join(f"  {example}\n" for example in examples))


def _watch_option() -> click.Option:
    def remember(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
        ctx.meta[WATCH] = value

    return click.Option(
        ["--watch"], is_flag=True, expose_value=False, callback=remember, help="Show it again every 2 seconds."
    )


@contextmanager
def _hint_of_help(ctx: click.Context) -> Iterator[None]:
    """Hint at the help of the command where the error of a command line has no other hint."""
    try:
        yield
    except Usage as error:
        error.hint = error.hint or f"Run `{ctx.command_path} -h` for help"
        raise


class CommandGroup(click.Group):
    """A group of commands, such as those of one resource; unambiguous abbreviations are accepted.

    `summaries` maps the names of commands to their summaries whose module is imported only when the command is named;
    `prefix` is what the names of these modules begin with.
    """

    command_class = Command

    def __init__(
        self,
        name: str | None,
        *,
        params: list[click.Parameter] | None = None,
        summaries: Mapping[str, str] | None = None,
        prefix: str = "",
        **settings: Any,
    ) -> None:
        super().__init__(name, params=_with_global_options(params or []), **settings)
        self.summaries: Mapping[str, str] = summaries or {}
        self.prefix = prefix

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self.summaries})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = self.find_name(ctx, cmd_name)
        if name is None or name not in self.summaries:
            return super().get_command(ctx, name) if name else None
        command: click.Command = import_module(f"cfy_cli.commands.{self.prefix}{name.replace('-', '_')}").cli
        return command

    def find_name(self, ctx: click.Context, typed: str) -> str | None:
        """Return the name of the command that is meant. Raises AmbiguousName."""
        return expand_name(ctx, typed, self.list_commands(ctx))

    def describe_commands(self, ctx: click.Context) -> list[tuple[str, str]]:
        """Return the names and the summaries of the commands that are not hidden."""
        described: list[tuple[str, str]] = []
        for name in self.list_commands(ctx):
            if name in self.summaries:
                described.append((name, self.summaries[name]))
            elif (command := self.get_command(ctx, name)) and not command.hidden:
                described.append((name, command.get_short_help_str(SUMMARY_LENGTH)))
        return described

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            name, command, remaining = super().resolve_command(ctx, args)
        except AmbiguousName:
            raise
        except click.UsageError:
            if not args:
                raise
            raise _unknown_command(ctx, args[0], self.list_commands(ctx)) from None
        return (command.name if command else name), command, remaining

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(self.describe_commands(ctx))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names of commands without importing those that are imported when they are named."""
        from click.shell_completion import CompletionItem

        described = [*self.describe_commands(ctx), *self.describe_aliases(ctx)]
        names = [CompletionItem(name, help=text) for name, text in described if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def describe_aliases(self, ctx: click.Context) -> list[tuple[str, str]]:
        """Return the aliases of commands, and what they stand for."""
        return []

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)  # before the options: readers look for commands first
        write_options(self, ctx, formatter)


CommandGroup.group_class = CommandGroup


class RootGroup(CommandGroup):
    """The root of the tree. `preferred` are names that win when an abbreviation is typed."""

    def __init__(
        self,
        name: str | None,
        *,
        preferred: Sequence[str],
        new_app: Callable[[], App],
        **settings: Any,
    ) -> None:
        super().__init__(name, context_settings={"help_option_names": HELP_NAMES}, **settings)
        self.preferred = preferred
        self.new_app = new_app

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        alias = self._aliases(ctx).get(args[0]) if args and args[0] not in self.summaries else None
        return super().resolve_command(ctx, [*alias, *args[1:]] if alias else args)

    def find_name(self, ctx: click.Context, typed: str) -> str | None:
        if typed in self.summaries:
            return typed
        name = expand_name(ctx, typed, self.preferred) or expand_name(ctx, typed, self.list_commands(ctx))
        return name if name in self.summaries else None

    def describe_aliases(self, ctx: click.Context) -> list[tuple[str, str]]:
        return [(name, " ".join(words)) for name, words in sorted(self._aliases(ctx).items())]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_commands(ctx, formatter)
        if aliases := self.describe_aliases(ctx):
            with formatter.section("Aliases"):
                formatter.write_dl(aliases)

    def main(  # type: ignore[override] # always standalone: it ends the process
        self, args: Sequence[str] | None = None, prog_name: str | None = None, obj: App | None = None, **extra: Any
    ) -> Any:
        """Run one command line and exit with its exit code."""
        if args is None:
            prepare_streams()
        if "_CFY_COMPLETE" in os.environ:
            from cfy_cli.shell.completion import register_shells

            register_shells()
        words = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        app = obj or self.new_app()
        try:
            result = super().main(words, prog_name or "cfy", obj=app, **extra)
            code = result if isinstance(result, int) else 0
        except (Exception, KeyboardInterrupt) as error:
            from cfy_cli.shell.error_handler import report

            as_json = app.options.format in WITH_JSON_ERRORS or _wants_json(words)
            code = report(error, as_json=as_json, verbose=app.options.verbosity > 0)
        finally:
            app.close()
        sys.exit(finish_streams(code))

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        app = extra["obj"]
        with suppress(InvalidConfig):  # reported by `invoke`; help and completion work without it
            app.apply_config()
        with failed_writes():
            return super().make_context(*args, color=app.options.color, **extra)

    def invoke(self, ctx: click.Context) -> object:
        args = [*ctx._protected_args, *ctx.args]
        if not args or args[0] not in WITHOUT_CONFIG:
            self._check_aliases(ctx, ctx.ensure_object(App).config)
        with failed_writes():
            return super().invoke(ctx)

    def _aliases(self, ctx: click.Context) -> Mapping[str, Sequence[str]]:
        app = ctx.find_object(App)
        with suppress(InvalidConfig):
            return app.config.aliases if app else {}
        return {}

    def _check_aliases(self, ctx: click.Context, config: Config) -> None:
        """Check that aliases hide no command and begin with one. Raises InvalidConfig."""
        for name, (first, *_) in config.aliases.items():
            if name in (*self.summaries, *self.preferred):
                config.refuse("aliases", name, "is the name of a command", "Choose another name.")
            with suppress(AmbiguousName):
                if not expand_name(ctx, first, self.list_commands(ctx)):
                    config.refuse("aliases", name, f"begins with `{first}`, which is no command", "See `cfy -h`.")


def expand_name(ctx: click.Context, typed: str, names: Sequence[str]) -> str | None:
    """Return the name, or the only name that starts with it. Raises AmbiguousName."""
    if typed in names:
        return typed
    matches = [name for name in names if name.startswith(typed)] if typed else []
    if len(matches) > 1:
        raise AmbiguousName(f"`{typed}` is ambiguous: {', '.join(sorted(matches))}", ctx)
    return matches[0] if matches else None


def write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the command's own options; global options are described only in the help of the root."""
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
        with formatter.section("Global options, described by `cfy -h`"):
            formatter.write_text(" ".join(shared))


def _with_global_options(own: list[click.Parameter]) -> list[click.Parameter]:
    for param in own:
        if param.type is click.STRING:
            param.type = ManagerString()
        elif isinstance(param.type, click.IntRange) and not param.metavar:
            param.metavar = "NUMBER"  # not INTEGER RANGE
    return [*own, *global_options(own)]


def _unknown_command(ctx: click.Context, typed: str, names: Sequence[str]) -> click.UsageError:
    from cfy_cli.shell.suggestions import suggest

    meant = " or ".join(f"`{ctx.command_path} {name}`" for name in suggest(typed, names, is_root=ctx.parent is None))
    question = f"; did you mean {meant}?" if meant else ""
    return click.UsageError(f"There is no command `{typed}`{question}", ctx)


def _wants_json(words: Sequence[str]) -> bool:
    """Look for a JSON format before the options are parsed: errors in them are printed as JSON too."""
    flags = {"--json", *(f"--format={name}" for name in WITH_JSON_ERRORS)}
    return bool(flags & set(words)) or any(("--format", name) in pairwise(words) for name in WITH_JSON_ERRORS)

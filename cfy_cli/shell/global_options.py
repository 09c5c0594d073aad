"""The options that every command has, and the root too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cfy_cli.shell.app import App
from cfy_cli.shell.printer import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class GlobalOption(click.Option):
    """An option that every command has; what is typed goes to the App, not to the command."""

    def __init__(self, names: Sequence[str], sets: str, change: Callable[[Any], Any], **settings: Any) -> None:
        self.sets = sets
        self.change = change
        unique = f"every_{names[-1].strip('-').replace('-', '_')}"
        super().__init__([unique, *names], expose_value=False, callback=self.keep, **settings)

    @staticmethod
    def keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        if isinstance(param, GlobalOption) and value not in (None, False, 0):
            if ctx.resilient_parsing and param.sets not in _MATTER_FOR_TAB:
                return
            setattr(ctx.ensure_object(App), param.sets, param.change(value))


_MATTER_FOR_TAB = frozenset({"tenant", "manager", "profile_name"})


def every_option(own: Sequence[click.Parameter]) -> list[click.Parameter]:
    """These options, without the flags to which the command itself gives another meaning."""
    taken = {flag for param in own for flag in (*param.opts, *param.secondary_opts)}
    return [
        GlobalOption(free, sets, change, **settings)
        for names, sets, change, settings in _OPTIONS
        if (free := [name for name in names if name not in taken])
    ]


def _same(value: Any) -> Any:
    return value


def _columns(text: str) -> tuple[str, ...]:
    columns = tuple(name.strip() for name in text.split(",") if name.strip())
    if not columns:
        raise click.BadParameter("give names, such as id,state")
    return columns


def _query(text: str) -> Any:
    from cfy_cli.output.queries import Query

    return Query(text)


_OPTIONS: tuple[tuple[tuple[str, ...], str, Callable[[Any], Any], dict[str, Any]], ...] = (
    (("--json",), "format", lambda _: "json", {"is_flag": True, "help": "Print JSON; the same as --format json."}),
    (("--format",), "format", _same,
     {"type": click.Choice(FORMATS), "help": "Print tables and sentences, or data for programs."}),
    (("--columns",), "picked", _columns, {"metavar": "NAMES", "help": "Print only these fields: id,state."}),
    (("--no-headers",), "headings", lambda _: False, {"is_flag": True, "help": "Print rows alone, without headings."}),
    (("--query",), "query", _query, {"metavar": "JMESPATH", "help": "Print what this expression finds: [].id."}),
    (("--limit",), "limit", _same, {"type": click.IntRange(1), "help": "List at most this many."}),
    (("-x", "--extended-view"), "vertical", _same, {"is_flag": True, "help": "Show fields one below the other."}),
    (("--color",), "colour", {"always": True, "never": False, "auto": None}.get,
     {"type": click.Choice(["auto", "always", "never"]), "help": "When to colour; by default on terminals."}),
    (("-q", "--quiet"), "verbosity", lambda _: -1, {"is_flag": True, "help": "Print results only."}),
    (("-v", "--verbose"), "verbosity", _same, {"count": True, "help": "Say more; repeat for more still."}),
    (("--yes",), "agreed", _same, {"is_flag": True, "help": "Go on without asking."}),
    (("--non-interactive",), "silent", _same, {"is_flag": True, "help": "Never ask: fail where a question would be."}),
    (("--profile",), "profile_name", _same, {"metavar": "NAME", "help": "Use this profile for this command."}),
    (("--manager",), "manager", _same, {"help": "Talk to this profile's manager, or to the one at this address."}),
    (("-t", "--tenant-name"), "tenant", _same, {"help": "Act in this tenant."}),
)  # fmt: skip

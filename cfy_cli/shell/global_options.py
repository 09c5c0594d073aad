"""Options that every command and the root accept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cfy_cli.config.config_file import COLORS, FORMATS
from cfy_cli.shell.app import App

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from click.shell_completion import CompletionItem

    from cfy_cli.output.queries import Query

_USED_BY_COMPLETION = frozenset({"tenant", "manager", "profile_name"})


class GlobalOption(click.Option):
    """An option whose value is stored in `App.options`, under `field`, instead of being passed to the command."""

    def __init__(
        self, names: Sequence[str], field: str, convert: Callable[[Any], object] | None, settings: Mapping[str, Any]
    ) -> None:
        self.field = field
        self.convert = convert
        param_name = f"global_{names[-1].strip('-').replace('-', '_')}"
        super().__init__([param_name, *names], expose_value=False, callback=self._store, **settings)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from cfy_cli.shell.completion_values import complete

        return super().shell_complete(ctx, incomplete) or complete(ctx, self, incomplete)

    def _store(self, ctx: click.Context, _param: click.Parameter, value: object) -> None:
        if value in (None, False, 0) or (ctx.resilient_parsing and self.field not in _USED_BY_COMPLETION):
            return
        setattr(ctx.ensure_object(App).options, self.field, self.convert(value) if self.convert else value)
        if self.field == "color":
            ctx.color = ctx.ensure_object(App).options.color


def global_options(own: Sequence[click.Parameter]) -> list[click.Parameter]:
    """Return the global options for a command, without the flags that the command's own parameters use."""
    taken = {flag for param in own for flag in (*param.opts, *param.secondary_opts)}
    return [
        GlobalOption(free, option.field, option.convert, option.settings)
        for option in _OPTIONS
        if (free := [name for name in option.names if name not in taken])
    ]


def _columns(text: str) -> tuple[str, ...]:
    columns = tuple(name.strip() for name in text.split(",") if name.strip())
    if not columns:
        raise click.BadParameter("give the names of fields, such as id,state")
    return columns


def _query(text: str) -> Query:
    from cfy_cli.output.queries import Query

    return Query(text)


class _Option(NamedTuple):
    names: tuple[str, ...]
    field: str  # of GlobalOptions
    settings: dict[str, Any]  # arguments of click.Option
    convert: Callable[[Any], object] | None = None


_OPTIONS = (
    _Option(("--json",), "format", {"is_flag": True, "help": "Print JSON; the same as --format json."},
            lambda _: "json"),
    _Option(("--format",), "format", {"type": click.Choice(FORMATS), "help": "The output format."}),
    _Option(("--columns",), "columns", {"metavar": "NAMES", "help": "Print only these fields, such as id,state."},
            _columns),
    _Option(("--no-headers",), "headings", {"is_flag": True, "help": "Print tables without headings."},
            lambda _: False),
    _Option(("--query",), "query",
            {"metavar": "JMESPATH", "help": "Print the result of a JMESPath query, such as [].id."}, _query),
    _Option(("--limit",), "limit",
            {"type": click.IntRange(1), "metavar": "NUMBER", "help": "List at most this many items."}),
    _Option(("-x", "--extended-view"), "vertical", {"is_flag": True, "help": "Print one field per line."}),
    _Option(("--color",), "color",
            {"type": click.Choice(list(COLORS)), "help": "When to use colors; by default on terminals."},
            COLORS.get),
    _Option(("--no-color",), "color", {"is_flag": True, "help": "Use no colors; the same as --color never."},
            lambda _: False),
    _Option(("-q", "--quiet"), "verbosity", {"is_flag": True, "help": "Print only results."}, lambda _: -1),
    _Option(("-v", "--verbose"), "verbosity", {"count": True, "help": "Print more details; may be repeated."}),
    _Option(("--yes",), "assume_yes", {"is_flag": True, "help": "Confirm all questions."}),
    _Option(("--non-interactive",), "non_interactive", {"is_flag": True, "help": "Fail instead of prompting."}),
    _Option(("--profile",), "profile_name", {"metavar": "NAME", "help": "Use this profile."}),
    _Option(("--manager",), "manager", {"help": "Use the manager at this address or of this profile."}),
    _Option(("-t", "--tenant-name"), "tenant", {"help": "Use this tenant."}),
)  # fmt: skip

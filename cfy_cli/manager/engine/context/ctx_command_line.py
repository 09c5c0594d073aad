"""The command line of the ctx program, parsed and run here; the program itself only carries words and the answer."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from cfy_cli.contract.json import Json
from cfy_cli.errors import CfyError, Invalid, Usage
from cfy_cli.manager.engine.context.ctx_arguments import Args
from cfy_cli.manager.engine.context.ctx_commands import COMMANDS, GROUPS, INSTANCE_GROUPS, ScriptStopped
from cfy_cli.manager.engine.context.instance_context import InstanceContext
from cfy_cli.manager.engine.context.operation_context import OperationContext

T = TypeVar("T")

JSON_OPTIONS = ("-j", "--json-output")

USAGE = """\
usage: ctx [-j] [--json-arg-prefix PREFIX] [-t SECONDS] WORD...

  ctx node id|name|type|type-hierarchy|properties [PATH]
  ctx instance id|index|state|host-ip|relationships|scaling-groups
  ctx instance runtime-properties [PATH [VALUE]]
  ctx source|target node|instance ...          (operations of relationships)
  ctx operation name|retry-number|max-retries|retry [MESSAGE [SECONDS]]
  ctx blueprint id, ctx deployment id|display-name|creator|tenant-name|resource-tags [PATH]
  ctx execution-id|workflow-id|workflow-parameters [PATH]|task-id|task-name|type|rest-token
  ctx tenant [PATH], ctx tenant-name, ctx capabilities get-all, ctx local-deployment-workdir
  ctx plugin name|package-name|package-version|properties [PATH]|prefix|workdir
  ctx agent init-script [@CONFIG]
  ctx logger debug|info|warning|error|critical MESSAGE
  ctx send-event MESSAGE
  ctx get-resource PATH, ctx download-resource|download-directory PATH [TARGET]
  ctx get-resource-and-render PATH [@VARIABLES], ctx download-resource-and-render PATH [TARGET] [@VARIABLES]
  ctx returns VALUE, ctx retry-operation [MESSAGE [SECONDS]], ctx abort-operation [MESSAGE]

  -j, --json-output    print the answer as JSON
A VALUE that begins with @ (or with PREFIX) is JSON."""


@dataclass(frozen=True, slots=True)
class CommandOutput:
    """The exit status and the output of the ctx program; the output goes to stderr when the status is not 0."""

    status: int
    text: str


def run_command_line(ctx: OperationContext, words: list[str]) -> CommandOutput:
    """Run the command line and return the answer, of errors too."""
    try:
        options, args = _parse(words)
        if options.help:
            return CommandOutput(0, USAGE + "\n")
        result = run_command(ctx, args)
        return CommandOutput(0, json.dumps(result) if options.json else str(result or ""))
    except Usage as error:
        return CommandOutput(2, f"ctx: {error.message} See `ctx -h`.\n")
    except CfyError as error:
        return CommandOutput(1, f"ctx: {error.message}\n")
    except ScriptStopped as stopped:
        return CommandOutput(1, f"{stopped}\n")
    except OSError as error:
        return CommandOutput(1, f"ctx: {error.filename or ''}: {error.strerror or error}.\n")


def run_command(ctx: OperationContext, args: Args) -> Json:
    """Run the command that the words name and return its value."""
    if not args:
        raise Usage("A command is missing.")
    first, rest = _word(args[0]), args[1:]
    if first in ("source", "target"):
        return _run_instance_command(lambda: ctx.end(first), rest, f"ctx {first}")
    if first in INSTANCE_GROUPS:
        return _run_instance_command(ctx.own_instance, args, "ctx")
    if first in GROUPS:
        return _pick(GROUPS[first], rest, f"ctx {first}")(ctx, rest[1:])
    if first not in COMMANDS:
        known = _join({"source", "target", *INSTANCE_GROUPS, *GROUPS, *COMMANDS})
        raise Invalid(f"There is no command `ctx {args[0]}`; `ctx` has {known}.")
    return COMMANDS[first](ctx, rest)


def _run_instance_command(find: Callable[[], InstanceContext], args: Args, prefix: str) -> Json:
    group = _pick(INSTANCE_GROUPS, args, prefix)
    command = _pick(group, args[1:], f"{prefix} {args[0]}")
    return command(find(), args[2:])


def _pick(table: Mapping[str, T], args: Args, prefix: str) -> T:
    """Return the entry of the table that the first argument names; `prefix` is the command so far."""
    if not args:
        raise Usage(f"`{prefix}` needs one of: {_join(table)}.")
    name = _word(args[0])
    if name not in table:
        raise Invalid(f"There is no command `{prefix} {args[0]}`; `{prefix}` has {_join(table)}.")
    return table[name]


def _join(names: Iterable[str]) -> str:
    return ", ".join(sorted(name.replace("_", "-") for name in names))


def _word(arg: Json) -> str:
    return str(arg).replace("-", "_")


@dataclass(slots=True)
class _Options:
    json: bool = False
    help: bool = False
    prefix: str = "@"


def _parse(words: list[str]) -> tuple[_Options, Args]:
    """Parse options before the first other word; an option for JSON may be the last word too."""
    options, remaining = _Options(), list(words)
    if "--" not in remaining and remaining[-1:] and remaining[-1] in JSON_OPTIONS:
        options.json = bool(remaining.pop())
    while remaining and remaining[0].startswith("-"):
        word = remaining.pop(0)
        if word == "--":
            break
        if word in JSON_OPTIONS:
            options.json = True
        elif word in ("-h", "--help"):
            options.help = True
        elif word in ("-t", "--timeout", "--json-arg-prefix"):
            if not remaining:
                raise Usage(f"{word} needs a value.")
            value = remaining.pop(0)
            options.prefix = value if word == "--json-arg-prefix" else options.prefix
        else:
            raise Usage(f"There is no option {word}.")
    return options, [_parse_value(word, options.prefix) for word in remaining]


def _parse_value(word: str, prefix: str) -> Json:
    if not prefix or not word.startswith(prefix):
        return word
    try:
        return cast(Json, json.loads(word[len(prefix) :]))
    except ValueError:
        raise Usage(f"{word} begins with {prefix}, so it must be JSON, and it is not.") from None

"""The ctx program: its arguments understood, its answer printed. The program itself only carries both."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from cfy_cli.errors import CfyError, Invalid, Usage
from cfy_cli.manager.engine.context.ctx_arguments import Args
from cfy_cli.manager.engine.context.ctx_commands import GROUPS, PLAIN, SUBJECT, Stop
from cfy_cli.manager.engine.context.instance_context import InstanceContext
from cfy_cli.manager.engine.context.operation_context import OperationContext

Json = Any
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
  ctx logger debug|info|warning|error|critical MESSAGE
  ctx send-event MESSAGE
  ctx get-resource PATH, ctx download-resource|download-directory PATH [TARGET]
  ctx get-resource-and-render PATH [@VARIABLES], ctx download-resource-and-render PATH [TARGET] [@VARIABLES]
  ctx returns VALUE, ctx retry-operation [MESSAGE [SECONDS]], ctx abort-operation [MESSAGE]

  -j, --json-output    print the answer as JSON
A VALUE that begins with @ (or with PREFIX) is JSON."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the ctx program prints and how it ends; text goes to stderr when the status is not 0."""

    status: int
    text: str


def answer(scope: OperationContext, words: list[str]) -> Answer:
    try:
        options, args = _parse(words)
        if options.help:
            return Answer(0, USAGE + "\n")
        result = run(scope, args)
        return Answer(0, json.dumps(result) if options.json else str(result or ""))
    except Usage as error:
        return Answer(2, f"ctx: {error.message} See `ctx -h`.\n")
    except CfyError as error:
        return Answer(1, f"ctx: {error.message}\n")
    except Stop as stop:
        return Answer(1, f"{stop}\n")
    except OSError as error:
        return Answer(1, f"ctx: {error.filename or ''}: {error.strerror or error}.\n")


def run(scope: OperationContext, args: Args) -> Json:
    """The value that the words ask for; or what they tell is done."""
    if not args:
        raise Usage("Say what is wanted.")
    first, rest = _word(args[0]), args[1:]
    if first in ("source", "target"):
        return _subject(lambda: scope.end(first), rest, f"ctx {first}")
    if first in SUBJECT:
        return _subject(scope.own, args, "ctx")
    if first in GROUPS:
        return _pick(GROUPS[first], rest, f"ctx {first}")(scope, rest[1:])
    if first not in PLAIN:
        raise Invalid(
            f"`ctx {args[0]}` is not known; `ctx` has {_listed({'source', 'target', *SUBJECT, *GROUPS, *PLAIN})}."
        )
    return PLAIN[first](scope, rest)


def _subject(subject: Callable[[], InstanceContext], args: Args, said: str) -> Json:
    group = _pick(SUBJECT, args, said)
    return _pick(group, args[1:], f"{said} {args[0]}")(subject(), args[2:])


def _pick(table: dict[str, T], args: Args, said: str) -> T:
    if not args:
        raise Usage(f"`{said}` needs one of: {_listed(table)}.")
    name = _word(args[0])
    if name not in table:
        raise Invalid(f"`{said} {args[0]}` is not known; `{said}` has {_listed(table)}.")
    return table[name]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(name.replace("_", "-") for name in names))


def _word(arg: Json) -> str:
    return str(arg).replace("-", "_")


@dataclass(slots=True)
class _Options:
    json: bool = False
    help: bool = False
    prefix: str = "@"


def _parse(words: list[str]) -> tuple[_Options, Args]:
    """Options come before the first word that is not one; only that for JSON may be the last word too."""
    options, left = _Options(), list(words)
    if "--" not in left and left[-1:] and left[-1] in JSON_OPTIONS:
        options.json = bool(left.pop())
    while left and left[0].startswith("-"):
        word = left.pop(0)
        if word == "--":
            break
        if word in JSON_OPTIONS:
            options.json = True
        elif word in ("-h", "--help"):
            options.help = True
        elif word in ("-t", "--timeout", "--json-arg-prefix"):
            if not left:
                raise Usage(f"{word} needs a value.")
            value = left.pop(0)
            options.prefix = value if word == "--json-arg-prefix" else options.prefix
        else:
            raise Usage(f"There is no option {word}.")
    return options, [_value(word, options.prefix) for word in left]


def _value(word: str, prefix: str) -> Json:
    if not prefix or not word.startswith(prefix):
        return word
    try:
        return json.loads(word[len(prefix) :])
    except ValueError:
        raise Usage(f"{word} begins with {prefix}, so it must be JSON, and it is not.") from None

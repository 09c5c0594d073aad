"""The ctx program: its arguments understood, its answer printed. The program itself only carries both."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from cfy_cli.errors import CfyError, Invalid, Usage
from cfy_cli.manager.engine.context import paths
from cfy_cli.manager.engine.context.calls import call
from cfy_cli.manager.engine.context.render import rendered
from cfy_cli.manager.engine.context.scope import LEVELS, Scope
from cfy_cli.manager.engine.context.subject import Subject

Json = Any
Args = list[Json]
T = TypeVar("T")

USAGE = """\
usage: ctx [-j] [--json-arg-prefix PREFIX] [-t SECONDS] WORD...

  ctx node id|name|type|type-hierarchy|properties [PATH]
  ctx instance id|index|host-ip|relationships|scaling-groups
  ctx instance runtime-properties [PATH [VALUE]]
  ctx source|target node|instance ...          (operations of relationships)
  ctx operation name|retry-number|max-retries|retry [MESSAGE [SECONDS]]
  ctx blueprint id, ctx deployment id|display-name|creator
  ctx execution-id|workflow-id|tenant-name|task-id|task-name|type|rest-token
  ctx plugin name|package-name|package-version|prefix|workdir, ctx capabilities get-all
  ctx logger debug|info|warning|error|critical MESSAGE
  ctx send-event MESSAGE
  ctx get-resource PATH, ctx download-resource PATH [TARGET]
  ctx get-resource-and-render PATH [@VARIABLES], ctx download-resource-and-render PATH [TARGET] [@VARIABLES]
  ctx returns VALUE, ctx retry-operation [MESSAGE [SECONDS]], ctx abort-operation [MESSAGE]

  -j, --json-output    print the answer as JSON
A VALUE that begins with @ (or with PREFIX) is JSON."""


class Stop(Exception):
    """The script is told to stop: it gets the message on stderr and a failing status."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the ctx program prints and how it ends; text goes to stderr when the status is not 0."""

    status: int
    text: str


def answer(scope: Scope, words: list[str]) -> Answer:
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


def run(scope: Scope, args: Args) -> Json:
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


def _subject(subject: Callable[[], Subject], args: Args, said: str) -> Json:
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
    """Options come before the first word that is not one."""
    options, left = _Options(), list(words)
    while left and left[0].startswith("-"):
        word = left.pop(0)
        if word == "--":
            break
        if word in ("-j", "--json-output"):
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


def _properties(subject: Subject, args: Args) -> Json:
    if len(args) > 1:
        raise Invalid("The properties of a node cannot be changed; runtime properties can.")
    return _read(subject.properties(), args)


def _runtime_properties(subject: Subject, args: Args) -> Json:
    if len(args) < 2:
        return _read(subject.instance().runtime_properties, args)
    path, value = _at_most(args, 2)
    subject.change(lambda properties: paths.write(properties, str(path), value))
    return None


def _read(value: Json, args: Args) -> Json:
    return paths.read(value, str(args[0])) if args else value


def _at_most(args: Args, count: int) -> Args:
    if len(args) > count:
        raise Usage(f"{args[count]!r} is one word too many; quote what belongs together.")
    return args + [None] * (count - len(args))


def _log(level: str) -> Callable[[Scope, Args], None]:
    def log(scope: Scope, args: Args) -> None:
        if not args:
            raise Usage(f"`ctx logger {level}` needs a message.")
        message, *values = args
        try:
            scope.log(level, str(message) % tuple(values) if values else str(message))
        except (TypeError, ValueError):
            scope.log(level, " ".join(map(str, args)))

    return log


def _retry_arguments(args: Args) -> tuple[str, float | None]:
    message, seconds = _at_most(args, 2)
    try:
        return str(message or ""), None if seconds is None else float(seconds)
    except (TypeError, ValueError):
        raise Usage(f"The seconds to wait must be a number, not {seconds!r}.") from None


def _retry(scope: Scope, args: Args) -> None:
    scope.verdict.again(*_retry_arguments(args))


def _retry_operation(scope: Scope, args: Args) -> None:
    message, seconds = _retry_arguments(args)
    scope.verdict.retry(message, seconds)
    raise Stop(message)


def _abort_operation(scope: Scope, args: Args) -> None:
    message = str(_at_most(args, 1)[0] or "")
    scope.verdict.abort(message)
    raise Stop(message)


def _returns(scope: Scope, args: Args) -> None:
    if not args:
        raise Usage("`ctx returns` needs a value.")
    scope.verdict.returns(_at_most(args, 1)[0])


def _template_arguments(args: Args) -> tuple[str, str | None, dict[str, Json] | None]:
    """A path, then a target and variables in either order, each of them at most once."""
    path, *rest = args or [None]
    targets = [one for one in rest if not isinstance(one, dict)]
    variables = [one for one in rest if isinstance(one, dict)]
    if not path or len(targets) > 1 or len(variables) > 1:
        raise Usage("A template is named as PATH [TARGET] [@VARIABLES], the variables as a JSON map.")
    return str(path), str(targets[0]) if targets else None, variables[0] if variables else None


def _download_rendered(scope: Scope, args: Args) -> str:
    path, target, variables = _template_arguments(args)
    return scope.keep(path, rendered(scope, path, variables), target)


def _capabilities(scope: Scope, _args: Args) -> dict[str, Json]:
    subject = scope.end("source") if scope.relationship else scope.own()
    targets = [relationship["target_id"] for relationship in subject.instance().relationships]
    return {target: scope.records.instance(target).runtime_properties for target in targets}


def _tenant(scope: Scope, args: Args) -> Json:
    return _read({"name": scope.job.tenant_name}, args)


SUBJECT: dict[str, dict[str, Callable[[Subject, Args], Json]]] = {
    "node": {
        "id": lambda subject, _: subject.node()["id"],
        "name": lambda subject, _: subject.node()["id"],
        "type": lambda subject, _: subject.node()["type"],
        "type_hierarchy": lambda subject, _: subject.node()["type_hierarchy"],
        "properties": _properties,
    },
    "instance": {
        "id": lambda subject, _: subject.id,
        "index": lambda subject, _: subject.instance().index,
        "state": lambda subject, _: str(subject.instance().state),
        "host_ip": lambda subject, _: subject.host_ip(),
        "relationships": lambda subject, _: subject.instance().relationships,
        "scaling_groups": lambda subject, _: {one["id"]: one["name"] for one in subject.instance().scaling_groups},
        "runtime_properties": _runtime_properties,
        "update": lambda _subject, _: None,  # every change is stored when it is made
        "refresh": lambda _subject, _: None,
    },
}
GROUPS: dict[str, dict[str, Callable[[Scope, Args], Json]]] = {
    "blueprint": {"id": lambda scope, _: scope.job.blueprint_id},
    "deployment": {
        "id": lambda scope, _: scope.job.deployment_id,
        "display_name": lambda scope, _: scope.job.deployment_display_name,
        "creator": lambda scope, _: scope.job.created_by,
    },
    "operation": {
        "name": lambda scope, _: scope.operation.name,
        "retry_number": lambda scope, _: scope.attempt,
        "max_retries": lambda scope, _: scope.operation.max_retries,
        "retry": _retry,
    },
    "plugin": {
        "name": lambda scope, _: scope.operation.plugin,
        "package_name": lambda scope, _: scope.plugin().get("package_name"),
        "package_version": lambda scope, _: scope.plugin().get("package_version"),
        "prefix": lambda scope, _: scope.prefix,
        "workdir": lambda scope, _: str(scope.plugin_workdir()),
    },
    "execution": {"id": lambda scope, _: scope.job.execution_id},
    "capabilities": {"get_all": _capabilities},
    "logger": {level: _log(level) for level in LEVELS} | {"warn": _log("warning"), "exception": _log("error")},
}
PLAIN: dict[str, Callable[[Scope, Args], Json]] = {
    "type": lambda scope, _: "relationship-instance" if scope.relationship else "node-instance",
    "execution_id": lambda scope, _: scope.job.execution_id,
    "workflow_id": lambda scope, _: scope.job.workflow_id,
    "workflow_parameters": lambda scope, _: dict(scope.job.parameters),
    "tenant": _tenant,
    "tenant_name": lambda scope, _: scope.job.tenant_name,
    "rest_token": lambda scope, _: call(scope, "rest_token", {}),
    "task_id": lambda scope, _: scope.task_id,
    "task_name": lambda scope, _: scope.operation.function,
    "send_event": lambda scope, args: scope.event(" ".join(map(str, args))),
    "get_resource": lambda scope, args: scope.existing(str(_at_most(args, 1)[0])).read_text("utf-8", "replace"),
    "download_resource": lambda scope, args: scope.download(*_at_most(args, 2)),
    "get_resource_and_render": lambda scope, args: rendered(scope, *_template_arguments(args)[::2]),
    "download_resource_and_render": _download_rendered,
    "returns": _returns,
    "retry_operation": _retry_operation,
    "abort_operation": _abort_operation,
}

"""What the ctx program can be asked: tables of words, each with the function that reads or does it."""

from collections.abc import Callable
from typing import Any, TypeVar

from cfy_cli.errors import Invalid, Usage
from cfy_cli.manager.engine.context import paths
from cfy_cli.manager.engine.context.calls import call, plugin_properties
from cfy_cli.manager.engine.context.ctx_arguments import (
    Args,
    at_most,
    path_of,
    place_and_target,
    retry_arguments,
    template_arguments,
)
from cfy_cli.manager.engine.context.instance_context import InstanceContext
from cfy_cli.manager.engine.context.operation_context import LEVELS, OperationContext
from cfy_cli.manager.engine.context.render import rendered

Json = Any
T = TypeVar("T")


class Stop(Exception):
    """The script is told to stop: it gets the message on stderr and a failing status."""


def _alone(read: Callable[[T], Json]) -> Callable[[T, Args], Json]:
    """A word that nothing may follow."""

    def alone(of: T, args: Args) -> Json:
        at_most(args, 0)
        return read(of)

    return alone


def _read(value: Json, args: Args) -> Json:
    (path,) = at_most(args, 1)
    return value if path is None else paths.read(value, str(path))


def _properties(subject: InstanceContext, args: Args) -> Json:
    if len(args) > 1:
        raise Invalid("The properties of a node cannot be changed; runtime properties can.")
    return _read(subject.properties(), args)


def _runtime_properties(subject: InstanceContext, args: Args) -> Json:
    if len(args) < 2:
        return _read(subject.instance().runtime_properties, args)
    path, value = at_most(args, 2)
    subject.change(lambda properties: paths.write(properties, str(path), value))
    return None


def _log(level: str) -> Callable[[OperationContext, Args], None]:
    def log(scope: OperationContext, args: Args) -> None:
        if not args:
            raise Usage(f"`ctx logger {level}` needs a message.")
        message, *values = args
        try:
            scope.log(level, str(message) % tuple(values) if values else str(message))
        except (TypeError, ValueError):
            scope.log(level, " ".join(map(str, args)))

    return log


def _send_event(scope: OperationContext, args: Args) -> None:
    if not args:
        raise Usage("`ctx send-event` needs a message.")
    scope.event(" ".join(map(str, args)))


def _retry(scope: OperationContext, args: Args) -> None:
    scope.verdict.again(*retry_arguments(args))


def _retry_operation(scope: OperationContext, args: Args) -> None:
    message, seconds = retry_arguments(args)
    scope.verdict.retry(message, seconds)
    raise Stop(message)


def _abort_operation(scope: OperationContext, args: Args) -> None:
    message = str(at_most(args, 1)[0] or "")
    scope.verdict.abort(message)
    raise Stop(message)


def _returns(scope: OperationContext, args: Args) -> None:
    if not args:
        raise Usage("`ctx returns` needs a value.")
    scope.verdict.returns(at_most(args, 1)[0])


def _get_resource(scope: OperationContext, args: Args) -> str:
    """Bytes that are no text pass as they are."""
    (path,) = at_most(args, 1)
    return scope.file(path_of(path)).read_bytes().decode("utf-8", "surrogateescape")


def _get_rendered(scope: OperationContext, args: Args) -> str:
    path, target, variables = template_arguments(args)
    if target is not None:
        raise Usage(f"{target!r} is one word too many: what is printed is copied nowhere.")
    return rendered(scope, path, variables)


def _download_rendered(scope: OperationContext, args: Args) -> str:
    path, target, variables = template_arguments(args)
    return scope.keep(path, rendered(scope, path, variables), target)


def _capabilities(scope: OperationContext) -> dict[str, Json]:
    subject = scope.end("source") if scope.relationship else scope.own()
    targets = [relationship["target_id"] for relationship in subject.instance().relationships]
    return {target: scope.records.instance(target).runtime_properties for target in targets}


def _plugin_workdir(scope: OperationContext) -> str:
    scope.plugin_workdir().mkdir(parents=True, exist_ok=True)
    return str(scope.plugin_workdir())


SUBJECT: dict[str, dict[str, Callable[[InstanceContext, Args], Json]]] = {
    "node": {
        "id": _alone(lambda subject: subject.node()["id"]),
        "name": _alone(lambda subject: subject.node()["id"]),
        "type": _alone(lambda subject: subject.node()["type"]),
        "type_hierarchy": _alone(lambda subject: subject.node()["type_hierarchy"]),
        "properties": _properties,
    },
    "instance": {
        "id": _alone(lambda subject: subject.id),
        "index": _alone(lambda subject: subject.instance().index),
        "state": _alone(lambda subject: str(subject.instance().state)),
        "host_ip": _alone(lambda subject: subject.host_ip()),
        "relationships": _alone(lambda subject: subject.instance().relationships),
        "scaling_groups": _alone(lambda subject: {one["id"]: one["name"] for one in subject.instance().scaling_groups}),
        "runtime_properties": _runtime_properties,
        "update": _alone(lambda _subject: None),  # every change is stored when it is made
        "refresh": lambda _subject, _args: None,  # which may be forced
    },
}
GROUPS: dict[str, dict[str, Callable[[OperationContext, Args], Json]]] = {
    "blueprint": {"id": _alone(lambda scope: scope.job.blueprint_id)},
    "deployment": {
        "id": _alone(lambda scope: scope.job.deployment_id),
        "display_name": _alone(lambda scope: scope.job.deployment_display_name),
        "creator": _alone(lambda scope: scope.job.created_by),
        "tenant_name": _alone(lambda scope: scope.job.tenant_name),
        "resource_tags": lambda scope, args: _read(scope.job.plan.get("resource_tags") or {}, args),
    },
    "operation": {
        "name": _alone(lambda scope: scope.operation.name),
        "retry_number": _alone(lambda scope: scope.attempt),
        "max_retries": _alone(lambda scope: scope.operation.max_retries),
        "retry": _retry,
    },
    "plugin": {
        "name": _alone(lambda scope: scope.operation.plugin),
        "package_name": _alone(lambda scope: scope.plugin().get("package_name")),
        "package_version": _alone(lambda scope: scope.plugin().get("package_version")),
        "properties": lambda scope, args: _read(plugin_properties(scope), args),
        "prefix": _alone(lambda scope: scope.prefix),
        "workdir": _alone(_plugin_workdir),
    },
    "execution": {"id": _alone(lambda scope: scope.job.execution_id)},
    "capabilities": {"get_all": _alone(_capabilities)},
    "logger": {level: _log(level) for level in LEVELS} | {"warn": _log("warning"), "exception": _log("error")},
}
PLAIN: dict[str, Callable[[OperationContext, Args], Json]] = {
    "type": _alone(lambda scope: "relationship-instance" if scope.relationship else "node-instance"),
    "execution_id": _alone(lambda scope: scope.job.execution_id),
    "workflow_id": _alone(lambda scope: scope.job.workflow_id),
    "workflow_parameters": lambda scope, args: _read(dict(scope.job.parameters), args),
    "tenant": lambda scope, args: _read({"name": scope.job.tenant_name}, args),
    "tenant_name": _alone(lambda scope: scope.job.tenant_name),
    "rest_token": _alone(lambda scope: call(scope, "rest_token", {})),
    "task_id": _alone(lambda scope: scope.task_id),
    "task_name": _alone(lambda scope: scope.operation.function),
    "local_deployment_workdir": _alone(lambda scope: str(scope.job.workdir.resolve())),
    "send_event": _send_event,
    "get_resource": _get_resource,
    "download_resource": lambda scope, args: scope.download(*place_and_target(args)),
    "download_directory": lambda scope, args: scope.download_folder(*place_and_target(args)),
    "get_resource_and_render": _get_rendered,
    "download_resource_and_render": _download_rendered,
    "returns": _returns,
    "retry_operation": _retry_operation,
    "abort_operation": _abort_operation,
}

"""Commands of the ctx program: tables of words, each with the function that reads a value or does something."""

from collections.abc import Callable
from typing import TypeVar, cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.errors import Invalid, Usage
from cfy_cli.manager.engine.context import paths
from cfy_cli.manager.engine.context.calls import agent_script, plugin_properties, rest_token
from cfy_cli.manager.engine.context.ctx_arguments import (
    Args,
    pad,
    parse_path,
    parse_path_and_target,
    parse_retry,
    parse_template,
)
from cfy_cli.manager.engine.context.instance_context import InstanceContext
from cfy_cli.manager.engine.context.operation_context import LEVELS, OperationContext
from cfy_cli.manager.engine.context.render import render
from cfy_cli.manager.engine.operation_user import acting_as

T = TypeVar("T")


class ScriptStopped(Exception):
    """The script has to stop: ctx prints the message to stderr and fails."""


def _no_arguments(read: Callable[[T], Json]) -> Callable[[T, Args], Json]:
    """Make a command that takes no arguments."""

    def command(context: T, args: Args) -> Json:
        pad(args, 0)
        return read(context)

    return command


def _read(value: Json, args: Args) -> Json:
    (path,) = pad(args, 1)
    return value if path is None else paths.read(value, str(path))


def _properties(instance: InstanceContext, args: Args) -> Json:
    if len(args) > 1:
        raise Invalid("The properties of a node cannot be changed; runtime properties can.")
    return _read(instance.properties(), args)


def _runtime_properties(instance: InstanceContext, args: Args) -> Json:
    if len(args) < 2:
        return _read(instance.instance().runtime_properties, args)
    path, value = pad(args, 2)
    instance.change(lambda properties: paths.write(properties, str(path), value))
    return None


def _log(level: str) -> Callable[[OperationContext, Args], Json]:
    def log(ctx: OperationContext, args: Args) -> None:
        if not args:
            raise Usage(f"`ctx logger {level}` needs a message.")
        message, *values = args
        try:
            ctx.log(level, str(message) % tuple(values) if values else str(message))
        except (TypeError, ValueError):
            ctx.log(level, " ".join(map(str, args)))

    return log


def _send_event(ctx: OperationContext, args: Args) -> None:
    if not args:
        raise Usage("`ctx send-event` needs a message.")
    ctx.event(" ".join(map(str, args)))


def _retry_on_success(ctx: OperationContext, args: Args) -> None:
    ctx.result.retry_on_success(*parse_retry(args))


def _retry_operation(ctx: OperationContext, args: Args) -> None:
    message, seconds = parse_retry(args)
    ctx.result.retry(message, seconds)
    raise ScriptStopped(message)


def _abort_operation(ctx: OperationContext, args: Args) -> None:
    message = str(pad(args, 1)[0] or "")
    ctx.result.abort(message)
    raise ScriptStopped(message)


def _returns(ctx: OperationContext, args: Args) -> None:
    if not args:
        raise Usage("`ctx returns` needs a value.")
    ctx.result.set_value(pad(args, 1)[0])


def _get_resource(ctx: OperationContext, args: Args) -> str:
    """Return the text of a file; bytes that are no text stay as they are."""
    (path,) = pad(args, 1)
    return ctx.read(parse_path(path)).decode("utf-8", "surrogateescape")


def _get_rendered(ctx: OperationContext, args: Args) -> str:
    path, target, variables = parse_template(args)
    if target is not None:
        raise Usage(f"There is no argument {target!r}: the rendered text is printed and not copied.")
    return render(ctx, path, variables)


def _download_rendered(ctx: OperationContext, args: Args) -> str:
    path, target, variables = parse_template(args)
    return ctx.write_rendered(path, render(ctx, path, variables), target)


def _capabilities(ctx: OperationContext) -> JsonObject:
    instance = ctx.end("source") if ctx.is_relationship else ctx.own_instance()
    targets = [relationship["target_id"] for relationship in instance.instance().relationships]
    return {target: ctx.records.instance(target).runtime_properties for target in targets}


def _scaling_groups(instance: InstanceContext) -> JsonObject:
    return {group["id"]: group["name"] for group in instance.instance().scaling_groups}


def _plugin_workdir(ctx: OperationContext) -> str:
    with acting_as(ctx.job.user):
        ctx.plugin_workdir().mkdir(parents=True, exist_ok=True)
    return str(ctx.plugin_workdir())


def _agent_script(ctx: OperationContext, args: Args) -> str | None:
    (config,) = pad(args, 1)
    if config is not None and not isinstance(config, dict):
        raise Usage('The configuration of the agent is a JSON object: ctx agent init-script \'@{"user": "ubuntu"}\'.')
    return agent_script(ctx, config)


# After `ctx`, or after `ctx source` and `ctx target` in an operation of a relationship.
INSTANCE_GROUPS: dict[str, dict[str, Callable[[InstanceContext, Args], Json]]] = {
    "node": {
        "id": _no_arguments(lambda instance: instance.node()["id"]),
        "name": _no_arguments(lambda instance: instance.node()["id"]),
        "type": _no_arguments(lambda instance: instance.node()["type"]),
        "type_hierarchy": _no_arguments(lambda instance: cast(Json, instance.node()["type_hierarchy"])),
        "properties": _properties,
    },
    "instance": {
        "id": _no_arguments(lambda instance: instance.id),
        "index": _no_arguments(lambda instance: instance.instance().index),
        "state": _no_arguments(lambda instance: str(instance.instance().state)),
        "host_ip": _no_arguments(lambda instance: instance.host_ip()),
        "relationships": _no_arguments(lambda instance: cast(Json, instance.instance().relationships)),
        "scaling_groups": _no_arguments(_scaling_groups),
        "runtime_properties": _runtime_properties,
        "update": _no_arguments(lambda _instance: None),  # every change is stored when it is made
        "refresh": lambda _instance, _args: None,  # takes an argument that forces it
    },
}
GROUPS: dict[str, dict[str, Callable[[OperationContext, Args], Json]]] = {
    "blueprint": {"id": _no_arguments(lambda ctx: ctx.job.blueprint_id)},
    "deployment": {
        "id": _no_arguments(lambda ctx: ctx.job.deployment_id),
        "display_name": _no_arguments(lambda ctx: ctx.job.deployment_display_name),
        "creator": _no_arguments(lambda ctx: ctx.job.created_by),
        "tenant_name": _no_arguments(lambda ctx: ctx.job.tenant_name),
        "resource_tags": lambda ctx, args: _read(ctx.job.resource_tags, args),
    },
    "operation": {
        "name": _no_arguments(lambda ctx: ctx.operation.name),
        "retry_number": _no_arguments(lambda ctx: ctx.attempt),
        "max_retries": _no_arguments(lambda ctx: ctx.operation.max_retries),
        "retry": _retry_on_success,
    },
    "plugin": {
        "name": _no_arguments(lambda ctx: ctx.operation.plugin),
        "package_name": _no_arguments(lambda ctx: ctx.plugin().get("package_name")),
        "package_version": _no_arguments(lambda ctx: ctx.plugin().get("package_version")),
        "properties": lambda ctx, args: _read(plugin_properties(ctx), args),
        "prefix": _no_arguments(lambda ctx: ctx.prefix),
        "workdir": _no_arguments(_plugin_workdir),
    },
    "agent": {"init_script": _agent_script},
    "execution": {"id": _no_arguments(lambda ctx: ctx.job.execution_id)},
    "capabilities": {"get_all": _no_arguments(_capabilities)},
    "logger": {level: _log(level) for level in LEVELS} | {"warn": _log("warning"), "exception": _log("error")},
}
COMMANDS: dict[str, Callable[[OperationContext, Args], Json]] = {
    "type": _no_arguments(lambda ctx: "relationship-instance" if ctx.is_relationship else "node-instance"),
    "execution_id": _no_arguments(lambda ctx: ctx.job.execution_id),
    "workflow_id": _no_arguments(lambda ctx: ctx.job.workflow_id),
    "workflow_parameters": lambda ctx, args: _read(dict(ctx.job.parameters), args),
    "tenant": lambda ctx, args: _read({"name": ctx.job.tenant_name}, args),
    "tenant_name": _no_arguments(lambda ctx: ctx.job.tenant_name),
    "rest_token": _no_arguments(rest_token),
    "task_id": _no_arguments(lambda ctx: ctx.task_id),
    "task_name": _no_arguments(lambda ctx: ctx.operation.function),
    "local_deployment_workdir": _no_arguments(lambda ctx: str(ctx.job.workdir.resolve())),
    "send_event": _send_event,
    "get_resource": _get_resource,
    "download_resource": lambda ctx, args: ctx.download(*parse_path_and_target(args)),
    "download_directory": lambda ctx, args: ctx.download_folder(*parse_path_and_target(args)),
    "get_resource_and_render": _get_rendered,
    "download_resource_and_render": _download_rendered,
    "returns": _returns,
    "retry_operation": _retry_operation,
    "abort_operation": _abort_operation,
}

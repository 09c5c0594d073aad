"""Calls of the Python module `cloudify`: one function for each, with JSON arguments and results."""

import socket
from collections.abc import Callable
from typing import Protocol, cast, runtime_checkable

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.agents import AgentInstaller
from cfy_cli.manager.engine.context.instance_context import InstanceContext
from cfy_cli.manager.engine.context.operation_context import LEVELS, OperationContext
from cfy_cli.manager.engine.context.render import render
from cfy_cli.manager.engine.functions import evaluate_functions
from cfy_cli.manager.engine.ports import StaleVersion


@runtime_checkable
class TokenHost(Protocol):
    """Records whose manager can be called over REST."""

    def rest_token(self) -> str:
        """Return a token of the user who started the execution."""


def call(ctx: OperationContext, name: str, arguments: JsonObject) -> Json:
    if name not in CALLS:
        raise Invalid(f"There is no ctx call {name!r}.")
    return CALLS[name](ctx, **arguments)


def _context(ctx: OperationContext) -> JsonObject:
    """Return all that does not change while the operation runs."""
    job, operation = ctx.job, ctx.operation
    return {
        "type": "relationship-instance" if ctx.is_relationship else "node-instance",
        "inputs": ctx.inputs,
        "instance_id": operation.instance_id,
        "source_id": operation.source_id,
        "target_id": operation.target_id,
        "execution_id": job.execution_id,
        "execution_creator_username": job.created_by,
        "workflow_id": job.workflow_id,
        "workflow_parameters": dict(job.parameters),
        "tenant_name": job.tenant_name,
        "blueprint_id": job.blueprint_id,
        "deployment_id": job.deployment_id,
        "deployment_display_name": job.deployment_display_name,
        "deployment_creator": job.created_by,
        "resource_tags": job.resource_tags,
        "resources": str(ctx.files.resolve()),
        "workdir": str(job.workdir.resolve()),
        "task_id": ctx.task_id,
        "task_name": operation.function,
        "plugin": _plugin(ctx),
        "operation": operation.name,
        "retry_number": ctx.attempt,
        "max_retries": operation.max_retries,
        "timeout": operation.timeout,
        "timeout_recoverable": operation.timeout_recoverable,
        "managers": [describe_manager()],
    }


def plugin_properties(ctx: OperationContext) -> JsonObject:
    """Return the properties of the plugin, each with its `value`, `type` and `description`.

    Their names are those that the plugin declares, without the namespace under which a blueprint imports it.
    """
    declared = cast(JsonObject, ctx.plugin().get("properties") or {})
    properties = {name.rpartition("--")[2]: dict(plan) for name, plan in declared.items() if isinstance(plan, dict)}
    values = evaluate_functions(
        {name: plan["value"] for name, plan in properties.items() if "value" in plan}, ctx.records
    )
    for name, value in values.items():
        properties[name]["value"] = value
    return cast(JsonObject, properties)


def _plugin(ctx: OperationContext) -> JsonObject:
    plugin = ctx.plugin()
    return {
        "name": ctx.operation.plugin,
        "package_name": plugin.get("package_name"),
        "package_version": plugin.get("package_version"),
        "properties": plugin_properties(ctx),
        "prefix": ctx.prefix,
        "workdir": str(ctx.plugin_workdir()),
    }


def describe_manager() -> JsonObject:
    """Return this machine as a manager of the cluster."""
    return {
        "id": 0,
        "hostname": socket.gethostname(),
        "public_ip": "127.0.0.1",
        "private_ip": "127.0.0.1",
        "networks": {"default": "127.0.0.1"},
    }


def _node(ctx: OperationContext, instance_id: str) -> JsonObject:
    context = _find(ctx, instance_id)
    node = context.node()
    return {
        "id": node["id"],
        "type": node["type"],
        "type_hierarchy": cast(Json, node["type_hierarchy"]),
        "properties": context.properties(),
        "number_of_instances": len(ctx.records.instance_ids(node["id"])),
        "relationships": [
            {
                "type": relationship["type"],
                "type_hierarchy": cast(Json, relationship["type_hierarchy"]),
                "target_id": relationship["target_id"],
            }
            for relationship in node["relationships"]
        ],
    }


def _instance(ctx: OperationContext, instance_id: str) -> JsonObject:
    instance = _find(ctx, instance_id).instance()
    return {
        "id": instance.id,
        "node_id": instance.node_id,
        "index": instance.index,
        "host_id": instance.host_id,
        "state": str(instance.state),
        "version": instance.version,
        "relationships": cast(Json, instance.relationships),
        "scaling_groups": cast(Json, instance.scaling_groups),
        "runtime_properties": instance.runtime_properties,
        "system_properties": instance.system_properties or {},
    }


def _find(ctx: OperationContext, instance_id: str) -> InstanceContext:
    try:
        ctx.records.node_of(instance_id)
    except KeyError:
        raise Invalid(f"There is no node instance {instance_id} in this deployment.") from None
    return InstanceContext(ctx.records, instance_id)


def _update(ctx: OperationContext, instance_id: str, changed: JsonObject, removed: list[str]) -> None:
    """Set and remove runtime properties; leave the others as they are."""

    def edit(properties: JsonObject) -> None:
        properties.update(changed)
        for name in removed:
            properties.pop(name, None)

    _find_writable(ctx, instance_id).change(edit)


def _replace(ctx: OperationContext, instance_id: str, properties: JsonObject, version: int) -> bool:
    """Store all runtime properties; return False when the instance has changed since that version."""
    try:
        _find_writable(ctx, instance_id).replace(properties, version)
    except StaleVersion:
        return False
    return True


def _find_writable(ctx: OperationContext, instance_id: str) -> InstanceContext:
    operation = ctx.operation
    if instance_id not in (operation.instance_id, operation.source_id, operation.target_id):
        raise Invalid(f"This operation does not run on {instance_id}, so it cannot change its runtime properties.")
    return InstanceContext(ctx.records, instance_id)


def _log(ctx: OperationContext, level: str, message: str) -> None:
    ctx.log(level if level in LEVELS else "info", message)


def _resource(ctx: OperationContext, path: str) -> str | None:
    resource = ctx.resource(path)
    return None if resource is None else str(resource)


def _render(ctx: OperationContext, path: str, variables: JsonObject | None) -> str:
    return render(ctx, path, variables)


def _download_rendered(ctx: OperationContext, path: str, target: str | None, variables: JsonObject | None) -> str:
    return ctx.write_rendered(path, render(ctx, path, variables), target)


def agent_script(ctx: OperationContext, agent_config: JsonObject | None) -> str | None:
    """Return the script that installs the agent of the operation's host, None where there are no agents."""
    host_id = ctx.own_instance().instance().host_id or ctx.operation.instance_id
    is_possible = isinstance(ctx.records, AgentInstaller) and ctx.records.has_agents()
    return cast(AgentInstaller, ctx.records).agent_script(host_id, agent_config) if is_possible else None


def rest_token(ctx: OperationContext) -> str | None:
    return ctx.records.rest_token() if isinstance(ctx.records, TokenHost) else None


# The parameter names of these functions are the argument names of the protocol.
CALLS: dict[str, Callable[..., Json]] = {
    "context": _context,
    "node": _node,
    "instance": _instance,
    "host_ip": lambda ctx, instance_id: _find(ctx, instance_id).host_ip(),
    "update": _update,
    "replace": _replace,
    "log": _log,
    "event": lambda ctx, message: ctx.event(message),
    "resource": _resource,
    "download": lambda ctx, path, target: ctx.download(path, target),
    "download_folder": lambda ctx, path, target: ctx.download_folder(path, target),
    "render": _render,
    "download_rendered": _download_rendered,
    "rest_token": rest_token,
    "agent_script": agent_script,
    "returns": lambda ctx, value: ctx.result.set_value(value),
    "retry": lambda ctx, message, retry_after: ctx.result.retry(message, retry_after),
    "again": lambda ctx, message, retry_after: ctx.result.retry_on_success(message, retry_after),
    "abort": lambda ctx, message: ctx.result.abort(message),
    "end": lambda ctx, error: ctx.result.complete(error),
}

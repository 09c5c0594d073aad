"""What the Python module `cloudify` asks: one function a question, JSON in and out."""

import socket
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.context.instance_context import InstanceContext
from cfy_cli.manager.engine.context.operation_context import LEVELS, OperationContext
from cfy_cli.manager.engine.context.render import rendered
from cfy_cli.manager.engine.functions import evaluated
from cfy_cli.manager.engine.ports import StaleVersion

Json = Any


@runtime_checkable
class TokenHost(Protocol):
    """Records whose manager can be spoken to."""

    def rest_token(self) -> str:
        """What shows the manager on whose behalf the operation runs."""


def call(scope: OperationContext, name: str, arguments: dict[str, Json]) -> Json:
    if name not in CALLS:
        raise Invalid(f"There is no call {name!r}.")
    return CALLS[name](scope, **arguments)


def _context(scope: OperationContext) -> Json:
    """Everything that does not change while the operation runs."""
    job, operation = scope.job, scope.operation
    return {
        "type": "relationship-instance" if scope.relationship else "node-instance",
        "inputs": scope.inputs,
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
        "resource_tags": job.plan.get("resource_tags") or {},
        "resources": str(job.resources.resolve()),
        "workdir": str(job.workdir.resolve()),
        "task_id": scope.task_id,
        "task_name": operation.function,
        "plugin": _plugin(scope),
        "operation": operation.name,
        "retry_number": scope.attempt,
        "max_retries": operation.max_retries,
        "timeout": operation.timeout,
        "timeout_recoverable": operation.timeout_recoverable,
        "managers": [this_machine()],
    }


def plugin_properties(scope: OperationContext) -> dict[str, Json]:
    """Each with its `value`, `type` and `description`."""
    about = scope.plugin().get("properties") or {}
    properties = {name: dict(one) for name, one in about.items() if isinstance(one, dict)}
    values = evaluated({name: one["value"] for name, one in properties.items() if "value" in one}, scope.records)
    for name, value in values.items():
        properties[name]["value"] = value
    return properties


def _plugin(scope: OperationContext) -> Json:
    about = scope.plugin()
    return {
        "name": scope.operation.plugin,
        "package_name": about.get("package_name"),
        "package_version": about.get("package_version"),
        "properties": plugin_properties(scope),
        "prefix": scope.prefix,
        "workdir": str(scope.plugin_workdir()),
    }


def this_machine() -> Json:
    return {
        "id": 0,
        "hostname": socket.gethostname(),
        "public_ip": "127.0.0.1",
        "private_ip": "127.0.0.1",
        "networks": {"default": "127.0.0.1"},
    }


def _node(scope: OperationContext, instance_id: str) -> Json:
    subject = _subject(scope, instance_id)
    node = subject.node()
    return {
        "id": node["id"],
        "type": node["type"],
        "type_hierarchy": node["type_hierarchy"],
        "properties": subject.properties(),
        "number_of_instances": len(scope.records.instance_ids(node["id"])),
        "relationships": [
            {"type": one["type"], "type_hierarchy": one["type_hierarchy"], "target_id": one["target_id"]}
            for one in node["relationships"]
        ],
    }


def _instance(scope: OperationContext, instance_id: str) -> Json:
    instance = _subject(scope, instance_id).instance()
    return {
        "id": instance.id,
        "node_id": instance.node_id,
        "index": instance.index,
        "host_id": instance.host_id,
        "state": str(instance.state),
        "version": instance.version,
        "relationships": instance.relationships,
        "scaling_groups": instance.scaling_groups,
        "runtime_properties": instance.runtime_properties,
        "system_properties": instance.system_properties or {},
    }


def _subject(scope: OperationContext, instance_id: str) -> InstanceContext:
    try:
        scope.records.node_of(instance_id)
    except KeyError:
        raise Invalid(f"There is no node instance {instance_id} in this deployment.") from None
    return InstanceContext(scope.records, instance_id)


def _update(scope: OperationContext, instance_id: str, changed: dict[str, Json], removed: list[str]) -> None:
    """Change these runtime properties and leave the others as they are."""

    def edit(properties: dict[str, Json]) -> None:
        properties.update(changed)
        for name in removed:
            properties.pop(name, None)

    _writable(scope, instance_id).change(edit)


def _replace(scope: OperationContext, instance_id: str, properties: dict[str, Json], version: int) -> bool:
    """Store all runtime properties; False when somebody else has changed the instance meanwhile."""
    try:
        _writable(scope, instance_id).replace(properties, version)
    except StaleVersion:
        return False
    return True


def _writable(scope: OperationContext, instance_id: str) -> InstanceContext:
    operation = scope.operation
    if instance_id not in (operation.instance_id, operation.source_id, operation.target_id):
        raise Invalid(f"This operation does not run on {instance_id}, so it cannot change its runtime properties.")
    return InstanceContext(scope.records, instance_id)


def _log(scope: OperationContext, level: str, message: str) -> None:
    scope.log(level if level in LEVELS else "info", message)


def _resource(scope: OperationContext, path: str) -> str | None:
    found = scope.resource(path)
    return None if found is None else str(found)


def _render(scope: OperationContext, path: str, variables: dict[str, Json] | None) -> str:
    return rendered(scope, path, variables)


def _download_rendered(
    scope: OperationContext, path: str, target: str | None, variables: dict[str, Json] | None
) -> str:
    return scope.keep(path, rendered(scope, path, variables), target)


def _rest_token(scope: OperationContext) -> str | None:
    return scope.records.rest_token() if isinstance(scope.records, TokenHost) else None


CALLS: dict[str, Callable[..., Json]] = {
    "context": _context,
    "node": _node,
    "instance": _instance,
    "host_ip": lambda scope, instance_id: _subject(scope, instance_id).host_ip(),
    "update": _update,
    "replace": _replace,
    "log": _log,
    "event": lambda scope, message: scope.event(message),
    "resource": _resource,
    "download": lambda scope, path, target: scope.download(path, target),
    "download_folder": lambda scope, path, target: scope.download_folder(path, target),
    "render": _render,
    "download_rendered": _download_rendered,
    "rest_token": _rest_token,
    "returns": lambda scope, value: scope.verdict.returns(value),
    "retry": lambda scope, message, retry_after: scope.verdict.retry(message, retry_after),
    "again": lambda scope, message, retry_after: scope.verdict.again(message, retry_after),
    "abort": lambda scope, message: scope.verdict.abort(message),
    "end": lambda scope, error: scope.verdict.complete(error),
}

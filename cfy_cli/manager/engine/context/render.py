"""Jinja2 templates among a blueprint's files."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.limits import active_limits, raise_hint
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.context.instance_context import InstanceContext
from cfy_cli.manager.engine.context.operation_context import OperationContext

PROGRAM = Path(__file__).with_name("template_program.py")


def render(ctx: OperationContext, path: str, variables: Mapping[str, Json] | None = None) -> str:
    """Return the text of a file with its expressions evaluated; they can use the variables and `ctx`."""
    if variables and "ctx" in variables:
        raise Invalid("A variable of a template cannot be named ctx, which is the context of the operation.")
    text = ctx.read(path).decode("utf-8", "replace")
    answer = _run(path, {"text": text, "variables": {**(variables or {}), "ctx": _describe(ctx)}})
    if "error" in answer:
        raise Invalid(f"{path} cannot be rendered: {answer['error']}.")
    return str(answer["text"])


def _run(path: str, request: JsonObject) -> JsonObject:
    """Render in a process of its own, within the limit `template_time`."""
    limit = active_limits().template_time
    try:
        done = subprocess.run(
            [sys.executable, "-E", str(PROGRAM)],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=limit,
            env={"PYTHONIOENCODING": "utf-8"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Invalid(
            f"{path} cannot be rendered: it takes more than {limit} seconds.", hint=raise_hint("template_time")
        ) from None
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise Invalid(f"{path} cannot be rendered: {reason or f'its process ended with {done.returncode}'}.")
    return cast(JsonObject, json.loads(done.stdout))


def _describe(ctx: OperationContext) -> JsonObject:
    """Return ctx as plain values, for templates."""
    job, operation = ctx.job, ctx.operation
    instances: JsonObject
    if ctx.is_relationship:
        instances = {name: _describe_instance(ctx.end(name)) for name in ("source", "target")}
    else:
        instances = _describe_instance(ctx.own_instance())
    return {
        **instances,
        "type": "relationship-instance" if ctx.is_relationship else "node-instance",
        "blueprint": {"id": job.blueprint_id},
        "deployment": {
            "id": job.deployment_id,
            "display_name": job.deployment_display_name,
            "creator": job.created_by,
            "tenant_name": job.tenant_name,
            "resource_tags": job.resource_tags,
        },
        "operation": {
            "name": operation.name,
            "retry_number": ctx.attempt,
            "max_retries": operation.max_retries,
        },
        "plugin": {"name": operation.plugin},
        "execution_id": job.execution_id,
        "workflow_id": job.workflow_id,
        "workflow_parameters": dict(job.parameters),
        "tenant_name": job.tenant_name,
        "tenant": {"name": job.tenant_name},
        "task_id": ctx.task_id,
        "task_name": operation.function,
    }


def _describe_instance(context: InstanceContext) -> JsonObject:
    node, instance = context.node(), context.instance()
    return {
        "node": {
            "id": node["id"],
            "name": node["id"],
            "type": node["type"],
            "type_hierarchy": cast(Json, node["type_hierarchy"]),
            "properties": context.properties(),
        },
        "instance": {
            "id": instance.id,
            "index": instance.index,
            "state": str(instance.state),
            "runtime_properties": instance.runtime_properties,
            "relationships": cast(Json, instance.relationships),
            "scaling_groups": cast(Json, instance.scaling_groups),
        },
    }

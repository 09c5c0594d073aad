"""Jinja2 templates among a blueprint's files."""

from collections.abc import Mapping
from typing import cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.context.instance_context import InstanceContext
from cfy_cli.manager.engine.context.operation_context import OperationContext


def render(ctx: OperationContext, path: str, variables: Mapping[str, Json] | None = None) -> str:
    """Return the text of a file with its expressions evaluated; they can use the variables and `ctx`."""
    import jinja2  # a large module that few operations need
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    if variables and "ctx" in variables:
        raise Invalid("A variable of a template cannot be named ctx, which is the context of the operation.")
    text = ctx.read(path).decode("utf-8", "replace")
    environment = ImmutableSandboxedEnvironment(autoescape=False, keep_trailing_newline=False)
    try:
        return environment.from_string(text).render({**(variables or {}), "ctx": _describe(ctx)})
    except jinja2.TemplateSyntaxError as error:
        raise Invalid(f"{path} cannot be rendered: {error.message} (line {error.lineno}).") from error
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise Invalid(f"{path} cannot be rendered: {error}.") from error


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

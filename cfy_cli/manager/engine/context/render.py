"""Templates among a blueprint's files, filled in for the operation that asks."""

from collections.abc import Mapping
from typing import Any

from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.context.instance_context import InstanceContext
from cfy_cli.manager.engine.context.operation_context import OperationContext

Json = Any


def rendered(scope: OperationContext, path: str, variables: Mapping[str, Json] | None = None) -> str:
    """The text of a file with its Jinja2 expressions evaluated; `ctx` is there beside the variables. Raises Invalid."""
    import jinja2  # a large module that few operations need
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    if variables and "ctx" in variables:
        raise Invalid("A variable of a template cannot be called ctx: the context has that name.")
    text = scope.file(path).read_text("utf-8", "replace")
    environment = ImmutableSandboxedEnvironment(autoescape=False, keep_trailing_newline=False)
    try:
        return environment.from_string(text).render({**(variables or {}), "ctx": _view(scope)})
    except jinja2.TemplateSyntaxError as error:
        raise Invalid(f"{path} cannot be rendered: {error.message} (line {error.lineno}).") from error
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise Invalid(f"{path} cannot be rendered: {error}.") from error


def _view(scope: OperationContext) -> dict[str, Json]:
    """ctx as templates read it: values only."""
    job, operation = scope.job, scope.operation
    if scope.relationship:
        ends = {name: _subject(scope.end(name)) for name in ("source", "target")}
    else:
        ends = _subject(scope.own())
    return {
        **ends,
        "type": "relationship-instance" if scope.relationship else "node-instance",
        "blueprint": {"id": job.blueprint_id},
        "deployment": {
            "id": job.deployment_id,
            "display_name": job.deployment_display_name,
            "creator": job.created_by,
            "tenant_name": job.tenant_name,
            "resource_tags": job.plan.get("resource_tags") or {},
        },
        "operation": {
            "name": operation.name,
            "retry_number": scope.attempt,
            "max_retries": operation.max_retries,
        },
        "plugin": {"name": operation.plugin},
        "execution_id": job.execution_id,
        "workflow_id": job.workflow_id,
        "workflow_parameters": dict(job.parameters),
        "tenant_name": job.tenant_name,
        "tenant": {"name": job.tenant_name},
        "task_id": scope.task_id,
        "task_name": operation.function,
    }


def _subject(subject: InstanceContext) -> dict[str, Json]:
    node, instance = subject.node(), subject.instance()
    return {
        "node": {
            "id": node["id"],
            "name": node["id"],
            "type": node["type"],
            "type_hierarchy": node["type_hierarchy"],
            "properties": subject.properties(),
        },
        "instance": {
            "id": instance.id,
            "index": instance.index,
            "state": str(instance.state),
            "runtime_properties": instance.runtime_properties,
            "relationships": instance.relationships,
            "scaling_groups": instance.scaling_groups,
        },
    }

"""The built-in workflows, to be run as a part of another one."""

from typing import Any

from ..workflows.workflow_context import ctx as workflow_ctx

Json = Any


def install(ctx: Any = None, **parameters: Json) -> None:
    _run("install", parameters)


def uninstall(ctx: Any = None, ignore_failure: bool = False, **parameters: Json) -> None:
    _run("uninstall", {"ignore_failure": ignore_failure, **parameters})


def reinstall(ctx: Any = None, ignore_failure: bool = False, **parameters: Json) -> None:
    _run("reinstall", {"ignore_failure": ignore_failure, **parameters})


def rollback(ctx: Any = None, **parameters: Json) -> None:
    _run("rollback", parameters)


def execute_operation(
    ctx: Any,
    operation: str,
    operation_kwargs: Json = None,
    allow_kwargs_override: Json = None,
    run_by_dependency_order: bool = False,
    type_names: Json = None,
    node_ids: Json = None,
    node_instance_ids: Json = None,
    **_more: Json,
) -> None:
    chosen = {"type_names": type_names, "node_ids": node_ids, "node_instance_ids": node_instance_ids}
    how = {"allow_kwargs_override": allow_kwargs_override, "run_by_dependency_order": run_by_dependency_order}
    _run("execute_operation", {"operation": operation, "operation_kwargs": operation_kwargs, **how, **chosen})


def start(ctx: Any = None, operation_parms: Json = None, *chosen: Json, **parameters: Json) -> None:
    _run("start", {"operation_parms": operation_parms, **_named(chosen), **parameters})


def stop(ctx: Any = None, operation_parms: Json = None, *chosen: Json, **parameters: Json) -> None:
    _run("stop", {"operation_parms": operation_parms, **_named(chosen), **parameters})


def restart(
    ctx: Any = None, stop_parms: Json = None, start_parms: Json = None, *chosen: Json, **parameters: Json
) -> None:
    _run("restart", {"stop_parms": stop_parms, "start_parms": start_parms, **_named(chosen), **parameters})


def check_status(ctx: Any = None, **parameters: Json) -> None:
    _run("check_status", parameters)


def check_drift(ctx: Any = None, **parameters: Json) -> None:
    _run("check_drift", parameters)


def auto_heal_reinstall_node_subgraph(ctx: Any = None, node_instance_id: str | None = None, **parameters: Json) -> None:
    _run("heal", {"node_instance_id": node_instance_id, **parameters})


def scale_entity(
    ctx: Any, scalable_entity_name: str, delta: Json, scale_compute: bool = False, **parameters: Json
) -> None:
    what = {"scalable_entity_name": scalable_entity_name, "delta": delta, "scale_compute": scale_compute}
    _run("scale", {**what, **parameters})


def scale(ctx: Any, node_id: str, delta: Json, scale_compute: bool = False, **parameters: Json) -> None:
    scale_entity(ctx, node_id, delta, scale_compute, **parameters)


def _named(chosen: tuple[Json, ...]) -> dict[str, Json]:
    return dict(zip(("run_by_dependency_order", "type_names", "node_ids", "node_instance_ids"), chosen, strict=False))


def _run(name: str, parameters: dict[str, Json]) -> None:
    given = {key: value for key, value in parameters.items() if value is not None}
    key = workflow_ctx.internal.connection.ask("built_in", name=name, parameters=given)
    workflow_ctx.internal.follow(key, {})
    workflow_ctx.refresh_node_instances()

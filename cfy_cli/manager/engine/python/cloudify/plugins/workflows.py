"""The built-in workflows as functions, each of which runs one as a part of another workflow."""

from collections.abc import Mapping

from ..workflows.workflow_context import ctx as workflow_ctx

SELECTION = ("run_by_dependency_order", "type_names", "node_ids", "node_instance_ids")  # in the order of arguments


def install(ctx: object = None, **parameters: object) -> None:
    _run("install", parameters)


def uninstall(ctx: object = None, ignore_failure: bool = False, **parameters: object) -> None:
    _run("uninstall", {"ignore_failure": ignore_failure, **parameters})


def reinstall(ctx: object = None, ignore_failure: bool = False, **parameters: object) -> None:
    _run("reinstall", {"ignore_failure": ignore_failure, **parameters})


def rollback(ctx: object = None, **parameters: object) -> None:
    _run("rollback", parameters)


def execute_operation(
    ctx: object,
    operation: str,
    operation_kwargs: object = None,
    allow_kwargs_override: object = None,
    run_by_dependency_order: bool = False,
    type_names: object = None,
    node_ids: object = None,
    node_instance_ids: object = None,
    **_kwargs: object,
) -> None:
    _run(
        "execute_operation",
        {
            "operation": operation,
            "operation_kwargs": operation_kwargs,
            "allow_kwargs_override": allow_kwargs_override,
            "run_by_dependency_order": run_by_dependency_order,
            "type_names": type_names,
            "node_ids": node_ids,
            "node_instance_ids": node_instance_ids,
        },
    )


def start(ctx: object = None, operation_parms: object = None, *selection: object, **parameters: object) -> None:
    _run("start", {"operation_parms": operation_parms, **_by_name(selection), **parameters})


def stop(ctx: object = None, operation_parms: object = None, *selection: object, **parameters: object) -> None:
    _run("stop", {"operation_parms": operation_parms, **_by_name(selection), **parameters})


def restart(
    ctx: object = None,
    stop_parms: object = None,
    start_parms: object = None,
    *selection: object,
    **parameters: object,
) -> None:
    _run("restart", {"stop_parms": stop_parms, "start_parms": start_parms, **_by_name(selection), **parameters})


def check_status(ctx: object = None, **parameters: object) -> None:
    _run("check_status", parameters)


def check_drift(ctx: object = None, **parameters: object) -> None:
    _run("check_drift", parameters)


def auto_heal_reinstall_node_subgraph(
    ctx: object = None, node_instance_id: str | None = None, **parameters: object
) -> None:
    _run("heal", {"node_instance_id": node_instance_id, **parameters})


def scale_entity(
    ctx: object, scalable_entity_name: str, delta: object, scale_compute: bool = False, **parameters: object
) -> None:
    entity = {"scalable_entity_name": scalable_entity_name, "delta": delta, "scale_compute": scale_compute}
    _run("scale", {**entity, **parameters})


def scale(ctx: object, node_id: str, delta: object, scale_compute: bool = False, **parameters: object) -> None:
    scale_entity(ctx, node_id, delta, scale_compute, **parameters)


def _by_name(selection: tuple[object, ...]) -> dict[str, object]:
    return dict(zip(SELECTION, selection, strict=False))


def _run(name: str, parameters: Mapping[str, object]) -> None:
    passed = {key: value for key, value in parameters.items() if value is not None}
    key: str = workflow_ctx.internal.request("run_built_in", name=name, parameters=passed)
    workflow_ctx.internal.serve_graph(key, {})
    workflow_ctx.refresh_node_instances()

"""The built-in workflows as functions, each of which runs one as a part of another workflow."""

from collections.abc import Mapping

from ..workflows.workflow_context import ctx as workflow_ctx

SELECTION = ("run_by_dependency_order", "type_names", "node_ids", "node_instance_ids")  # in the order of arguments


def install(
    ctx: object = None,
    node_ids: object = None,
    node_instance_ids: object = None,
    type_names: object = None,
    **parameters: object,
) -> None:
    _run("install", {**_select(node_ids, node_instance_ids, type_names), **parameters})


def uninstall(
    ctx: object = None,
    ignore_failure: bool = False,
    node_ids: object = None,
    node_instance_ids: object = None,
    type_names: object = None,
    recursive: bool | None = None,
    **parameters: object,
) -> None:
    selection = _select(node_ids, node_instance_ids, type_names)
    _run("uninstall", {"ignore_failure": ignore_failure, "recursive": recursive, **selection, **parameters})


def reinstall(
    ctx: object = None,
    ignore_failure: bool = False,
    node_ids: object = None,
    node_instance_ids: object = None,
    type_names: object = None,
    **parameters: object,
) -> None:
    selection = _select(node_ids, node_instance_ids, type_names)
    _run("reinstall", {"ignore_failure": ignore_failure, **selection, **parameters})


def rollback(
    ctx: object = None,
    type_names: object = None,
    node_ids: object = None,
    node_instance_ids: object = None,
    full_rollback: bool = False,
    **parameters: object,
) -> None:
    selection = _select(node_ids, node_instance_ids, type_names)
    _run("rollback", {"full_rollback": full_rollback, **selection, **parameters})


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


def update(ctx: object = None, **parameters: object) -> None:
    _run("update", parameters)


def pull(ctx: object = None, operation_parms: object = None, *selection: object, **parameters: object) -> None:
    _run("pull", {"operation_parms": operation_parms, **_by_name(selection), **parameters})


def auto_heal_reinstall_node_subgraph(
    ctx: object = None,
    node_instance_id: str | None = None,
    diagnose_value: object = None,
    ignore_failure: bool | None = None,
    check_status: bool | None = None,
    allow_reinstall: bool | None = None,
    force_reinstall: bool | None = None,
    **parameters: object,
) -> None:
    options = {
        "node_instance_id": node_instance_id,
        "diagnose_value": diagnose_value,
        "ignore_failure": ignore_failure,
        "check_status": check_status,
        "allow_reinstall": allow_reinstall,
        "force_reinstall": force_reinstall,
    }
    _run("heal", {**options, **parameters})


def scale_entity(
    ctx: object,
    scalable_entity_name: str,
    delta: object,
    scale_compute: bool = False,
    ignore_failure: bool | None = None,
    include_instances: object = None,
    exclude_instances: object = None,
    rollback_if_failed: bool | None = None,
    abort_started: bool | None = None,
    **parameters: object,
) -> None:
    options = {
        "scalable_entity_name": scalable_entity_name,
        "delta": delta,
        "scale_compute": scale_compute,
        "ignore_failure": ignore_failure,
        "include_instances": include_instances,
        "exclude_instances": exclude_instances,
        "rollback_if_failed": rollback_if_failed,
        "abort_started": abort_started,
    }
    _run("scale", {**options, **parameters})


def scale(ctx: object, node_id: str, delta: object, scale_compute: bool = False, **parameters: object) -> None:
    entity = {"scalable_entity_name": node_id, "delta": delta, "scale_compute": scale_compute}
    _run("scale", {**entity, **parameters})


def _by_name(selection: tuple[object, ...]) -> dict[str, object]:
    return dict(zip(SELECTION, selection, strict=False))


def _select(node_ids: object, node_instance_ids: object, type_names: object) -> dict[str, object]:
    return {"node_ids": node_ids, "node_instance_ids": node_instance_ids, "type_names": type_names}


def _run(name: str, parameters: Mapping[str, object]) -> None:
    passed = {key: value for key, value in parameters.items() if value is not None}
    key: str = workflow_ctx.internal.request("run_built_in", name=name, parameters=passed)
    workflow_ctx.internal.serve_graph(key, {})
    workflow_ctx.refresh_node_instances()

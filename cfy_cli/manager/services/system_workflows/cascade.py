"""Deployments inside another one, uninstalled and deleted with it when that is asked for (`recursive`)."""

from collections.abc import Callable

from sqlalchemy import select

from cfy_cli.contract.states import ENDED, ExecutionState
from cfy_cli.errors import CfyError, Invalid
from cfy_cli.manager.services.deployments import dependencies, tree
from cfy_cli.manager.services.executions import executions, workflows
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.runtime.wait import wait_until
from cfy_cli.manager.services.system_workflows import deployment_requests
from cfy_cli.manager.store.models import Deployment, Execution
from cfy_cli.manager.store.store import Store

PATIENCE = float("inf")  # seconds; whoever started it can cancel it
UNINSTALL, DELETE = "uninstall", "delete_deployment_environment"


def uninstall(context: ExecutionContext, goes_on: Callable[[], bool], *, ignore_failure: bool) -> None:
    """Uninstall what is inside, and inside that; its own components the deployment uninstalls itself.

    Raises Invalid when one of them fails.
    """
    context.say("Uninstalling service deployments recursively")
    begun: dict[str, str] = {}
    refused: list[str] = []
    with context.reading() as store:
        deployment = store.unscoped.get_one(Deployment, context.execution.deployment_storage_id)
        own = dependencies.components(store, deployment)
        names = [one.id for one in tree.children(store.unscoped, deployment) if one.storage_id not in own]
    for name in names:
        try:
            with context.app.writing(context.scope) as store:
                execution_id = _uninstall_one(context, store, name, ignore_failure=ignore_failure)
        except CfyError as error:
            refused.append(f"{name}: {error.message}")
        else:
            begun.update({execution_id: name} if execution_id else {})

    def have_ended() -> bool:
        return all(status in ENDED for status in _statuses(context, begun).values())

    if not wait_until(context, have_ended, goes_on=goes_on, seconds=PATIENCE):
        return
    ends = _statuses(context, begun)
    failed = [
        f"{begun[key]}: its uninstall {key} ended as {status}"
        for key, status in ends.items()
        if status != ExecutionState.TERMINATED
    ]
    if (refused or failed) and not ignore_failure:
        raise Invalid("Not all services could be uninstalled: " + "; ".join([*refused, *failed]) + ".")
    context.say("Service deployments uninstalled")


def delete(context: ExecutionContext) -> None:
    """Delete what is inside, and inside that. Raises Invalid for what cannot be."""
    force = bool(context.parameters.get("force"))
    with context.reading() as store:
        deployment = store.unscoped.get_one(Deployment, context.execution.deployment_storage_id)
        inside = [child.storage_id for child in tree.children(store.unscoped, deployment)]
    with context.app.writing(context.scope) as store:
        for child in _left(store, inside):
            if _deletion(store, child) not in (None, *ENDED):  # begun before a worker died
                continue
            deployment_requests.start_delete(
                context.app,
                store,
                child.id,
                force=force,
                delete_logs=bool(context.parameters.get("delete_logs")),
                recursive=True,
                creator=dependencies.between(store, deployment, child),
            )

    def are_gone() -> bool:
        with context.reading() as store:
            left = _left(store, inside)
            failed = [
                child.id
                for child in left
                if _deletion(store, child) in (ExecutionState.FAILED, ExecutionState.CANCELLED)
            ]
        if failed:
            raise Invalid(f"What is inside it could not be deleted: {', '.join(failed)}")
        return not left

    if not wait_until(context, are_gone, goes_on=lambda: not context.stopping.is_set(), seconds=PATIENCE):
        raise Invalid(f"The deletion of what is inside {deployment.id} was interrupted")


def _uninstall_one(context: ExecutionContext, store: Store, name: str, *, ignore_failure: bool) -> str | None:
    """The execution that does it, begun now or before; None when there is nothing to uninstall."""
    child = store.get_own(Deployment, name)
    running = store.unscoped.scalar(
        select(Execution.id).where(
            Execution.deployment_storage_id == child.storage_id,
            Execution.workflow_id == UNINSTALL,
            Execution.status.not_in(ENDED),
        )
    )
    definition = child.workflow_definitions.get(UNINSTALL)
    if running or definition is None or not workflows.is_available(child, definition):
        return running
    parameters = {"recursive": True, "ignore_failure": ignore_failure}
    return executions.start(
        context.app, store, name, UNINSTALL, parameters, queue=True, allow_custom_parameters=True
    ).id


def _left(store: Store, numbers: list[int]) -> list[Deployment]:
    """Those that are still there; they may go at any moment, so what is asked of them is asked by their number."""
    chosen = select(Deployment).where(Deployment.storage_id.in_(numbers)).order_by(Deployment.storage_id)
    return list(store.unscoped.scalars(chosen))


def _deletion(store: Store, deployment: Deployment) -> str | None:
    """How the latest deletion of a deployment stands."""
    return store.unscoped.scalar(
        select(Execution.status)
        .where(Execution.deployment_storage_id == deployment.storage_id, Execution.workflow_id == DELETE)
        .order_by(Execution.storage_id.desc())
        .limit(1)
    )


def _statuses(context: ExecutionContext, begun: dict[str, str]) -> dict[str, str]:
    with context.reading() as store:
        found = store.unscoped.execute(select(Execution.id, Execution.status).where(Execution.id.in_(begun)))
        return {row.id: row.status for row in found}

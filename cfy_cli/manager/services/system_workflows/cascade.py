"""Deployments inside another one, which `recursive` uninstalls and deletes with it."""

from collections.abc import Callable, Collection, Sequence
from typing import cast

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

UNINSTALL, DELETE = "uninstall", "delete_deployment_environment"


def uninstall(context: ExecutionContext, *, should_continue: Callable[[], bool], ignore_failure: bool) -> None:
    """Uninstall the deployments inside, and those inside them, but for components, which the deployment uninstalls.

    Waits without a timeout, as the user can cancel the execution. Raises Invalid when an uninstall fails.
    """
    context.log("Uninstalling service deployments recursively")
    started: dict[str, str] = {}  # deployment ids by execution id
    failures: list[str] = []
    for service in _services(context):
        try:
            with context.writing("execution_start") as store:
                execution_id = _start_uninstall(context, store, service, ignore_failure=ignore_failure)
        except CfyError as error:
            failures.append(f"{service.id}: {error.message}")
        else:
            if execution_id is not None:
                started[execution_id] = service.id

    def have_ended() -> bool:
        return all(status in ENDED for status in _statuses(context, started).values())

    if not wait_until(context, have_ended, should_continue=should_continue):
        return
    failures += [
        f"{started[execution_id]}: its uninstall {execution_id} ended as {status}"
        for execution_id, status in _statuses(context, started).items()
        if status != ExecutionState.TERMINATED
    ]
    if failures and not ignore_failure:
        raise Invalid(f"Not all services could be uninstalled: {'; '.join(failures)}.")
    context.log("Service deployments uninstalled")


def delete(context: ExecutionContext) -> None:
    """Delete the deployments inside, and those inside them. Raises Invalid when a deletion fails."""
    parameters = cast(deployment_requests.DeleteParameters, context.parameters)
    with context.reading_own_rows() as store:
        deployment = _own_deployment(context, store)
        children = [child.storage_id for child in _children(store, deployment)]
    with context.writing("deployment_delete") as store:
        for child in _remaining(store, children):
            deployment_requests.check_permitted(store, child)
            if _latest_deletion(store, child) not in (None, *ENDED):  # started before a worker crashed
                continue
            deployment_requests.start_delete(
                context.app,
                store.in_tenant(child.tenant_name),
                child.id,
                force=parameters["force"],
                delete_logs=parameters["delete_logs"],
                recursive=True,
                creator=dependencies.find_creator(store, deployment, child),
            )

    def are_deleted() -> bool:
        with context.reading_own_rows() as store:
            remaining = _remaining(store, children)
            failed = [
                child.id
                for child in remaining
                if _latest_deletion(store, child) in (ExecutionState.FAILED, ExecutionState.CANCELLED)
            ]
        if failed:
            raise Invalid(f"Deployments inside `{deployment.id}` could not be deleted: {', '.join(failed)}")
        return not remaining

    if not wait_until(context, are_deleted, should_continue=lambda: not context.stopping.is_set()):
        raise Invalid(f"The deletion of the deployments inside `{deployment.id}` was interrupted")


def _services(context: ExecutionContext) -> list[Deployment]:
    """Return the deployments inside that are not components, whether the user may see them or not."""
    with context.reading_own_rows() as store:
        deployment = _own_deployment(context, store)
        components = dependencies.component_ids(store, deployment)
        return [child for child in _children(store, deployment) if child.storage_id not in components]


def _start_uninstall(
    context: ExecutionContext, store: Store, service: Deployment, *, ignore_failure: bool
) -> str | None:
    """Start `uninstall` unless it runs already; return the execution's id, or None if there is nothing to uninstall.

    Raises CfyError when the user may not.
    """
    store = store.in_tenant(service.tenant_name)
    child = deployment_requests.check_permitted(store, service)
    # executions of the child
    running = store.unscoped.scalar(
        select(Execution.id).where(
            Execution.deployment_storage_id == child.storage_id,
            Execution.workflow_id == UNINSTALL,
            Execution.status.not_in(ENDED),
        )
    )
    workflow = child.workflow_definitions.get(UNINSTALL)
    if running or workflow is None or not workflows.is_available(child, workflow):
        return running
    execution = executions.start(
        context.app,
        store,
        child.id,
        UNINSTALL,
        {"recursive": True, "ignore_failure": ignore_failure},
        queue=True,
        allow_custom_parameters=True,
    )
    return execution.id


def _own_deployment(context: ExecutionContext, store: Store) -> Deployment:
    # the execution's own deployment
    return store.unscoped.get_one(Deployment, context.execution.deployment_storage_id)


def _children(store: Store, deployment: Deployment) -> Sequence[Deployment]:
    return tree.find_children(store.unscoped, deployment)  # private deployments of other users too


def _remaining(store: Store, storage_ids: Collection[int]) -> Sequence[Deployment]:
    """Return those of the children that still exist; any may be deleted at any moment."""
    # children of the execution's own deployment
    return store.unscoped.scalars(
        select(Deployment).where(Deployment.storage_id.in_(storage_ids)).order_by(Deployment.storage_id)
    ).all()


def _latest_deletion(store: Store, deployment: Deployment) -> str | None:
    """Return the status of the latest execution that deletes a deployment."""
    # executions of a child
    return store.unscoped.scalar(
        select(Execution.status)
        .where(Execution.deployment_storage_id == deployment.storage_id, Execution.workflow_id == DELETE)
        .order_by(Execution.storage_id.desc())
        .limit(1)
    )


def _statuses(context: ExecutionContext, execution_ids: Collection[str]) -> dict[str, str]:
    statement = select(Execution.id, Execution.status).where(Execution.id.in_(execution_ids))
    with context.reading_own_rows() as store:
        return {row.id: row.status for row in store.unscoped.execute(statement)}  # executions started by this one

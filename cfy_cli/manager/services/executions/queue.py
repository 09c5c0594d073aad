"""The queue of each deployment: one execution of it runs at a time, and the oldest that waits is next.

Executions of a group wait in the same queues. Workers take them out, as far as the concurrency of the group allows.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import and_, bindparam, exists, or_, select, update
from sqlalchemy.orm import aliased

from cfy_cli.contract.states import RUNNING, STOPPING, ExecutionState
from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.services.executions import exclusive_workflows
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.compiled_query import CompiledQuery
from cfy_cli.manager.store.list_parameters import is_among
from cfy_cli.manager.store.models import Deployment, Execution, ExecutionGroup
from cfy_cli.manager.store.query import column, is_any, is_one_of
from cfy_cli.manager.store.store import Store

_IS_QUEUED = is_one_of(Execution.status, ExecutionState.QUEUED)
IS_ANY_QUEUED = is_any(_IS_QUEUED, last_by=column(Execution, "created_at"))
WAITS = select(  # whether anything does, something exclusive, and something of a deployment
    IS_ANY_QUEUED,
    exists().where(_IS_QUEUED, Execution.is_system_workflow),
    exists().where(_IS_QUEUED, Execution.deployment_storage_id == bindparam("deployment")),
)
ANY_WAITS = select(IS_ANY_QUEUED, exists().where(_IS_QUEUED, Execution.is_system_workflow))
WAITING_OF_DEPLOYMENTS = select(Deployment.storage_id).where(
    is_among(column(Deployment, "storage_id"), "deployments"),
    is_any(
        Execution.deployment_storage_id == Deployment.storage_id,
        _IS_QUEUED,
        Execution.execution_group_id.is_(None),  # what waits in groups is left to the workers
        last_by=column(Execution, "deployment_storage_id"),
    ),
)
WAITS_FOR_ANY = CompiledQuery(ANY_WAITS.add_columns(WAITING_OF_DEPLOYMENTS.exists()))
IS_IN_PAUSED_GROUP = exists().where(ExecutionGroup.id == Execution.execution_group_id, ExecutionGroup.concurrency == 0)
_other = aliased(Execution)
_group_of_other = aliased(ExecutionGroup)
# Another execution of the same deployment runs, or is older and waits; those of a paused group wait for no one's turn.
IS_BEHIND_ANOTHER = is_any(
    _other.deployment_storage_id == Execution.deployment_storage_id,
    or_(
        is_one_of(_other.status, *RUNNING),
        and_(
            is_one_of(_other.status, ExecutionState.QUEUED),
            _other.storage_id < Execution.storage_id,
            ~exists().where(_group_of_other.id == _other.execution_group_id, _group_of_other.concurrency == 0),
        ),
    ),
    last_by=_other.deployment_storage_id,
)


def release_next(store: Store, ended: Execution) -> bool:
    """Make the next queued execution pending: the oldest of the same deployment, or one that is exclusive.

    Returns whether there may be one to claim, so that the caller notifies `work_available`. Queries are unscoped:
    executions of all users wait for each other.
    """
    if ended.deployment_storage_id is not None:
        store.acquire_lock(LockKey.DEPLOYMENT, ended.deployment_storage_id)
    anything, exclusive, of_deployment = store.unscoped.execute(
        WAITS, {"deployment": ended.deployment_storage_id or 0}
    ).one()
    if not anything:
        return False
    if exclusive and _release_exclusive(store):
        return True
    if ended.is_system_workflow:  # it has no deployment, and all have waited for it
        of_deployments = Execution.status == ExecutionState.QUEUED, Execution.execution_group_id.is_(None)
        queued = select(Execution.deployment_storage_id).where(*of_deployments).distinct()
        release_of_deployments(store, (each for each in store.unscoped.scalars(queued) if each is not None))
    elif of_deployment and ended.deployment_storage_id is not None:
        _release_next_of(store, ended.deployment_storage_id)
    return True


def find_followed(store: Store, ended: Sequence[Execution]) -> tuple[bool, list[Execution]]:
    """Return whether anything waits, and those of the ended executions after which another one may be released.

    `release_next` does that. The caller holds the locks of their deployments.
    """
    session = store.unscoped  # executions of all users wait for each other
    given = {"deployments": [each.deployment_storage_id for each in ended if each.deployment_storage_id is not None]}
    [(anything, exclusive, of_deployments)] = WAITS_FOR_ANY.fetch(session.connection(), given)
    if not anything or exclusive:
        return bool(anything), list(ended) if exclusive else []
    waiting = set(session.scalars(WAITING_OF_DEPLOYMENTS, given)) if of_deployments else set()
    return True, [each for each in ended if each.is_system_workflow or each.deployment_storage_id in waiting]


def release_after(store: Store, deployment_storage_ids: Sequence[int]) -> bool:
    """Make what waited for the executions of several deployments pending.

    Returns whether there may be one to claim, so that the caller notifies `work_available`.
    """
    session = store.unscoped  # executions of all users wait for each other
    anything, exclusive = session.execute(ANY_WAITS).one()
    if not anything or (exclusive and _release_exclusive(store)):
        return bool(anything)
    waiting = session.scalars(WAITING_OF_DEPLOYMENTS, {"deployments": deployment_storage_ids})
    release_of_deployments(store, waiting)
    return True


def _release_exclusive(store: Store) -> bool:
    """Make the oldest exclusive execution pending if nothing else runs; return whether there was one."""
    store.acquire_lock(LockKey.EVENT_IDS)  # the last two that end see each other
    return exclusive_workflows.release_next(store)


def release_of_deployments(store: Store, storage_ids: Iterable[int]) -> None:
    """Make the next queued execution of each of these deployments pending."""
    present = sorted(storage_ids)
    store.acquire_locks(LockKey.DEPLOYMENT, present)
    for storage_id in present:
        _release_next_of(store, storage_id)


def _release_next_of(store: Store, deployment_storage_id: int) -> None:
    """Make the oldest queued execution of a deployment pending, unless another one runs; the caller holds its lock.

    One of a group is left to the workers, and one of a paused group lets others pass.
    """
    session = store.unscoped  # executions of all users
    queued = session.execute(
        select(Execution.storage_id, Execution.execution_group_id).where(
            Execution.deployment_storage_id == deployment_storage_id,
            Execution.status == ExecutionState.QUEUED,
            ~IS_IN_PAUSED_GROUP,
        )
    )
    storage_id, group_id = min(queued, default=(None, None))
    if storage_id is None or group_id is not None or describe_running(store, deployment_storage_id):
        return
    session.execute(update(Execution).where(Execution.storage_id == storage_id).values(status=ExecutionState.PENDING))


def check_idle(store: Store, deployment: Deployment) -> None:
    """Raise Invalid while an execution of the deployment runs."""
    others = describe_running(store, deployment.storage_id)
    if others:
        raise Invalid(
            f"The following executions are currently running for this deployment: {', '.join(others)}. "
            'To execute this workflow anyway, pass "force=true" as a query parameter to this request',
            hint="Wait for them to end, queue it with --queue, or force it with --force.",
            code=ErrorCode.EXISTING_RUNNING_EXECUTION,
        )


def describe_running(store: Store, deployment_storage_id: int) -> list[str]:
    """Return `WORKFLOW (STATUS, ID)` of each running execution of a deployment."""
    statement = select(Execution.id, Execution.workflow_id, Execution.status).where(
        Execution.deployment_storage_id == deployment_storage_id,
        Execution.status.in_((ExecutionState.PENDING, ExecutionState.STARTED, *STOPPING)),
    )
    rows = store.unscoped.execute(statement)  # of all users
    return [f"{workflow} ({status}, {execution_id})" for execution_id, workflow, status in rows]

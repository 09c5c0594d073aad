"""Making of execution groups with all their executions, which workers start as far as the concurrency allows."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from sqlalchemy.orm import lazyload, load_only
from sqlalchemy.orm.attributes import set_committed_value

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.states import ExecutionState, Visibility
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployments import tree
from cfy_cli.manager.services.execution_groups import deployment_states
from cfy_cli.manager.services.execution_groups.group_values import GroupValues
from cfy_cli.manager.services.executions.executions import deployment_columns
from cfy_cli.manager.services.identity.execution_user import set_user
from cfy_cli.manager.store.bulk import BulkStatement
from cfy_cli.manager.store.models import Deployment, Execution, ExecutionGroup
from cfy_cli.manager.store.models.owned import inherited_columns
from cfy_cli.manager.store.store import Store

DEFAULT_CONCURRENCY = 5
LOADED = (  # what `add` needs of a deployment
    lazyload("*"),
    load_only(
        Deployment.id,
        Deployment.display_name,
        Deployment.blueprint_id,
        Deployment.tenant_name,
        Deployment.visibility,
        Deployment.created_by,
        Deployment.latest_execution,
        Deployment.deployment_status,
    ),
)
INSERT_EXECUTION = BulkStatement.insert(Execution)


@dataclass(frozen=True, slots=True)
class NewExecution:
    """An execution to make on a deployment."""

    deployment: Deployment
    parameters: JsonObject
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class _CommonColumns(TypedDict):
    """Columns that all executions of a group have in common."""

    workflow_id: str
    status: str
    error: str | None
    is_system_workflow: bool
    is_dry_run: bool
    resume: bool
    force: bool
    allow_custom_parameters: bool
    wait_after_fail: int
    total_operations: int
    finished_operations: int
    started_at: str | None
    ended_at: str | None
    scheduled_for: str | None
    execution_group_id: str
    worker: str | None
    acts_for: str | None
    acts_for_storage_id: int | None
    crashes: int
    progress_at_crash: int
    claim: int
    decisions: JsonObject
    created_at: str
    created_by: str


def add(
    app: AppContext,
    store: Store,
    workflow_id: str,
    executions: Sequence[NewExecution],
    *,
    deployment_group_id: str | None = None,
    visibility: str = Visibility.TENANT,
    concurrency: int = DEFAULT_CONCURRENCY,
    force: bool = False,
    allow_custom_parameters: bool = True,
) -> ExecutionGroup:
    """Store a group with its executions, in the order in which they will start; only their size is checked here.

    They are queued until a worker starts them: at most `concurrency` at a time, and on each deployment one at a time.
    """
    values = GroupValues()
    for execution in executions:
        values.add(execution.parameters)
    group = ExecutionGroup(
        id=str(uuid.uuid4()),
        workflow_id=workflow_id,
        concurrency=concurrency,
        deployment_group_id=deployment_group_id,
        visibility=visibility,
        is_waiting=bool(executions),
    )
    store.add(group)
    common = _common_columns(store, group, force=force, allow_custom_parameters=allow_custom_parameters)
    rows: list[dict[str, object]] = [
        {
            **common,
            **inherited_columns(execution.deployment),
            **deployment_columns(execution.deployment),
            "id": execution.id,
            "parameters": execution.parameters,
        }
        for execution in executions
    ]
    connection = store.unscoped.connection()  # new rows of deployments that the caller may use
    INSERT_EXECUTION.execute(connection, rows)
    store.record_creations(Execution, rows)
    _update_deployments(store, executions)
    store.after_commit(app.work_available.notify)
    return group


def _common_columns(
    store: Store, group: ExecutionGroup, *, force: bool, allow_custom_parameters: bool
) -> _CommonColumns:
    acting = Execution()
    set_user(store, acting)
    return {
        "workflow_id": group.workflow_id,
        "status": ExecutionState.QUEUED,
        "error": None,
        "is_system_workflow": False,
        "is_dry_run": False,
        "resume": False,
        "force": force,
        "allow_custom_parameters": allow_custom_parameters,
        "wait_after_fail": 600,
        "total_operations": 0,
        "finished_operations": 0,
        "started_at": None,
        "ended_at": None,
        "scheduled_for": None,
        "execution_group_id": group.id,
        "worker": None,
        "acts_for": acting.acts_for,
        "acts_for_storage_id": acting.acts_for_storage_id,
        "crashes": 0,
        "progress_at_crash": 0,
        "claim": 0,
        "decisions": {},
        "created_at": now(),
        "created_by": store.scope.user,
    }


def _update_deployments(store: Store, executions: Sequence[NewExecution]) -> None:
    """Store in the deployments that executions of them were started."""
    changed = [each for each in executions if each.deployment.latest_execution != each.id]
    deployment_states.mark_started(store, {each.deployment.storage_id: each.id for each in changed})
    for each in changed:
        set_committed_value(each.deployment, "latest_execution", each.id)
        set_committed_value(each.deployment, "deployment_status", tree.IN_PROGRESS)

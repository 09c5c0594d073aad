"""The end of a blueprint's upload: its state follows that of its execution, in the same transaction."""

from sqlalchemy import and_, select

from cfy_cli.contract.states import ENDED, UPLOADING_STATES, BlueprintState, ExecutionState
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.store.models import Blueprint, Execution
from cfy_cli.manager.store.store import Store

WORKFLOW = "upload_blueprint"
INTERRUPTED = "The upload was interrupted: upload the blueprint again"
CANCELLED = "The upload was cancelled"
# The state during a step, and the state after the step has failed.
FAILED_STATE = {
    BlueprintState.PENDING: BlueprintState.FAILED_UPLOADING,
    BlueprintState.UPLOADING: BlueprintState.FAILED_UPLOADING,
    BlueprintState.EXTRACTING: BlueprintState.FAILED_EXTRACTING,
    BlueprintState.PARSING: BlueprintState.INVALID,
}


def on_ended(store: Store, execution: Execution) -> None:
    """Store why an upload failed and remove its files; delete a blueprint that was only to be validated."""
    if execution.workflow_id != WORKFLOW:
        return
    # The blueprint of an execution, which may be private; the row of the execution may be newer than the object.
    blueprint = store.unscoped.scalar(select(Blueprint).where(Blueprint.upload_execution_id == execution.id))
    if blueprint is None:
        return
    if blueprint.is_hidden:
        store.delete(blueprint)
    elif blueprint.state in UPLOADING_STATES:
        end = store.unscoped.execute(  # of the same execution
            select(Execution.status, Execution.error).where(Execution.id == execution.id)
        ).one_or_none()
        is_cancelled = end is not None and end.status == ExecutionState.CANCELLED
        _fail(store, blueprint, (end and end.error) or (CANCELLED if is_cancelled else INTERRUPTED))


def fail_interrupted(store: Store) -> None:
    """Let the uploads fail whose executions have ended, or are gone, without a state of their blueprints."""
    has_not_ended = and_(Execution.id == Blueprint.upload_execution_id, Execution.status.not_in(ENDED))
    is_running = select(Execution.id).where(has_not_ended).exists()
    stuck = select(Blueprint).where(Blueprint.state.in_(UPLOADING_STATES), ~is_running)
    for blueprint in store.unscoped.scalars(stuck).all():  # of all tenants
        _fail(store, blueprint, INTERRUPTED)


def _fail(store: Store, blueprint: Blueprint, reason: str) -> None:
    blueprint.state = FAILED_STATE[BlueprintState(blueprint.state)]
    blueprint.error, blueprint.updated_at = reason, now()
    store.remove_files(blueprint)
    store.flush()

"""Rows of snapshots and log bundles: their state follows that of the execution that creates them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from sqlalchemy import select

from cfy_cli.contract.manager_resources import LOG_BUNDLES, SNAPSHOTS
from cfy_cli.contract.resource import Resource
from cfy_cli.contract.states import ENDED, ArchiveState
from cfy_cli.errors import Invalid, NotFound
from cfy_cli.manager.store.files import Files
from cfy_cli.manager.store.models import Execution, LogBundle, Snapshot
from cfy_cli.manager.store.models.archives import Archived
from cfy_cli.manager.store.storage import RowKey
from cfy_cli.manager.store.store import Store

ARCHIVE = "archive.zip"
COMPLETE = (ArchiveState.CREATED, ArchiveState.UPLOADED)
CREATED_BY: dict[str, type[LogBundle | Snapshot]] = {"create_log_bundle": LogBundle, "create_snapshot": Snapshot}
RESOURCES: dict[type[Archived], Resource] = {LogBundle: LOG_BUNDLES, Snapshot: SNAPSHOTS}


def delete(store: Store, row: LogBundle | Snapshot) -> None:
    """Delete a row with its archive. Raises Invalid while an execution creates or restores it."""
    check_unused(store, row, "delete")
    store.delete(row)


def check_unused(store: Store, row: Archived, action: str) -> None:
    """Raise Invalid while an execution creates or restores an archive."""
    own = select(Execution.workflow_id).where(Execution.id == row.execution_id, Execution.status.not_in(ENDED))
    workflow_id = store.unscoped.scalar(own)  # the execution of the row
    if workflow_id is not None:
        raise Invalid(
            f"Cannot {action} {_noun(row)} `{row.id}` which has an active `{workflow_id}` execution",
            hint=f"Wait for it: cfy executions wait {row.execution_id}",
        )


def set_status(files: Files, row: LogBundle | Snapshot, status: str, error: str | None) -> None:
    """Change the status. Raises Invalid for one that there is not, and for one that an archive must have."""
    if status not in set(ArchiveState):
        raise Invalid(f"`{status}` is no status of {_resource(row).plural}: they are {', '.join(ArchiveState)}")
    if status in COMPLETE and files.storage.find(_key(row), ARCHIVE) is None:
        raise Invalid(f"{_noun(row).capitalize()} `{row.id}` has no archive, so it is not {status}")
    row.status = status
    if error is not None:
        row.error = error


def find_archive(row: LogBundle | Snapshot) -> RowKey:
    """Return the row of a file ARCHIVE. Raises Invalid before it is complete, and when its creation failed."""
    if row.status not in COMPLETE:
        raise Invalid(
            f"{_noun(row).capitalize()} `{row.id}` has no archive: its status is `{row.status}`",
            hint=row.error or f"Wait until it is created: cfy {_resource(row).name} list",
        )
    return _key(row)


@contextmanager
def open_archive(files: Files, row: LogBundle | Snapshot) -> Iterator[Path]:
    """Yield the archive as a file on this machine. Raises what `find_archive` raises, and NotFound."""
    key = find_archive(row)
    if files.storage.find(key, ARCHIVE) is None:
        raise NotFound(f"The archive of {_noun(row)} `{row.id}` does not exist any more")
    with files.local_copy(key, ARCHIVE) as path:
        yield path


def on_ended(store: Store, execution: Execution) -> None:
    """Store why an archive was not created, with the end of its execution."""
    model = CREATED_BY.get(execution.workflow_id)
    if model is None:
        return
    own = select(model).where(model.execution_id == execution.id, model.status == ArchiveState.CREATING)
    row = cast("LogBundle | Snapshot | None", store.unscoped.scalar(own))  # of the execution
    if row is not None:
        error = store.unscoped.scalar(select(Execution.error).where(Execution.id == execution.id))  # of the same
        interrupted = f"The creation was interrupted: create another {_noun(row)}"
        row.status, row.error = ArchiveState.FAILED, error or interrupted
        store.flush()


def _key(row: LogBundle | Snapshot) -> RowKey:
    return row.FOLDER, row.storage_id


def _resource(row: Archived) -> Resource:
    return RESOURCES[type(row)]


def _noun(row: Archived) -> str:
    return _resource(row).noun

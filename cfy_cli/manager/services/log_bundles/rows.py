"""Rows of log bundles: their state follows that of the execution that creates them."""

from pathlib import Path

from sqlalchemy import select

from cfy_cli.contract.states import ENDED, ArchiveState
from cfy_cli.errors import Invalid, NotFound
from cfy_cli.manager.store.files import Files
from cfy_cli.manager.store.models import Execution, LogBundle
from cfy_cli.manager.store.store import Store

WORKFLOW = "create_log_bundle"
ARCHIVE = "archive.zip"
INTERRUPTED = "The creation was interrupted: create another log bundle"


def delete(store: Store, bundle_id: str) -> LogBundle:
    """Delete a log bundle with its archive. Raises Invalid while it is created."""
    bundle = store.get_own(LogBundle, bundle_id)
    own = select(Execution.status).where(Execution.id == bundle.execution_id)
    status = store.unscoped.scalar(own)  # the execution that creates the bundle
    if status is not None and status not in ENDED:
        raise Invalid(
            f"Log bundle `{bundle_id}` cannot be deleted: execution `{bundle.execution_id}` is creating it",
            hint=f"Wait for it: cfy executions wait {bundle.execution_id}",
        )
    store.delete(bundle)
    return bundle


def set_status(files: Files, bundle: LogBundle, status: str, error: str | None) -> None:
    """Change the status. Raises Invalid for one that there is not, and for `created` without an archive."""
    if status not in set(ArchiveState):
        raise Invalid(f"`{status}` is no status of log bundles: they are {', '.join(ArchiveState)}")
    if status == ArchiveState.CREATED and not _archive(files, bundle).is_file():
        raise Invalid(f"Log bundle `{bundle.id}` has no archive, so it is not created")
    bundle.status = status
    if error is not None:
        bundle.error = error


def find_archive(files: Files, bundle: LogBundle) -> Path:
    """Return the archive. Raises Invalid before it is created, and when that failed."""
    if bundle.status != ArchiveState.CREATED:
        raise Invalid(
            f"Log bundle `{bundle.id}` has no archive: its status is `{bundle.status}`", hint=bundle.error or None
        )
    path = _archive(files, bundle)
    if not path.is_file():
        raise NotFound(f"The archive of log bundle `{bundle.id}` does not exist any more")
    return path


def on_ended(store: Store, execution: Execution) -> None:
    """Store why a bundle was not created, with the end of its execution."""
    if execution.workflow_id != WORKFLOW:
        return
    own = select(LogBundle).where(LogBundle.execution_id == execution.id, LogBundle.status == ArchiveState.CREATING)
    bundle = store.unscoped.scalar(own)  # of the execution
    if bundle is not None:
        error = store.unscoped.scalar(select(Execution.error).where(Execution.id == execution.id))  # of the same
        bundle.status, bundle.error = ArchiveState.FAILED, error or INTERRUPTED
        store.flush()


def _archive(files: Files, bundle: LogBundle) -> Path:
    return files.row_folder(LogBundle.FOLDER, bundle.storage_id) / ARCHIVE

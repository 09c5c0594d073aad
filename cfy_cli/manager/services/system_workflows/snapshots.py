"""Creation and restoring of snapshots: the requests, and the executions that they start."""

import logging
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select

from cfy_cli.contract.json import Json
from cfy_cli.contract.limits import active_limits
from cfy_cli.contract.states import RUNNING, ArchiveState, Visibility
from cfy_cli.errors import Busy, CfyError, Failed, Forbidden, NotFound
from cfy_cli.manager.failures import disk_full, is_disk_full
from cfy_cli.manager.services.archive_rows import ARCHIVE, check_unused, open_archive
from cfy_cli.manager.services.configuration.configuration import Configuration
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.executions import exclusive_workflows
from cfy_cli.manager.services.identity.access import DEFAULT_TENANT
from cfy_cli.manager.services.identity.execution_user import set_user
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.snapshots.archive import open_snapshot
from cfy_cli.manager.services.snapshots.metadata import Contents
from cfy_cli.manager.services.snapshots.restoring import find_creation, replace_rows
from cfy_cli.manager.services.snapshots.staging import Staging
from cfy_cli.manager.services.snapshots.writing import write_snapshot
from cfy_cli.manager.store.leftovers import remember_database, remove_leftovers
from cfy_cli.manager.store.models import Blueprint, Deployment, Execution, Snapshot, User
from cfy_cli.manager.store.store import Store

log = logging.getLogger(__name__)
MAX_CLEAN_UPS = 3
CREATE, RESTORE = "create_snapshot", "restore_snapshot"
IS_RESTORING = (
    select(Execution.storage_id)
    .where(Execution.is_system_workflow, Execution.status.in_(RUNNING), Execution.workflow_id == RESTORE)
    .limit(1)
)


def start_creation(
    app: AppContext, store: Store, snapshot_id: str, contents: Contents, others: dict[str, Json], *, queue: bool
) -> Execution:
    """Start an execution that creates a snapshot. Raises Conflict for a taken id, and Invalid while others run.

    `others` are parameters that managers of other kinds need.
    """
    snapshot = store.add(Snapshot(id=snapshot_id, visibility=Visibility.PRIVATE))
    parameters: dict[str, Json] = {
        "snapshot_id": snapshot_id,
        "include_credentials": contents.credentials,
        "include_logs": contents.logs,
        "include_events": contents.events,
        **others,
    }
    return _start(app, store, snapshot, CREATE, parameters, queue=queue)


def start_restoring(app: AppContext, store: Store, snapshot_id: str, parameters: dict[str, Json]) -> Execution:
    """Start an execution that restores a snapshot. Raises Invalid while others run, and for what cannot be restored."""
    snapshot = _find(store, snapshot_id)
    _check_first_administrator(store)
    check_unused(store, snapshot, "restore")
    with open_archive(app.files, snapshot) as path, open_snapshot(path, active_limits()) as archive:
        archive.metadata.check_revision()
    everything: dict[str, Json] = {"snapshot_id": snapshot.id, **parameters}
    # The default tenant alone is in every snapshot, so the execution is there before and after.
    return _start(app, store.in_tenant(DEFAULT_TENANT), snapshot, RESTORE, everything)


def add_uploaded(store: Store, snapshot_id: str, archive: Path) -> Snapshot:
    """Store an archive that was checked, instead of one of the same name. Raises Invalid while that is used."""
    former = store.find(Snapshot, snapshot_id)
    if former is not None and former.tenant_name == store.scope.tenant:
        check_unused(store, former, "replace")
        store.delete(former)  # the new one has another storage id, so that the files of both are never mixed
    snapshot = store.add(Snapshot(id=snapshot_id, visibility=Visibility.PRIVATE, status=ArchiveState.UPLOADED))
    store.add_files(snapshot, {ARCHIVE: archive})
    return snapshot


def create_snapshot(context: ExecutionContext) -> None:
    """Store the archive together with the status of the snapshot."""
    context.check_start()
    app, parameters, execution_id = context.app, context.parameters, context.execution.id
    contents = Contents(
        credentials=bool(parameters["include_credentials"]),
        logs=bool(parameters["include_logs"]),
        events=bool(parameters["include_events"]),
    )

    def warn(message: str) -> None:
        context.log(message, "warning")

    try:
        with app.files.open_temporary() as (file, path):
            metadata = write_snapshot(app, file, contents, execution_id, warn)
            file.flush()
            app.files.storage.prepare(path)
            with context.writing_own_rows() as store:
                own = select(Snapshot).where(Snapshot.execution_id == execution_id)
                snapshot = store.unscoped.scalar(own)  # of this execution
                if snapshot is not None and snapshot.status == ArchiveState.CREATING:
                    store.add_files(snapshot, {ARCHIVE: path})
                    snapshot.status = ArchiveState.CREATED
    except OSError as error:
        raise _explain(error) from error
    rows = sum(table.rows for table in metadata.tables.values())
    secrets = "with" if contents.credentials else "without"
    context.log(f"The snapshot holds {rows} rows of {len(metadata.tables)} tables, {secrets} credentials")


def restore_snapshot(context: ExecutionContext) -> Callable[[Store], None]:
    """Return the function that replaces everything, in the transaction that completes the execution."""
    context.check_start()
    app, execution_id = context.app, context.execution.id
    with context.reading_own_rows() as store:
        _check_empty(store, force=bool(context.parameters["force"]))
        snapshot = store.unscoped.scalar(select(Snapshot).where(Snapshot.execution_id == execution_id))  # its own
        if snapshot is None:
            raise NotFound(f"The snapshot `{context.parameters['snapshot_id']}` was deleted")
    path = context.until_end.enter_context(open_archive(app.files, snapshot))
    archive = context.until_end.enter_context(open_snapshot(path, active_limits()))
    archive.metadata.check_revision()
    staging = Staging(app.files, archive)
    context.until_end.callback(staging.remove)
    try:
        staging.prepare()
        remember_database(app.database, app.files, becomes=find_creation(archive))
    except OSError as error:
        raise _explain(error) from error
    rows = sum(table.rows for table in archive.metadata.tables.values())
    context.log(f"Restoring {rows} rows of the snapshot `{snapshot.id}`, created at {archive.metadata.created_at}")
    if not archive.metadata.contents.credentials:
        context.log("The snapshot has no credentials: secrets have no values until they are set again", "warning")

    def replace(store: Store) -> None:
        folders = staging.take()
        placed = replace_rows(app, store, archive, execution_id, folders)
        for row_folder, folder in folders.items():
            store.add_staged_files(*placed[row_folder], folder)
        store.after_commit(lambda: _finish(app))

    return replace


def is_restoring(app: AppContext) -> bool:
    with app.database.read() as session:  # executions of all tenants
        return session.scalar(IS_RESTORING) is not None


def refuse_while_restoring(app: AppContext) -> None:
    """Raise Busy at once for a request whose change would wait for the end of a restore, or be replaced by it."""
    if is_restoring(app):
        raise Busy(
            "A snapshot is being restored, and nothing else can be changed meanwhile",
            hint="Try again when it has ended: cfy snapshots status",
        )


def _start(
    app: AppContext,
    store: Store,
    snapshot: Snapshot,
    workflow_id: str,
    parameters: dict[str, Json],
    *,
    queue: bool = False,
) -> Execution:
    execution = exclusive_workflows.start(store, workflow_id, parameters, queue=queue)
    set_user(store, execution)
    snapshot.execution_id = execution.id
    store.after_commit(app.work_available.notify)
    return execution


def _find(store: Store, snapshot_id: str) -> Snapshot:
    """Return a snapshot of the tenant or, if it is the only one of that name, of another one. Raises NotFound."""
    found = store.find(Snapshot, snapshot_id)
    if found is None:
        visible = store.visible(Snapshot, all_tenants=True).where(Snapshot.id == snapshot_id).limit(2)
        others = store.unscoped.scalars(visible).all()  # those that the scope sees
        found = others[0] if len(others) == 1 else None
    return found or store.get(Snapshot, snapshot_id)


def _check_first_administrator(store: Store) -> None:
    first = select(User.username).order_by(User.storage_id).limit(1)
    username = store.unscoped.scalar(first)  # users are in no tenant
    if username != store.scope.user:
        raise Forbidden(
            f"Only the first administrator, `{username}`, can restore snapshots: users and passwords are replaced too",
            hint=f"Log in as that user: cfy profiles set -u {username}",
        )


def _check_empty(store: Store, *, force: bool) -> None:
    session = store.unscoped  # of all tenants
    numbers = {noun: session.scalar(select(func.count(model.storage_id))) for noun, model in
               (("blueprints", Blueprint), ("deployments", Deployment))}  # fmt: skip
    present = [f"{number} {noun}" for noun, number in numbers.items() if number]
    if present and not force:
        raise Failed(
            f"The manager has {' and '.join(present)}, and restoring a snapshot deletes everything that it has. "
            "Nothing was changed. To replace it all, restore the snapshot with --force"
        )


def _explain(error: OSError) -> CfyError:
    """Return the error of the execution; it is not tried again, because much has to be written again."""
    if is_disk_full(error):
        full = disk_full()
        return Failed(f"{full.message}, so nothing was changed", hint=full.hint)
    return Failed(f"The files cannot be written or read: {error}")


def _finish(app: AppContext) -> None:
    """Forget what was replaced; the next start does it too, if this is interrupted."""
    app.service(Configuration).on_change()
    for clean_up in (remove_leftovers, remember_database):
        for _ in range(MAX_CLEAN_UPS):
            try:
                clean_up(app.database, app.files)
                break
            except (CfyError, OSError) as error:
                log.warning("What was before the snapshot is removed at the next start at the latest: %s", error)

"""Endpoints of snapshots."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, TypedDict
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.limits import active_limits
from cfy_cli.contract.manager_resources import SNAPSHOTS
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.api import Call
from cfy_cli.manager.rest.bodies import Body
from cfy_cli.manager.rest.downloads import download
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.rest.query import Parameter
from cfy_cli.manager.rest.schemas import FILE, row_answer
from cfy_cli.manager.rest.serialize import serialize
from cfy_cli.manager.rest.uploads import UploadedFile, uploaded_file
from cfy_cli.manager.services import archive_rows
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.services.snapshots.archive import check_snapshot
from cfy_cli.manager.services.snapshots.metadata import Contents
from cfy_cli.manager.services.system_workflows import snapshots
from cfy_cli.manager.services.transfer.fetching import fetch
from cfy_cli.manager.store.models import Execution, Snapshot

ARCHIVE_URL = Parameter("snapshot_archive_url", "URL of the archive, instead of an archive in the body.")
ID = Parameter("id", "Id of the snapshot; by default the name of the file in the URL.")
NO_CERTIFICATES = "This manager has no certificates of its own, so none can be restored"


class NewSnapshot(Body):
    """The last three are for managers of other kinds: this one reads a consistent view of its database at once."""

    include_credentials: bool = False
    include_logs: bool = True
    include_events: bool = True
    queue: bool = False
    tempdir_path: str | None = None
    legacy: bool = False
    listener_timeout: float | None = None


class SnapshotChange(Body):
    status: str
    error: str | None = None


class RestoreBody(Body):
    """`timeout` and `ignore_plugin_failure` are for managers that install all plugins meanwhile."""

    force: bool = False
    restore_certificates: bool = False
    no_reboot: bool = False
    timeout: float = 300
    ignore_plugin_failure: bool = False


class RestoreStatus(TypedDict):
    status: Literal["running", "not-running"]


def checked_archive(request: Request, body: Annotated[UploadedFile, Depends(uploaded_file)]) -> Iterator[UploadedFile]:
    """Read and check the archive of an upload, or of a URL that it names, before the transaction begins."""
    app: AppContext = request.app.state.app_context
    url, limits = body.text(ARCHIVE_URL.name), active_limits()
    if (body.archive is None) == (url is None):
        raise Invalid(f"Upload a snapshot as an archive in the request or as `{ARCHIVE_URL.name}`: give one of them")
    with app.files.open_temporary() as (file, fetched):
        if url:
            fetch(url, file, app.settings, max_bytes=limits.upload)
            file.flush()
        archive = body.archive or fetched
        check_snapshot(archive, limits)
        app.files.storage.prepare(archive)
        yield UploadedFile(archive, body.params)


noun = Noun(SNAPSHOTS, Snapshot)
routes = noun.routes
noun.add_list()


@routes.put("/snapshots/archive", "snapshot_upload", (ARCHIVE_URL, ID), noun.answer, 201, archive="snapshot_archive")
def upload_named_snapshot(call: Call, upload: Annotated[UploadedFile, Depends(checked_archive)]) -> JsonObject:
    """Upload a snapshot; its id is a query parameter, or the name of the file in the URL."""
    path = PurePosixPath(urlsplit(upload.text(ARCHIVE_URL.name) or "").path)
    key = upload.text(ID.name) or path.stem
    if not key:
        raise Invalid(f"Give the id of the snapshot as `{ID.name}`")
    return _add(call, key, upload)


@routes.put(
    "/snapshots/{key}/archive", "snapshot_upload", (ARCHIVE_URL,), noun.answer, 201, new=SNAPSHOTS,
    archive="snapshot_archive",
)  # fmt: skip
def upload_snapshot(call: Call, key: str, upload: Annotated[UploadedFile, Depends(checked_archive)]) -> JsonObject:
    """Upload a snapshot, which replaces one of the same id."""
    return _add(call, key, upload)


noun.add_get()


@routes.put("/snapshots/{key}", "snapshot_create", (), row_answer(Execution), 201, new=SNAPSHOTS)
def create_snapshot(call: Call, key: str, body: NewSnapshot | None = None) -> JsonObject:
    """Start an execution that creates a snapshot; 400 while others run, unless it is to `queue`."""
    body = body or NewSnapshot()
    contents = Contents(credentials=body.include_credentials, logs=body.include_logs, events=body.include_events)
    others = body.model_dump(include={"tempdir_path", "legacy", "listener_timeout"})
    snapshot_id = check_name(SNAPSHOTS, key)
    return serialize(snapshots.start_creation(call.app, call.store, snapshot_id, contents, others, queue=body.queue))


@routes.delete("/snapshots/{key}", "snapshot_delete", (), noun.answer, 200)
def delete_snapshot(call: Call, key: str) -> JsonObject:
    """Delete a snapshot and answer it; 400 while it is created or restored."""
    snapshot = call.store.get_own(Snapshot, key)
    archive_rows.delete(call.store, snapshot)
    return noun.show(call, snapshot)


@routes.patch("/snapshots/{key}", "snapshot_status_update", (), noun.answer)
def update_snapshot(call: Call, key: str, body: SnapshotChange) -> JsonObject:
    """Change the status and the error."""
    snapshot = call.store.get_own(Snapshot, key)
    archive_rows.set_status(call.app.files, snapshot, body.status, body.error)
    return noun.show(call, snapshot)


@routes.get("/snapshots/{key}/archive", "snapshot_download", (), FILE)
def download_snapshot(call: Call, key: str) -> Response:
    archive = archive_rows.find_archive(call.store.get(Snapshot, key))
    return download(call.app, archive, archive_rows.ARCHIVE, f"{key}.zip")


@routes.post("/snapshots/{key}/restore", "snapshot_restore", (), row_answer(Execution))
def restore_snapshot(call: Call, key: str, body: RestoreBody | None = None) -> JsonObject:
    """Start an execution that replaces everything that the manager has by what the snapshot holds."""
    body = body or RestoreBody()
    if body.no_reboot and not body.restore_certificates:
        raise Invalid("`no_reboot` is for a restore of certificates: give `restore_certificates` too, or neither")
    if body.restore_certificates:
        raise Invalid(NO_CERTIFICATES, hint="Restore the snapshot without them: leave out --restore-certificates.")
    return serialize(snapshots.start_restoring(call.app, call.store, key, body.model_dump()))


@routes.public("/snapshot-status")
def restore_status(app: AppContext) -> RestoreStatus:
    """Answer, without authentication, whether a snapshot is being restored."""
    return {"status": "running" if snapshots.is_restoring(app) else "not-running"}


def _add(call: Call, key: str, upload: UploadedFile) -> JsonObject:
    archive = upload.archive
    assert isinstance(archive, Path), "it was checked"
    return noun.show(call, snapshots.add_uploaded(call.store, check_name(SNAPSHOTS, key), archive))

"""Files without rows, and uploads without an end, after a manager was killed: its next start clears them up."""

import os
from pathlib import Path

import pytest

from cfy_cli.errors import Failed
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.bootstrap import bootstrap
from cfy_cli.manager.services.worker import recovery
from cfy_cli.manager.store.leftovers import models_with_files, remember_database
from cfy_cli.manager.store.models import Blueprint
from tests.conftest import PASSWORD, Ask
from tests.wagons import package

OWNER = {"tenant_name": "default_tenant", "visibility": "tenant", "created_by": "admin"}


def leave_folder(app: AppContext, kind: str, storage_id: int) -> Path:
    folder = app.files.folder / kind / str(storage_id)
    folder.mkdir(parents=True)
    (folder / "file").write_text("left")
    return folder


def test_start_removes_only_files_without_rows(ask: Ask, app: AppContext):
    assert ask("POST", "/plugins", data=package()).status_code == 201
    kept = {path for path in app.files.folder.rglob("*") if path.is_file()}
    for model in models_with_files():
        leave_folder(app, model.FOLDER, 77)
    bootstrap(app, PASSWORD)
    assert {path for path in app.files.folder.rglob("*") if path.is_file()} == kept


def test_new_row_replaces_files_that_were_left(ask: Ask, app: AppContext):
    leave_folder(app, "plugins", 1)
    answer = ask("POST", "/plugins", data=package())
    assert answer.status_code == 201
    assert not [path for path in app.files.folder.rglob("file") if path.is_file()]
    assert ask("DELETE", f"/plugins/{answer.json()['id']}").status_code == 204


def test_start_with_another_database_is_refused(ask: Ask, app: AppContext):
    assert ask("POST", "/plugins", data=package()).status_code == 201
    (app.settings.data_dir / "files.database").write_text("2020-01-01T00:00:00.000Z")
    kept = set(app.files.folder.rglob("*"))
    with pytest.raises(Failed, match="belong to another database"):
        bootstrap(app, PASSWORD)
    assert set(app.files.folder.rglob("*")) == kept


def test_database_is_remembered_on_the_disk(app: AppContext, monkeypatch: pytest.MonkeyPatch):
    file, contents = app.settings.data_dir / "files.database", []
    known = file.read_text()
    file.unlink()
    monkeypatch.setattr("os.fsync", lambda descriptor: contents.append(os.pread(descriptor, 100, 0).decode()))
    remember_database(app.database, app.files)
    assert (contents, file.read_text()) == ([known], known)


@pytest.mark.parametrize(
    ("state", "failed"),
    [("uploading", "failed_uploading"), ("extracting", "failed_extracting"), ("parsing", "invalid")],
)
def test_upload_without_execution_fails_at_start(ask: Ask, app: AppContext, state: str, failed: str):
    with app.database.write() as session:
        session.add(Blueprint(id="app", state=state, upload_execution_id="gone", **OWNER))
    recovery.recover(app, ["host/x/worker-7"])
    blueprint = ask("GET", "/blueprints/app").json()
    assert (blueprint["state"], blueprint["error"]) == (
        failed,
        "The upload was interrupted: upload the blueprint again",
    )
    assert ask("DELETE", "/blueprints/app").status_code == 204

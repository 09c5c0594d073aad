"""Files of rows in an S3-compatible store, and in a folder that machines share, as in the data folder."""

import errno
import io
import os
import shutil
import threading
import zipfile
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import boto3
import pytest
import requests
from botocore.exceptions import EndpointConnectionError

from cfy_cli.agent.records import ApiRecords
from cfy_cli.errors import Busy, CfyError, Conflict, Failed
from cfy_cli.manager import maintenance
from cfy_cli.manager.process_secrets import read_storage_credentials, without_secrets
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.bootstrap import bootstrap
from cfy_cli.manager.services.runtime import working_folders
from cfy_cli.manager.services.runtime.working_folders import WorkingFolder
from cfy_cli.manager.services.worker.stored_files import StoredFiles
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store import s3_storage
from cfy_cli.manager.store.leftovers import check_database, remove_leftovers
from cfy_cli.manager.store.packed_folders import pack
from tests.conftest import PASSWORD, Ask
from tests.manager.conftest import HELLO, SAY, archive, wait_for_end, wait_until
from tests.manager.every_operation import PNG
from tests.manager.faults.sitecustomize import FOLDER_VARIABLE, VARIABLE, watch
from tests.manager.object_store import BUCKET, CREDENTIALS, list_keys, open_storage, s3, store_url
from tests.manager.other_manager import serve, working
from tests.manager.test_upload_faults import BLUEPRINT, PROCESSES, UPLOADS, Manager, delete_all, upload
from tests.wagons import package

pytestmark = pytest.mark.sqlite
__all__ = ["s3", "store_url"]  # fixtures
OWNER = "database"
WRITE = """#!/bin/bash
ctx instance runtime-properties said "$(cat state 2>/dev/null)"
echo "$greeting" > state
"""


@pytest.fixture
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if getattr(request, "param", "s3") == "folder":
        return str(tmp_path / "shared")
    return str(request.getfixturevalue("s3"))


def test_files_of_all_kinds_are_in_the_store(ask: Ask, app: AppContext, worker: object, storage: str):
    assert ask("PUT", "/blueprints/app", data=archive({"blueprint.yaml": HELLO, "say.sh": SAY})).status_code == 201
    plugin = ask("POST", "/plugins", data=package(icon=b"icon")).json()
    assert ask("PATCH", "/blueprints/app/icon", data=PNG).ok
    assert ask("GET", "/blueprints/app/icon").content == PNG
    assert ask("PUT", "/deployments/d", json={"blueprint_id": "app"}).status_code == 201
    install = {"deployment_id": "d", "workflow_id": "install"}
    assert wait_for_end(ask, ask("POST", "/executions", json=install).json()["id"])["status"] == "terminated"
    snapshot = ask("PUT", "/snapshots/s", json={"include_credentials": True}).json()["id"]
    assert wait_for_end(ask, snapshot)["status"] == "terminated"
    assert list_keys(storage) == [
        "blueprints/1/archive.tar.gz", OWNER, "icons/1/icon.png", "plugins/1/icon.png", "plugins/1/plugin.yaml",
        "plugins/1/wagon.wgn", "snapshots/1/archive.zip",
    ]  # fmt: skip
    whole = ask("GET", "/blueprints/app/archive")
    part = ask("GET", "/blueprints/app/archive", headers={"Range": "bytes=5-14"})
    assert (part.status_code, part.content) == (206, whole.content[5:15])
    assert part.headers["Content-Range"] == f"bytes 5-14/{len(whole.content)}"
    same = ask("GET", "/blueprints/app/archive", headers={"Range": "bytes=5-", "If-Range": whole.headers["etag"]})
    assert same.content == whole.content[5:]
    assert ask("GET", "/blueprints/app/archive", headers={"Range": "bytes=99999-"}).status_code == 416
    full = ask("GET", f"/plugins/{plugin['id']}/archive?full_archive=true").content
    assert zipfile.ZipFile(io.BytesIO(full)).namelist()[1:] == ["plugin.yaml", "icon.png"]
    assert "tiny" in ask("GET", f"/plugins/{plugin['id']}/yaml").text
    restored = ask("POST", "/snapshots/s/restore", json={"force": True}).json()["id"]
    assert wait_for_end(ask, restored)["status"] == "terminated"
    assert ask("GET", "/blueprints/app/archive").content == whole.content
    wait_until(
        lambda: list_keys(storage),
        lambda keys: (
            keys[0] == "blueprints/2/archive.tar.gz"
            and not [key for key in keys if "/1/a" in key and "snap" not in key]
        ),
    )
    assert ask("DELETE", "/deployments/d?force=true").status_code == 204
    wait_until(lambda: ask("GET", "/deployments").json()["items"], lambda items: not items)
    assert ask("DELETE", "/snapshots/s").status_code == 200
    delete_all(ask)
    assert list_keys(storage) == [OWNER]


def test_large_file_is_transferred_in_parts(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(s3_storage, "PART_SIZE", 5 * 1024**2)
    store, file, parts = open_storage(s3), tmp_path / "file", list[str]()
    content = os.urandom(1024) * 11 * 1024
    file.write_bytes(content)
    watch.start("s3://", parts.append)
    try:
        store.prepare(file)
    finally:
        watch.stop()
    assert parts.count("s3 PUT") == 3
    store.put(("snapshots", 1), {"archive.zip": file})
    store.forget(file)
    assert list_keys(s3) == ["snapshots/1/archive.zip"]
    with closing(store.open(("snapshots", 1), "archive.zip")) as source:
        assert source.read() == content
    interrupted = boto3.client("s3", region_name="us-east-1").create_multipart_upload
    prefix = s3.removeprefix(f"s3://{BUCKET}/")
    interrupted(Bucket=BUCKET, Key=f"{prefix}/incoming/test/x")
    interrupted(Bucket=BUCKET, Key=f"{prefix}/snapshots/2/x")
    store.remove_incoming()
    store.remove_interrupted()
    assert list_keys(s3) == ["snapshots/1/archive.zip"]


@pytest.mark.parametrize("kind", ["blueprint", "plugin"])
def test_store_that_fails_at_any_step_leaves_nothing(
    ask: Ask, app: AppContext, worker: object, storage: str, kind: str, monkeypatch: pytest.MonkeyPatch
):
    """One request fails; it is one of the clean-up's at the end, so that what is left goes at the next start."""
    monkeypatch.setattr(s3_storage, "PREPARED_SIZE", 1)
    step, refused, has_step = 0, 0, True
    while has_step:
        step += 1
        answer, has_step = upload_with_failure(ask, storage, kind, step)
        assert answer.status_code in (201, 503, 400), (step, answer.text)
        if not answer.ok:
            assert "storage" in answer.json()["message"], answer.text
            refused += 1
        delete_all(ask)
        if list_keys(storage) != [OWNER]:
            app.files.prepare()
            remove_leftovers(app.database, app.files)
        assert list_keys(storage) == [OWNER], step
    assert refused >= 3
    assert upload(ask, kind).status_code == 201


def upload_with_failure(ask: Ask, address: str, kind: str, step: int) -> tuple[requests.Response, bool]:
    done = list[str]()
    watch.start(address, partial(fail_at, step, done))
    try:
        return UPLOADS[kind](ask), len(done) >= step
    finally:
        watch.stop()


@pytest.mark.parametrize("interval", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_store_that_fails_during_a_restore_changes_nothing(
    ask: Ask, app: AppContext, worker: object, storage: str, interval: int
):
    assert ask("PUT", "/blueprints/app", data=BLUEPRINT).status_code == 201
    assert wait_for_end(ask, ask("PUT", "/snapshots/s", json={}).json()["id"])["status"] == "terminated"
    step, has_step = 0, True
    while has_step:
        step += interval
        done = list[str]()
        watch.start(storage, partial(fail_at, step, done))
        try:
            answer = ask("POST", "/snapshots/s/restore", json={"force": True})
            if answer.ok:
                wait_for_end(ask, answer.json()["id"])
            else:
                assert answer.status_code == 503, answer.text
        finally:
            watch.stop()
        has_step = len(done) >= step
        assert ask("GET", "/blueprints/app/archive").content == BLUEPRINT
        app.files.prepare()
        remove_leftovers(app.database, app.files)
        kinds = [key.partition("/")[0] for key in list_keys(storage)]
        assert kinds == ["blueprints", OWNER, "snapshots"], step
    assert step > interval


def fail_at(step: int, done: list[str], name: str) -> None:
    """Let one request to the store fail."""
    if name.startswith("s3"):
        done.append(name)
        if len(done) == step:
            raise EndpointConnectionError(endpoint_url="http://store")


def test_failed_commit_leaves_nothing_in_the_store(
    ask: Ask, app: AppContext, storage: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(s3_storage, "PREPARED_SIZE", 1)
    answers = []

    def fail(name: str) -> None:
        if name == "commit" and "plugins/1/wagon.wgn" in list_keys(storage):
            watch.stop()
            raise OSError("the disk is broken")

    watch.start(storage, fail)
    try:
        answers.append(ask("POST", "/plugins", data=package()).status_code)
    finally:
        watch.stop()
    assert answers == [500]
    assert list_keys(storage) == [OWNER]


@pytest.mark.parametrize("storage", ["s3", "folder"], indirect=True)
def test_another_machine_goes_on_with_the_files(ask: Ask, app: AppContext, tmp_path: Path):
    """The working folder is that of the machine that ran the last operation."""
    other = AppContext(replace(app.settings, data_dir=tmp_path / "other"))
    other.files.prepare()
    with closing(other):
        with working(app):
            body = archive({"blueprint.yaml": HELLO, "say.sh": WRITE})
            assert ask("PUT", "/blueprints/app", data=body).status_code == 201
            assert ask("PUT", "/deployments/d", json={"blueprint_id": "app"}).status_code == 201
            assert run(ask) == ""
        with working(other):
            assert run(ask) == "hello"
        assert (other.files.deployment_folder(1) / "state").exists()
        serve(other)
        assert ask("DELETE", "/deployments/d?force=true").ok
        with working(other):
            wait_until(lambda: ask("GET", "/deployments").json()["items"], lambda items: not items)
            wait_until(other.files.deployment_folder(1).exists, lambda exists: not exists)  # after the commit
        delete_all(ask)
        bootstrap(app, PASSWORD)
        assert not app.files.deployment_folder(1).exists()
        assert app.files.cache.storage_ids("blueprints") == []


def test_operations_get_files_of_another_machine(ask: Ask, app: AppContext, worker: object, tmp_path: Path):
    assert ask("PUT", "/blueprints/app", data=archive({"blueprint.yaml": HELLO, "say.sh": SAY})).status_code == 201
    here = WorkingFolder(app, 1)
    (here.fetch() / "state").write_text("here")
    here.store()
    with closing(AppContext(replace(app.settings, data_dir=tmp_path / "other"))) as other:
        other.files.prepare()
        # As of two processes of that machine.
        first, second = (StoredFiles(other).open(name, cast("ApiRecords", None)) for name in ("first", "second"))
        with closing(first):
            resources = first.find("cache/blueprints/1/resources")
            assert (resources / "say.sh").read_text() == SAY
            folder = first.find("files/deployments/1")
            assert (folder / "state").read_text() == "here"
            (folder / "state").write_text("there")
            (here.path / "state").write_text("here again")
            here.store()
            with closing(second):
                assert second.find("files/deployments/1") == folder
                assert (folder / "state").read_text() == "there"
    assert (WorkingFolder(app, 1).fetch() / "state").read_text() == "there"


def test_folder_stored_by_two_operations_has_both_changes(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = WorkingFolder(app, 1), WorkingFolder(app, 1)
    (first.fetch() / "first").touch()
    packed, stored = threading.Event(), threading.Event()

    def pack_slowly(folder: Path, file: BinaryIO) -> None:
        is_first = not packed.is_set()
        pack(folder, file)
        packed.set()
        if is_first:
            stored.wait(0.5)  # it is not set, as the other one waits

    monkeypatch.setattr(working_folders, "pack", pack_slowly)
    storing = threading.Thread(target=first.store)
    storing.start()
    assert packed.wait(60)
    (second.fetch() / "second").touch()
    second.store()
    stored.set()
    storing.join()
    shutil.rmtree(first.path)
    first.path.with_name("1.version").unlink()
    assert {path.name for path in WorkingFolder(app, 1).fetch().iterdir()} == {"first", "second"}


def test_folder_waits_while_the_disk_is_full(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = WorkingFolder(app, 1)
    (folder.fetch() / "new").touch()
    for module, name, use in ((working_folders.os, "open", folder.fetch), (working_folders, "pack", folder.store)):
        with monkeypatch.context() as context:
            context.setattr(module, name, fail)
            with pytest.raises(Busy, match="disk of the manager is full"):
                use()


def run(ask: Ask) -> str:
    """Create the node again; return what the script found in its folder."""
    body = {"operation": "cloudify.interfaces.lifecycle.create", "allow_kwargs_override": True}
    started = {"deployment_id": "d", "workflow_id": "execute_operation", "parameters": body}
    end = wait_for_end(ask, ask("POST", "/executions", json=started).json()["id"])
    assert end["status"] == "terminated", end["error"]
    return str(ask("GET", "/node-instances").json()["items"][0]["runtime_properties"]["said"])


def test_store_that_cannot_be_used_is_told_at_the_start(s3: str, app: AppContext, monkeypatch: pytest.MonkeyPatch):
    def refuse(address: str) -> str:
        settings = replace(app.settings, storage=address)
        with pytest.raises(CfyError) as error, closing(AppContext(settings)) as other:
            bootstrap(other, PASSWORD)
        assert error.value.hint
        return error.value.message

    assert refuse("s3://missing/prefix") == "There is no bucket `missing` in the store"
    assert "is not the address of a storage" in refuse("s3://x/../y")
    assert "cannot be used" in refuse(__file__)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert f"The storage {s3} cannot be used" in refuse(s3)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert "Unable to locate credentials" in refuse(s3)


def test_empty_storage_of_a_manager_with_files_is_refused(ask: Ask, app: AppContext, s3: str, tmp_path: Path):
    assert ask("POST", "/plugins", data=package()).status_code == 201
    with closing(AppContext(replace(app.settings, storage=str(tmp_path / "new")))) as other:
        other.files.prepare()
        with pytest.raises(Failed, match="is empty, and the database has 1 "):
            check_database(other.database, other.files)


def test_credentials_of_the_store_reach_no_script(tmp_path: Path):
    environment = {**CREDENTIALS, "PATH": "/bin", "AWS_ENDPOINT_URL": "http://store"}
    settings = ManagerSettings(tmp_path, storage_credentials=read_storage_credentials(environment))
    assert without_secrets(environment, settings.secret_variables) == {
        "PATH": "/bin",
        "AWS_ENDPOINT_URL": "http://store",
    }
    assert without_secrets(environment, ManagerSettings(tmp_path).secret_variables) == environment
    assert ManagerSettings.from_json(settings.to_json()) == settings
    assert "testing" not in repr(settings)


@pytest.mark.parametrize("storage", ["s3", "folder"], indirect=True)
def test_backup_brings_files_back_to_the_store(
    ask: Ask, first_start: Path, storage: str, app: AppContext, tmp_path: Path
):
    settings = replace(app.settings, data_dir=tmp_path / "own", database_url="", storage=f"{storage}/own")
    shutil.copytree(first_start / "data", settings.data_dir)
    shutil.copyfile(first_start / "manager.db", settings.data_dir / "manager.db")
    backup = tmp_path / "backup.tar.gz"
    with closing(AppContext(settings)) as own:
        bootstrap(own, PASSWORD)
        serve(own)
        plugin = ask("POST", "/plugins", data=package()).json()["id"]
        content = ask("GET", f"/plugins/{plugin}/archive").content
        maintenance.back_up(settings, backup)
        delete_all(ask)
        assert own.files.storage.storage_ids("plugins") == []
    maintenance.restore(settings, backup)
    with closing(AppContext(settings)) as own:
        bootstrap(own, PASSWORD)
        serve(own)
        assert ask("GET", f"/plugins/{plugin}/archive").content == content != b""
        own.files.storage.write_owner("2020-01-01T00:00:00.000Z")
    with pytest.raises(Conflict, match="belong to another database"):
        maintenance.restore(settings, backup)


@pytest.mark.parametrize("storage", ["folder"], indirect=True)
def test_folder_that_is_not_mounted_is_told(ask: Ask, storage: str):
    """It is not taken for one without files."""
    plugin = ask("POST", "/plugins", data=package()).json()["id"]
    Path(storage).rename(f"{storage}.unmounted")
    answer = ask("GET", f"/plugins/{plugin}/archive")
    assert (answer.status_code, "cannot be reached" in answer.json()["message"]) == (503, True)
    Path(f"{storage}.unmounted").rename(storage)
    assert ask("GET", f"/plugins/{plugin}/archive").status_code == 200


class StoringManager(Manager):
    """A manager in processes, whose files are in a store."""

    def find_files(self) -> list[str]:
        return [key for key in list_keys(self._storage) if key != OWNER] + super().find_files()


@pytest.fixture
def manager(data_dir: Path, tmp_path: Path, s3: str, monkeypatch: pytest.MonkeyPatch) -> StoringManager:
    fault = tmp_path / "fault"
    monkeypatch.setenv(VARIABLE, str(fault))
    monkeypatch.setenv(FOLDER_VARIABLE, s3)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "faults"))
    return StoringManager(data_dir, fault, "", s3)


@pytest.mark.crash
def test_kill_during_an_upload_leaves_nothing_there(manager: StoringManager):
    assert manager.kill_during("plugin", "server", 5)
    manager.check("plugin")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("kind", "process"), PROCESSES)
def test_kill_at_every_step_leaves_nothing_there(manager: StoringManager, kind: str, process: str):
    kills = 0
    while manager.kill_during(kind, process, kills + 1):
        manager.check(kind)
        kills += 1
        print(f"{kind} in {process}: {kills} kills, all right", flush=True)
    assert kills >= (3 if process == "worker-0" else 5)

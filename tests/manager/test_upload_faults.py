"""Uploads that are interrupted at each of their steps: by a full disk, and by a kill of the process."""

import errno
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from sqlalchemy.exc import OperationalError

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.leftovers import models_with_files
from tests.conftest import Ask
from tests.manager.conftest import HELLO, SAY, archive, wait_for_end, wait_until
from tests.manager.faults.sitecustomize import FOLDER_VARIABLE, VARIABLE, watch
from tests.manager.processes import all_pids, is_alive, kill, request, start, wait_until_exited
from tests.wagons import bundle, package

BLUEPRINT = archive({"blueprint.yaml": HELLO, "say.sh": SAY})
NEEDS_SPACE = ("open", "os.mkdir", "os.rename", "fsync", "commit")
UPLOADS: dict[str, Callable[[Ask], requests.Response]] = {
    "blueprint": lambda ask: ask("PUT", "/blueprints/app", data=BLUEPRINT),
    "validation": lambda ask: ask("PUT", "/blueprints/app/validate", data=BLUEPRINT),
    "plugin": lambda ask: ask("POST", "/plugins", data=package(icon=b"icon")),
    "bundle": lambda ask: ask("POST", "/plugins", data=bundle(("one", "1.0"), ("two", "2.0"))),
}


def find_files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def raise_full_disk(name: str) -> None:
    """Raise what the operating system or SQLite raises."""
    if name == "commit":
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise OperationalError("COMMIT", {}, error)
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("kind", UPLOADS)
@pytest.mark.sqlite
def test_full_disk_at_any_step_leaves_nothing(ask: Ask, app: AppContext, worker: object, kind: str):
    """The disk is full at one step, then there is room again; the worker waits for it with the end of an execution."""
    step, refused, has_step = 0, 0, True
    while has_step:
        step += 1
        answer, has_step = upload_with_full_disk(ask, app, kind, step)
        assert answer.status_code < 500 or answer.status_code == 503, (step, answer.text)
        refused += not answer.ok
        if answer.ok:
            delete_all(ask)
        wait_until_empty(app.files.folder)
        for path in ("blueprints", "plugins", "executions"):
            assert ask("GET", f"/{path}").status_code == 200
        again = upload(ask, kind)
        assert again.status_code == 201, (step, again.text)
        delete_all(ask)
        wait_until_empty(app.files.folder)
    print(f"{kind}: {step - 1} steps with a full disk, {refused} refused, all without leftovers")
    assert refused >= 3


def upload_with_full_disk(ask: Ask, app: AppContext, kind: str, step: int) -> tuple[requests.Response, bool]:
    """Upload while one step finds the disk full; return the answer and whether there was such a step."""
    done: list[str] = []

    def on_step(name: str) -> None:
        if name in NEEDS_SPACE:
            done.append(name)
            if len(done) == step:
                raise_full_disk(name)

    watch.start(str(app.files.folder), on_step)
    try:
        return upload(ask, kind), len(done) >= step
    finally:
        watch.stop()


def upload(ask: Ask, kind: str) -> requests.Response:
    answer = UPLOADS[kind](ask)
    if kind == "validation" and answer.ok:
        wait_for_end(ask, answer.json()["id"])
    return answer


def wait_until_empty(folder: Path) -> None:
    wait_until(lambda: find_files(folder), lambda found: found == [])


def delete_all(ask: Ask) -> None:
    for kind in ("blueprints", "plugins"):
        for item in ask("GET", f"/{kind}").json()["items"]:
            assert ask("DELETE", f"/{kind}/{item['id']}").status_code in (200, 204)


class Manager:
    """A manager in processes, which one of them may be killed of."""

    def __init__(self, data_dir: Path, fault: Path, database_url: str, storage: str = "") -> None:
        self._data_dir, self._fault, self._database_url, self._storage = data_dir, fault, database_url, storage
        self.running = start(data_dir, database_url=database_url, storage=storage)

    def ask(self, method: str, path: str, data: bytes | None = None) -> requests.Response:
        options: dict[str, bytes] = {"data": data} if data is not None else {}
        return request(self.running, self._data_dir, path, method, **options)  # type: ignore[arg-type]

    def upload(self, kind: str) -> requests.Response:
        if kind == "blueprint":
            return self.ask("PUT", "/blueprints/app?async_upload=true", BLUEPRINT)
        return self.ask("POST", "/plugins", package(icon=b"icon"))

    def kill_during(self, kind: str, process: str, step: int) -> bool:
        """Kill a process at a step of an upload, then the others; return False when there is no such step."""
        pid = self.running.server if process == "server" else self.running.workers[0]
        self._fault.write_text(f"{process} {step}")
        has_answered = False
        with suppress(requests.RequestException):
            has_answered = self.upload(kind).ok
            if process == "worker-0":
                with suppress(AssertionError):
                    wait_until(lambda: not is_alive(pid) or self.has_ended(), bool, 20)
        if not has_answered:
            wait_until_exited([pid])  # its connections are closed first
        was_killed = not is_alive(pid)
        self._fault.unlink()
        pids = all_pids(self.running)
        kill(pids)
        wait_until_exited(pids)
        self.running = start(self._data_dir, database_url=self._database_url, storage=self._storage)
        return was_killed

    def has_ended(self) -> bool:
        with suppress(requests.RequestException):
            return all(
                item["state"] in ("uploaded", "invalid") for item in self.ask("GET", "/blueprints").json()["items"]
            )
        return False

    def check(self, kind: str) -> None:
        """Assert that the lists are readable, and that the same upload succeeds and leaves nothing when deleted."""
        for path in ("blueprints", "plugins", "executions", "deployments"):
            assert self.ask("GET", f"/{path}").status_code == 200
        wait_until(self.has_ended, bool)
        self.delete_all()
        answer = self.upload(kind)
        assert answer.ok, answer.text
        wait_until(self.has_ended, bool)
        assert [item.get("state") for item in self.items()] in (["uploaded"], [None])
        self.delete_all()

    def find_files(self) -> list[str]:
        return find_files(self._data_dir / "files")

    def items(self) -> list[dict[str, object]]:
        return [item for kind in ("blueprints", "plugins") for item in self.ask("GET", f"/{kind}").json()["items"]]

    def delete_all(self) -> None:
        for kind in ("blueprints", "plugins"):
            for item in self.ask("GET", f"/{kind}").json()["items"]:
                assert self.ask("DELETE", f"/{kind}/{item['id']}").status_code in (200, 204)
        wait_until(self.find_files, lambda found: found == [])
        folders = [
            folder for model in models_with_files() for folder in (self._data_dir / "files").glob(f"{model.FOLDER}/*")
        ]
        assert folders == []


@pytest.fixture
def manager(data_dir: Path, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Manager:
    fault = tmp_path / "fault"
    monkeypatch.setenv(VARIABLE, str(fault))
    monkeypatch.setenv(FOLDER_VARIABLE, str(data_dir / "files"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "faults"))
    is_sqlite = database_url.startswith("sqlite")
    return Manager(data_dir, fault, "" if is_sqlite else database_url)


PROCESSES = [("blueprint", "server"), ("blueprint", "worker-0"), ("plugin", "server")]


@pytest.mark.crash
@pytest.mark.parametrize(("kind", "process"), PROCESSES)
@pytest.mark.sqlite
def test_kill_during_an_upload_leaves_nothing(manager: Manager, kind: str, process: str):
    assert manager.kill_during(kind, process, 9)
    manager.check(kind)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("kind", "process"), PROCESSES)
def test_kill_at_every_step_of_an_upload_leaves_nothing(manager: Manager, kind: str, process: str):
    step = kills = 0
    while True:
        step += 1
        if not manager.kill_during(kind, process, step):
            break
        manager.check(kind)
        kills += 1
        print(f"{kind} in {process}: {kills} kills, all right", flush=True)
    assert kills >= 10

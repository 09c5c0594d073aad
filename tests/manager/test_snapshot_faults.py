"""Snapshots that are interrupted at each of their steps: by a kill of the worker, and by a full disk."""

import io
import os
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from cfy_cli.contract.limits import Limits
from cfy_cli.contract.states import ENDED
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.snapshots.archive import check_snapshot
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.store.models import Blueprint, Site
from tests.conftest import Ask
from tests.manager.conftest import HELLO, SAY, archive, wait_for_end, wait_until
from tests.manager.faults.sitecustomize import FOLDER_VARIABLE, VARIABLE, watch
from tests.manager.processes import all_pids, is_alive, kill, request, start, wait_until_exited
from tests.manager.test_upload_faults import NEEDS_SPACE, find_files, raise_full_disk

BLUEPRINT = archive({"blueprint.yaml": HELLO, "say.sh": SAY})
WORKER = "worker-0"


class Manager:
    """A manager in processes, with a snapshot `s` of its first state: the blueprint and the site `first`."""

    def __init__(self, data_dir: Path, fault: Path, database_url: str) -> None:
        self._data_dir, self._fault, self._database_url = data_dir, fault, database_url
        self.running = start(data_dir, database_url=database_url)
        self.fill("first")
        self.wait_for(str(self.ask("PUT", "/snapshots/s", json={"include_credentials": True}).json()["id"]))

    def ask(self, method: str, path: str, **options: object) -> requests.Response:
        return request(self.running, self._data_dir, path, method, **options)  # type: ignore[arg-type]

    def fill(self, name: str) -> None:
        upload = self.ask("PUT", f"/blueprints/{name}", data=BLUEPRINT)
        assert upload.status_code == 201, upload.text
        assert self.ask("PUT", f"/sites/{name}", json={}).ok

    def empty(self, name: str) -> None:
        assert self.ask("DELETE", f"/blueprints/{name}").status_code == 204
        assert self.ask("DELETE", f"/sites/{name}").status_code == 204

    def wait_for(self, execution_id: str) -> str:
        def read() -> str:
            with suppress(requests.RequestException):
                return str(self.ask("GET", f"/executions/{execution_id}").json().get("status"))
            return ""

        return str(wait_until(read, lambda status: status in ENDED, 60))

    def kill_during(self, method: str, path: str, body: dict[str, object], step: int) -> tuple[str, bool]:
        """Kill the worker at a step of an execution, and then the others; return its id, and whether there was one."""
        pid = self.running.workers[0]
        self._fault.write_text(f"{WORKER} {step}")
        execution = str(self.ask(method, path, json=body).json()["id"])

        def is_over() -> bool:
            if not is_alive(pid):
                return True
            with suppress(requests.RequestException):
                return self.ask("GET", f"/executions/{execution}").json().get("status") in ENDED
            return False

        wait_until(is_over, bool, 60)
        was_killed = not is_alive(pid)
        self._fault.unlink()
        pids = all_pids(self.running)
        kill(pids)
        wait_until_exited(pids)
        return execution, was_killed

    def restart(self) -> None:
        self.running = start(self._data_dir, database_url=self._database_url)

    def read_state(self) -> str:
        """Return the only site of a manager that does not run, which must have its blueprint with its files."""
        database = Database(self._database_url or f"sqlite:///{self._data_dir / 'manager.db'}")
        blueprints_folder = self._data_dir / "files" / "blueprints"
        with database.read() as session:
            sites = session.scalars(select(Site.name)).all()
            blueprints = session.execute(select(Blueprint.id, Blueprint.storage_id)).all()
        database.close()
        assert [row.id for row in blueprints] == sites
        (name,) = sites
        assert (blueprints_folder / str(blueprints[0].storage_id) / "archive.tar.gz").read_bytes() == BLUEPRINT
        return str(name)

    def find_files(self) -> list[str]:
        """Return the files in the folder of the manager by their kinds, without storage ids."""
        with suppress(FileNotFoundError):  # the manager removes files at this moment
            names = [path.split("/") for path in find_files(self._data_dir / "files")]
            return sorted("/".join((kind, *rest)) for kind, _, *rest in names)
        return []


@pytest.fixture
def manager(data_dir: Path, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Manager:
    fault = tmp_path / "fault"
    monkeypatch.setenv(VARIABLE, str(fault))
    monkeypatch.setenv(FOLDER_VARIABLE, str(data_dir / "files"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "faults"))
    return Manager(data_dir, fault, "" if database_url.startswith("sqlite") else database_url)


def interrupt_restore(manager: Manager, step: int) -> bool:
    """Restore the first state over the second one, and kill the worker meanwhile: one of them is there as a whole."""
    expected = manager.find_files()
    manager.fill("second")
    manager.empty("first")
    execution, was_killed = manager.kill_during("POST", "/snapshots/s/restore", {"force": True}, step)
    present = manager.read_state()
    manager.restart()
    assert manager.wait_for(execution) == "terminated", present
    assert [item["name"] for item in manager.ask("GET", "/sites").json()["items"]] == ["first"]
    assert manager.ask("GET", "/blueprints/first/archive").content == BLUEPRINT
    wait_until(manager.find_files, lambda found: found == expected)  # those before are removed after the commit
    return was_killed


def interrupt_creation(manager: Manager, step: int) -> bool:
    """Kill the worker while it creates a snapshot, which the next one creates anew."""
    before = manager.find_files()
    execution, was_killed = manager.kill_during("PUT", "/snapshots/t", {"include_credentials": True}, step)
    assert manager.read_state() == "first"
    manager.restart()
    assert manager.wait_for(execution) == "terminated"
    assert manager.ask("GET", "/snapshots/t").json()["status"] == "created"
    assert manager.find_files() == sorted([*before, "snapshots/archive.zip"])
    content = manager.ask("GET", "/snapshots/t/archive").content
    assert "metadata.json" in zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert manager.ask("DELETE", "/snapshots/t").status_code == 200
    assert manager.find_files() == before
    return was_killed


@pytest.mark.crash
@pytest.mark.sqlite
def test_killed_worker_leaves_one_state_as_a_whole(manager: Manager):
    assert interrupt_restore(manager, 14)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["restore", "creation"])
def test_kill_at_every_step_leaves_one_state_as_a_whole(manager: Manager, kind: str):
    interrupt = interrupt_restore if kind == "restore" else interrupt_creation
    kills, steps = 0, int(os.environ.get("CFY_TEST_KILLS", "60"))
    for step in range(1, steps + 1):
        if not interrupt(manager, step):
            break
        kills += 1
        print(f"{kind}: {kills} kills, all right", flush=True)
    assert kills >= 10


@pytest.mark.sqlite
@pytest.mark.parametrize("interval", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_full_disk_at_any_step_changes_nothing(
    ask: Ask, app: AppContext, worker: object, tmp_path: Path, interval: int
):
    assert ask("PUT", "/blueprints/app", data=BLUEPRINT).status_code == 201
    refused = _repeat_with_full_disk(app, lambda: _create(ask, tmp_path), find_kinds(app), interval)
    assert refused
    assert _create(ask, tmp_path, keep=True) == "terminated"
    refused = _repeat_with_full_disk(app, lambda: _restore(ask), find_kinds(app), interval)
    assert refused


def find_kinds(app: AppContext) -> list[str]:
    """Return the folder of each file."""
    with suppress(FileNotFoundError):  # the worker removes files at this moment
        return [path.partition("/")[0] for path in find_files(app.files.folder)]
    return []


def _repeat_with_full_disk(app: AppContext, act: Callable[[], str], expected: list[str], interval: int) -> int:
    """Let the disk be full at one step after the other; return how many executions failed by that."""
    step, refused, has_step = 0, 0, True
    while has_step:
        step += interval
        done: list[str] = []

        def on_step(name: str, step: int = step, done: list[str] = done) -> None:
            if name in NEEDS_SPACE:
                done.append(name)
                if len(done) == step:
                    raise_full_disk(name)

        watch.start(str(app.files.folder), on_step)
        try:
            refused += act() != "terminated"
        finally:
            watch.stop()
        has_step = len(done) >= step
        wait_until(lambda: find_kinds(app), lambda found: found == expected, 10)
    return refused


def _create(ask: Ask, folder: Path, *, keep: bool = False) -> str:
    answer = ask("PUT", "/snapshots/s", json={})
    if not answer.ok:
        assert answer.status_code == 503
        return "refused"
    status = str(wait_for_end(ask, answer.json()["id"])["status"])
    content = ask("GET", "/snapshots/s/archive")
    assert content.ok == (status == "terminated"), content.text
    if content.ok:
        (folder / "s.zip").write_bytes(content.content)
        check_snapshot(folder / "s.zip", Limits())
    if not keep:
        watch.stop()
        assert ask("DELETE", "/snapshots/s").status_code == 200
    return status


def _restore(ask: Ask) -> str:
    answer = ask("POST", "/snapshots/s/restore", json={"force": True})
    if not answer.ok:
        assert answer.status_code == 503
        return "refused"
    end = wait_for_end(ask, answer.json()["id"])
    assert ask("GET", "/blueprints/app/archive").content == BLUEPRINT
    if end["status"] != "terminated":
        assert "disk" in end["error"], end["error"]
    return str(end["status"])

"""Several machines on one PostgreSQL database: processes with data folders of their own stand for them."""

import select as io_select
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet

from cfy_cli import __version__
from cfy_cli.contract.states import ExecutionState
from cfy_cli.contract.timestamps import now, seconds_ago
from cfy_cli.errors import Failed
from cfy_cli.manager.engine import orphans
from cfy_cli.manager.engine.ports import ProcessIdentity
from cfy_cli.manager.services import processes
from cfy_cli.manager.services.configuration import shared_keys
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.bootstrap import ADMIN_FILE, bootstrap
from cfy_cli.manager.services.worker import recovery, takeover
from cfy_cli.manager.services.worker.recovery import Silence
from cfy_cli.manager.services.worker.takeover import Watch, look_at_others
from cfy_cli.manager.store.models import Execution, ServerRecord, SharedKey, WorkerRecord
from cfy_cli.manager.worker import Worker
from tests.brokers import OwnRedis
from tests.conftest import PASSWORD, Ask, Cfy
from tests.manager.conftest import archive, wait_for_end, wait_until
from tests.manager.every_operation import LICENSE
from tests.manager.other_manager import serve

pytestmark = pytest.mark.postgresql
BLOCKING = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  slow:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: block.sh, inputs: {folder: {get_input: folder}}}
inputs: {folder: {type: string}}
"""
BLOCK = '#!/bin/bash\necho >> "$folder/started"\nwhile [ ! -e "$folder/go" ]; do sleep 0.05; done\n'


@pytest.fixture
def other(app: AppContext, tmp_path: Path) -> Iterator[AppContext]:
    """The server of a second machine, which shares files with the first one."""
    shared_keys.verify(app)
    shutil.copytree(app.settings.data_dir, tmp_path / "other")
    shutil.rmtree(tmp_path / "other" / "files", ignore_errors=True)
    (tmp_path / "other" / "files").symlink_to(app.settings.files, target_is_directory=True)
    other = AppContext(replace(app.settings, data_dir=tmp_path / "other"))
    yield other
    other.close()
    serve(app)


@contextmanager
def working(app: AppContext, name: str) -> Iterator[Worker]:
    worker = Worker(app, name)
    thread = threading.Thread(target=worker.work)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join()
        worker.close()


def test_watch_takes_only_long_silence_for_the_end() -> None:
    time = 100.0
    watch = Watch(lambda: time)
    assert watch.observe({"a": "1", "b": "1"}) == []
    for time in (104.0, 108.0):
        assert watch.observe({"a": str(time), "b": "1"}) == []
    time = 111.0
    assert watch.observe({"a": str(time), "b": "1"}) == [Silence("b", "1")]
    time = 140.0  # we were cut off from the database, as the others may have been
    assert watch.observe({"a": "111.0", "b": "1"}) == []


def test_end_of_worker_is_noticed_within_15_seconds() -> None:
    now, noticed = 0.0, 0.0
    watch = Watch(lambda: now)
    while not noticed:  # it was seen right before our look, and the machine is so busy that looks are late
        now += 1.1 * processes.HEARTBEAT_INTERVAL
        noticed = now if watch.observe({"gone": "1"}) else 0.0
    assert noticed < 14


def test_watch_counts_no_time_in_which_the_database_was_away() -> None:
    clock = iter((100.0, 109.0, 111.5, 114.0))  # it did not answer for 6.5 seconds
    watch = Watch(lambda: next(clock))
    assert [watch.observe({"a": "1"}) for _ in range(3)] == [[], [], []]
    assert watch.observe({"a": "1"}) == [Silence("a", "1")]


def test_identity_of_another_machines_process_is_left_alone() -> None:
    ours = orphans.identify(1)
    assert orphans.is_alive(ours)
    theirs = ProcessIdentity(1, ours.start_time.partition("@")[0] + "@another")
    assert not orphans.is_alive(theirs)
    orphans.kill([theirs], [])


def test_lost_execution_is_run_by_the_other_worker_alone(
    app: AppContext, other: AppContext, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tmp_path / "started"

    def read(execution: str) -> tuple[str, str | None, int]:
        with app.database.read() as session:
            row = session.query(Execution).filter_by(id=execution).one()
            return row.status, row.worker, row.claim

    def lose() -> int:
        with app.database.read() as session:
            seen_at = session.query(WorkerRecord).filter_by(name="cut-off").one().seen_at
        return recovery.recover(other, {"cut-off"}, Silence("cut-off", seen_at))

    with working(app, "cut-off") as cut_off:
        ask("PUT", "/blueprints/b", data=archive({"blueprint.yaml": BLOCKING, "block.sh": BLOCK}))
        assert ask("PUT", "/deployments/d", json={"blueprint_id": "b", "inputs": {"folder": str(tmp_path)}}).ok
        body = {"deployment_id": "d", "workflow_id": "install"}
        execution = ask("POST", "/executions", json=body).json()["id"]
        wait_until(started.exists, bool)
        assert recovery.recover(other, {"cut-off"}, Silence("cut-off", "an earlier time")) == 0  # it was seen again
        monkeypatch.setattr(cut_off, "_find_limit", lambda: -10)  # it must not claim it again
        cut_off._limit.set_limit(-10)
        with monkeypatch.context() as patch:  # it is on another machine
            patch.setattr(orphans, "kill", lambda *_: None)
            wait_until(lose, lambda count: count == 1)  # it may be seen meanwhile
            with working(other, "second"):
                wait_until(lambda: started.read_text().count("\n"), lambda count: count == 2)
                (tmp_path / "go").touch()
                assert wait_for_end(ask, execution)["status"] == "terminated"
    assert read(execution) == ("terminated", "second", 3)
    events = ask("GET", "/events", params={"execution_id": execution, "_size": 1000}).json()["items"]
    assert [event["event_type"] for event in events].count("workflow_succeeded") == 1
    assert [event["event_type"] for event in events].count("workflow_failed") == 0


def test_silent_worker_is_replaced_and_shares_are_even(
    app: AppContext, other: AppContext, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "HEARTBEAT_INTERVAL", 0.05)
    monkeypatch.setattr(takeover, "HEARTBEAT_TIMEOUT", 0.5)
    uploaded = ask(
        "PUT", "/blueprints/b?async_upload=true", data=archive({"blueprint.yaml": BLOCKING, "block.sh": BLOCK})
    )
    execution = uploaded.json()["upload_execution"]["id"]
    with app.database.write() as session:
        session.query(Execution).update({"status": ExecutionState.STARTED, "worker": "gone/1/worker-0", "claim": 1})
        session.add(WorkerRecord(name="gone/1/worker-0", pid=1, hostname="gone"))
    assert look_at_others(app, "here", Watch()) == (1, 2)
    with working(app, "here") as first, working(other, "there") as second:
        assert wait_for_end(ask, execution)["status"] == "terminated"
        shares = wait_until(lambda: {first._share, second._share}, lambda shares: shares == {(0, 2), (1, 2)})
    assert len(shares) == 2
    with app.database.read() as session:
        (lost,) = session.query(WorkerRecord).all()
        assert (lost.name, bool(lost.lost_at)) == ("gone/1/worker-0", True)
        assert session.query(Execution).one().worker in ("here", "there")


def test_notifications_reach_other_machines(app: AppContext, other: AppContext) -> None:
    app.listen()
    for name in ("work_available", "execution_ended"):
        pipe = getattr(app, name)
        pipe.wait_and_drain(60)  # each connection begins with one
        wait_until(lambda: _notify(getattr(other, name), pipe._read), bool)  # noqa: B023
        pipe.wait_and_drain(0)


def _notify(wakeup: Any, descriptor: int) -> bool:
    """Notify the other machine, and tell whether it has arrived at ours."""
    wakeup.notify()
    return bool(io_select.select([descriptor], [], [], 1)[0])


def test_key_of_another_machine_must_be_the_same(app: AppContext, tmp_path: Path) -> None:
    shared_keys.verify(app)  # stores what tells the key
    settings = replace(app.settings, data_dir=tmp_path / "new", admin_password=PASSWORD)
    without_key = AppContext(settings)
    with pytest.raises(Failed, match="is encrypted with another key") as refused:
        bootstrap(without_key)
    assert "secrets.key" in str(refused.value.hint)
    assert "CFY_ENCRYPTION_KEY" in str(refused.value.hint)
    assert not (tmp_path / "new" / "secrets.key").exists()
    without_key.close()
    with_another = AppContext(replace(settings, encryption_key=Fernet.generate_key().decode()))
    with pytest.raises(Failed, match="is encrypted with another key"):
        bootstrap(with_another)
    with_another.close()
    shutil.copyfile(app.settings.data_dir / "secrets.key", tmp_path / "new" / "secrets.key")
    joined = AppContext(settings)
    bootstrap(joined)
    assert PASSWORD in (tmp_path / "new" / ADMIN_FILE).read_text()
    with joined.database.read() as session:
        assert session.query(SharedKey).count() == 1
    joined.close()


def test_changes_at_one_server_are_effective_at_the_others(
    app: AppContext, other: AppContext, ask: Ask, session: requests.Session
) -> None:
    def at(server: AppContext, *words: str, **options: Any) -> requests.Response:
        serve(server)
        return ask(*words, **options)

    def code(server: AppContext, *words: str, **options: Any) -> int:
        return at(server, *words, **options).status_code

    bob = {"user": "bob", "password": "first-password"}
    body = {"username": "bob", "password": "first-password", "role": "default"}
    assert at(app, "PUT", "/users", json=body).ok
    assert at(
        other, "PUT", "/tenants/users", json={"username": "bob", "tenant_name": "default_tenant", "role": "user"}
    ).ok
    assert [code(each, "GET", "/sites", **bob) for each in (app, other)] == [200, 200]
    signed = at(other, "GET", "/tokens", **bob).json()["value"]
    stored = at(app, "POST", "/tokens", **bob, json={}).json()
    for value in (signed, stored["value"]):
        for each in (app, other):
            serve(each)
            header = {"Authentication-Token": value, "Tenant": "default_tenant"}
            assert session.get("http://manager/api/v3.1/sites", headers=header).status_code == 200
    assert at(other, "DELETE", f"/tokens/{stored['id']}", **bob).ok
    serve(app)
    assert (
        session.get("http://manager/api/v3.1/sites", headers={"Authentication-Token": stored["value"]}).status_code
        == 401
    )
    assert at(app, "POST", "/users/bob", json={"password": "second-password"}).ok
    assert [code(each, "GET", "/sites", **bob) for each in (app, other)] == [401, 401]
    bob["password"] = "second-password"
    assert [code(each, "GET", "/users", **bob) for each in (app, other)] == [403, 403]
    assert at(other, "POST", "/users/bob", json={"role": "sys_admin"}).ok
    assert [code(each, "GET", "/users", **bob) for each in (app, other)] == [200, 200]
    assert at(app, "PUT", "/config/default_page_size", json={"value": 7}).ok
    _is_effective(lambda: at(other, "GET", "/users").json()["metadata"]["pagination"]["size"] == 7)
    assert at(app, "PUT", "/license", data=LICENSE).ok
    assert [each["customer_id"] for each in at(other, "GET", "/license").json()["items"]] == ["acme"]
    assert at(other, "POST", "/maintenance/activate").ok
    _is_effective(lambda: code(app, "GET", "/sites") == 503)
    assert at(app, "POST", "/maintenance/deactivate").ok
    _is_effective(lambda: code(other, "GET", "/sites") == 200)


def _is_effective(condition: Callable[[], bool]) -> None:
    wait_until(condition, bool)


def test_status_shows_the_processes_of_all_machines(app: AppContext, ask: Ask, cfy: Cfy) -> None:
    def statuses() -> dict[str, dict[str, str]]:
        parts = ask("GET", "/cluster-status").json()["services"]
        return {part: {name: node["status"] for name, node in each["nodes"].items()} for part, each in parts.items()}

    own, later = app.hostname, {"seen_at": seconds_ago(-600)}  # so that they stay there, however long the test takes
    with app.database.write() as session:
        for number in range(app.settings.worker_count):
            session.add(WorkerRecord(name=f"{app.settings.place}/worker-{number}", pid=number + 1, **later))
        session.add(WorkerRecord(name="far/1/worker-0", pid=1, hostname="far", **later))
        session.add(WorkerRecord(name="far/1/scheduler", pid=2, hostname="far", role="scheduler", **later))
        server = {"pid": 1, "host": "10.0.0.9", "port": 8100}
        session.add(ServerRecord(name="gone/1/server", **server, seen_at="2026-01-01T00:00:00.000Z"))
        session.add(ServerRecord(name="twice/1/server", **server, **later))
        session.add(ServerRecord(name="twice/2/server", **server, **later))
    found = statuses()
    assert found["manager"] == {own: "OK", "far": "OK", "gone": "Fail", "twice-1": "OK", "twice-2": "OK"}
    assert found["broker"] == {own: "OK", "far": "OK"}
    shown = cfy("cluster status")
    assert "Degraded" in shown
    assert "twice-2" in shown
    assert "it was last seen at 2026-01-01" in shown + cfy.errors
    assert {"far", own, "gone"} & set(cfy("managers list --format name").split()) == {own, "gone"}  # servers only
    managers = {each["hostname"]: each for each in ask("GET", "/managers").json()["items"]}
    assert {name: each["status"] for name, each in managers.items()} == {
        own: "Active", "gone": "Inactive", "twice-1": "Active", "twice-2": "Active",
    }  # fmt: skip
    assert "Inactive" in cfy("managers list --columns hostname,status,started_at,last_seen")
    assert managers["gone"]["last_seen"] == "2026-01-01T00:00:00.000Z"
    refused = ask("DELETE", "/managers/twice-1")
    assert "it is running" in refused.json()["message"]
    cfy("cluster remove gone")
    assert "gone" not in statuses()["manager"]
    with app.database.write() as session:  # others have its work, and nobody has brought it back
        session.query(WorkerRecord).filter(WorkerRecord.hostname == "far").update({"lost_at": now()})
    assert statuses()["broker"]["far"] == statuses()["manager"]["far"] == "Fail"
    cfy("cluster remove far")
    assert "far" not in statuses()["broker"]


class RedisWithUser(OwnRedis):
    def command(self) -> list[str]:
        return [*super().command(), "--user", "bob", "on", ">secret", "~*", "&*", "+@all"]


def test_status_of_broker_and_queue_is_what_they_are(
    app: AppContext, other: AppContext, ask: Ask, tmp_path: Path
) -> None:
    def look() -> tuple[str, dict[str, Any]]:
        answer = ask("GET", "/cluster-status")
        assert "secret" not in answer.text
        return ask("GET", "/brokers").json()["items"][0]["status"], answer.json()["services"]

    def use(url: str) -> None:
        other.settings = replace(other.settings, broker=url)
        serve(other)

    ask("PUT", "/blueprints/b?async_upload=true", data=archive({"blueprint.yaml": BLOCKING, "block.sh": BLOCK}))
    (tmp_path / "redis").mkdir()
    redis = RedisWithUser(tmp_path / "redis")
    use(f"redis://bob:secret@127.0.0.1:{redis.port}/0")
    broker = ask("GET", "/brokers").json()["items"][0]
    assert (broker["name"], broker["port"], broker["username"]) == ("127.0.0.1", redis.port, "bob")
    status, services = look()
    assert (status, services["broker"]["nodes"]["127.0.0.1"]["status"]) == ("Active", "OK")
    nodes = services["db"]["nodes"].values()
    metrics = [each for node in nodes for each in node["metrics"]]
    assert {"metric_name": "waiting_executions", "value": 1, "healthy": True} in metrics
    assert {node["version"] for node in nodes} == {each["version"] for each in ask("GET", "/db-nodes").json()["items"]}
    assert __version__ not in {node["version"] for node in nodes}
    use(f"redis://bob:secret-of-another@127.0.0.1:{redis.port}/0")
    status, services = look()
    assert (status, services["broker"]["status"]) == ("Inactive", "Fail")
    assert "invalid username-password pair" in str(services["broker"]["nodes"]["127.0.0.1"]["failures"])
    use(f"redis://bob:secret@127.0.0.1:{redis.port}/0")
    assert look()[0] == "Active"
    redis.close()
    status, services = look()
    assert status == "Inactive"
    assert services["broker"]["status"] == services["broker"]["nodes"]["127.0.0.1"]["status"] == "Fail"
    assert ask("GET", "/cluster-status?summary=true").status_code == 500

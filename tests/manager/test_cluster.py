"""The cluster of one machine: what works of it, and that it refuses what takes several."""

import json
import shutil
import socket
from types import SimpleNamespace

import pytest

from cfy_cli.contract.timestamps import now, seconds_ago
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import WorkerRecord
from tests.conftest import Ask, Cfy

HOST = socket.gethostname()


def add_workers(app: AppContext, count: int) -> None:
    with app.database.write() as session:
        for number in range(count):
            session.add(WorkerRecord(name=f"worker-{number}", pid=number + 1, seen_at=seconds_ago(-600)))


def test_cluster_status_is_that_of_the_processes(ask: Ask, app: AppContext, cfy: Cfy, monkeypatch: pytest.MonkeyPatch):
    summary = "/cluster-status?summary=true"
    failed = ask("GET", summary)  # no worker runs
    assert (failed.status_code, failed.json()) == (500, {"status": "Fail", "services": {}})
    assert ask("GET", "/cluster-status").json()["services"]["broker"]["nodes"][HOST]["failures"]
    assert "Management Worker is not running" in cfy("cluster status") + cfy.errors
    add_workers(app, app.settings.worker_count)
    assert (ask("GET", summary).status_code, ask("GET", summary).json()["status"]) == (200, "OK")
    status = json.loads(cfy("cluster status --json"))
    assert {name: part["status"] for name, part in status["services"].items()} == {
        "manager": "OK", "db": "OK", "broker": "OK",
    }  # fmt: skip
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    degraded = ask("GET", summary)
    assert (degraded.status_code, degraded.json()["status"]) == (200, "Degraded")
    assert "disk_free_bytes is 1000" in cfy("cluster status") + cfy.errors


def test_what_one_machine_cannot_do_is_refused(ask: Ask):
    def cluster() -> list[object]:
        found = [ask("GET", path).json()["items"] for path in ("/brokers", "/db-nodes", "/managers?_include=hostname")]
        return [*found, ask("GET", f"/managers/{HOST}").json()["hostname"]]

    assert ask("GET", "/managers").json()["items"][0]["last_seen"] >= now()[:16]
    before, node = cluster(), {"name": "other", "address": "10.0.0.8"}
    for method, path, body, status in (
        ("DELETE", f"/managers/{HOST}", None, 400),
        ("DELETE", "/managers/other", None, 404),
        ("GET", "/managers/other", None, 404),
        ("PUT", f"/managers/{HOST}", {"fs_sync_node_id": "x", "bootstrap_cluster": True}, 400),
        ("POST", "/managers", {"hostname": "other"}, 400),
        ("POST", "/managers", {"hostname": HOST}, 409),
        ("POST", "/brokers", node, 400),
        ("POST", "/brokers", {**node, "name": HOST}, 409),
        ("PUT", f"/brokers/{HOST}", {"networks": {"a": "10.0.0.8"}}, 400),
        ("PUT", "/brokers/other", {"networks": {}}, 404),
        ("DELETE", f"/brokers/{HOST}", None, 400),
        ("POST", "/db-nodes", {"action": "drop"}, 400),
    ):
        assert ask(method, path, json=body).status_code == status, (method, path)
    assert cluster() == before


def test_cluster_commands_name_the_nodes_that_there_are(cfy: Cfy):
    for words in ("managers list", "brokers list", f"brokers get {HOST}", "db-nodes list", "db-nodes update"):
        shown = cfy(f"cluster {words} --json")
        assert HOST in shown or "SQL" in shown
    assert cfy("db-nodes list --json") == cfy("cluster db-nodes list --json")
    for words in ("remove other", "brokers get other", "brokers update other -n a=b", "brokers remove other"):
        cfy(f"cluster {words}", code=3)
        assert f"There are: {HOST}" in cfy.errors
    cfy(f"cluster remove {HOST}", code=1)
    assert "cfy manager stop" in cfy.errors
    cfy("cluster brokers add other 10.0.0.8 -n lan=10.0.0.8", code=1)
    assert "cfy manager start --broker" in cfy.errors
    cfy("cluster brokers add other 10.0.0.8 -n lan", code=2)

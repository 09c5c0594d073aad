"""Whatever is sent to any operation, the manager answers, and stays quick and small.

CFY_FUZZ_SEED changes the requests, CFY_FUZZ_REQUESTS the number of those that `make check-all` sends, and
CFY_FUZZ_ONLY=NUMBER or FIRST-LAST sends some of them, to repeat a failure.
"""

import json
import os
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from cfy_cli.manager.rest.api import PREFIX
from tests.conftest import PASSWORD, Ask
from tests.in_process import answer_schemas
from tests.manager.conftest import HELLO, SAY, archive, wait_until
from tests.manager.fuzz_requests import Names, Requests, parameters_of
from tests.manager.fuzz_run import Report, send_all, watching_health
from tests.manager.processes import RequestOptions, request, start
from tests.wagons import package, wagon

SEED = int(os.environ.get("CFY_FUZZ_SEED", "1"))
SHORT = 500  # requests
LONG = int(os.environ.get("CFY_FUZZ_REQUESTS", "50000"))
MAX_MEMORY = 300  # MiB of the server
MAX_HEALTH = 0.5  # seconds
MAX_SHOWN = 20  # failures

AskAny = Callable[..., requests.Response]


def furnish(ask: AskAny) -> Names:
    """Store something of every kind; return the names."""
    archived = archive({"blueprint.yaml": HELLO, "say.sh": SAY})
    parameters = json.dumps({"application_file_name": "blueprint.yaml"})
    sent = {"params": (None, parameters), "blueprint_archive": ("a.tar.gz", archived)}
    ask("PUT", "/blueprints/app", files=sent)
    wait_until(lambda: ask("GET", "/blueprints/app").json(), lambda found: found["state"] == "uploaded")
    for name in ("d", "e"):
        assert ask("PUT", f"/deployments/{name}", json={"blueprint_id": "app"}).status_code == 201
    ask("PUT", "/sites/s", json={"location": "1,2"})
    ask("PUT", "/secrets/k", json={"value": "v"})
    ask("PUT", "/secrets-providers", json={"name": "here", "type": "local"})
    ask("POST", "/tenants/red")
    ask("PUT", "/users", json={"username": "ann", "password": "a-long-password"})
    ask("PUT", "/tenants/users", json={"username": "ann", "tenant_name": "red", "role": "user"})
    plugin = ask("POST", "/plugins", data=package()).json()["id"]
    body = {"deployment_id": "d", "workflow_id": "install", "scheduled_time": "2099-01-01T00:00:00Z"}
    executions = [ask("POST", "/executions", json=body).json()["id"]]
    executions += [row["id"] for row in ask("GET", "/executions?_include_system_workflows=true").json()["items"]]
    instances = [row["id"] for row in ask("GET", "/node-instances").json()["items"]]
    graph = ask("POST", "/tasks_graphs", json={"execution_id": executions[0], "name": "g", "operations": []}).json()[
        "id"
    ]
    group = {"deployment_ids": ["d", "e"], "blueprint_id": "app"}
    assert ask("PUT", "/deployment-groups/g", json=group).status_code == 200
    for name, rule in (("s", "FREQ=SECONDLY;BYMONTHDAY=13;BYDAY=FR"), ("t", "FREQ=DAILY")):
        body = {"workflow_id": "install", "since": "2030-01-01 00:00:00", "rrule": rule}
        assert ask("PUT", f"/execution-schedules/{name}?deployment_id=d", json=body).status_code == 201
    ask("PUT", "/operations/o", json={"graph_id": graph, "name": "o", "type": "t"})
    deployments, blueprints, users, tenants = ("d", "e", "new"), ("app", "other"), ("ann", "bob"), ("red", "blue")
    return Names(
        {
            "token_id": [ask("POST", "/tokens", json={}).json()["id"]],
            "operation_id": ["o"], "graph_id": [graph], "username": users, "tenant_name": tenants, "creator": users,
            "blueprint_id": blueprints, "deployment_id": deployments, "source_deployment": deployments,
            "id": deployments, "source_deployment_id": deployments, "target_deployment": deployments,
            "execution_id": executions, "deployment_group_id": ["g"], "default_blueprint_id": blueprints,
            "filter_id": ["f"],
            "workflow_id": ["install", "uninstall", "execute_operation", "scale"], "site_name": ["s"],
            "role": ["sys_admin", "default", "user", "viewer"], "visibility": ["private", "tenant", "global"],
            "node_id": ["web", *instances], "state": ["started", "pending"],
            "status": ["cancelled", "started", "failed"],
            "action": ["cancel", "kill", "force-cancel", "resume", "activate", "deactivate", "install"],
        },
        {
            "blueprints": blueprints, "deployments": deployments, "plugins": [plugin], "secrets": ["k", "l"],
            "secrets-providers": ["here", "there"], "sites": ["s", "t"], "deployment-groups": ["g", "h"],
            "execution-schedules": ["s", "t", "u"], "executions-schedules": ["s", "t"], "snapshots": ["a", "b"],
            "executions": executions, "node-instances": instances,
        },
        [archived, package(), wagon(), package(version="1.0.1")],
    )  # fmt: skip


def numbers(count: int) -> list[int]:
    first, _, last = os.environ.get("CFY_FUZZ_ONLY", "").partition("-")
    return list(range(int(first), int(last or first) + 1)) if first else list(range(count))


def authorization(password: str) -> bytes:
    return b"Basic " + b64encode(f"admin:{password}".encode())


def assert_good(report: Report, ask: AskAny, document: dict[str, Any]) -> None:
    """Assert that all was answered, and that everything stored can still be read."""
    shown = "\n".join(report.failures[:MAX_SHOWN])
    assert not report.failures, f"seed {SEED}: {len(report.failures)} of {report}\n{shown}"
    if "CFY_FUZZ_ONLY" not in os.environ:
        assert report.statuses["200"] > report.statuses.total() / 20, f"hardly anything was accepted: {report}"
    for path, methods in document["paths"].items():
        parameters = [each["name"] for each in parameters_of(document, methods.get("get", {}))]
        # Workflows are those of one deployment, summaries need a field, and some lists are below a key.
        if "_size" in parameters and not path.endswith(("/workflows", "}")) and "/summary/" not in path:
            query = {"_all_tenants": "true"} if "_all_tenants" in parameters else {}
            answer = ask("GET", path.removeprefix(PREFIX), params=query)
            assert answer.status_code == 200, f"{path}: {answer.text[:500]}"


@pytest.mark.usefixtures("worker", "plugins_are_not_installed")
@pytest.mark.fuzz
def test_odd_requests_are_answered(ask: Ask, port: int):
    document, report = answer_schemas().document, Report()
    send_all(Requests(document, furnish(ask), SEED), numbers(SHORT), port, authorization(PASSWORD), report, clients=2)
    assert_good(report, ask, document)


def test_request_of_a_number_is_always_the_same():
    document = answer_schemas().document
    made = [Requests(document, Names({}, {}), SEED).make(number) for _ in range(2) for number in (1, 70, 3000)]
    assert made[:3] == made[3:]


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.timeout(7200)
def test_odd_requests_leave_a_server_quick_and_small(data_dir: Path, database_url: str):
    running = start(data_dir, database_url=database_url if "postgresql" in database_url else "")

    def ask(method: str, path: str, **options: Any) -> requests.Response:
        return request(running, data_dir, path, method, **RequestOptions(**options))

    document, report = requests.get(f"{running.url}/openapi.json", timeout=60).json(), Report()
    made = Requests(document, furnish(ask), SEED)
    password = json.loads((data_dir / "admin.json").read_text())["password"]
    server, port, start_time = psutil.Process(running.server), int(running.url.rpartition(":")[2]), time.monotonic()
    memory = PeakMemory(server)
    with watching_health(port, server, report), memory:
        send_all(made, numbers(LONG), port, authorization(password), report)
    seconds = time.monotonic() - start_time
    print(f"\n{database_url.partition(':')[0]}: {report} in {seconds:.0f} s; the server had {memory.peak} MiB at most")
    assert server.is_running(), "the server was replaced"
    assert_good(report, ask, document)
    lines = [line for line in (data_dir / "logs" / "manager.log").read_text().splitlines() if " server " in line]
    assert not lines, f"{len(lines)} lines of the server in the log: {lines[:MAX_SHOWN]}"
    assert memory.peak < MAX_MEMORY
    is_loaded = os.getloadavg()[0] > 2 * (os.cpu_count() or 1)  # by others: then only the server's own time counts
    assert (report.health_cpu if is_loaded else report.health) < MAX_HEALTH


class PeakMemory:
    """Watches the resident memory of a process, as a context; `peak` is in MiB."""

    def __init__(self, process: psutil.Process) -> None:
        self.peak = 0
        self._process, self._stop = process, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self.peak = max(self.peak, self._process.memory_info().rss >> 20)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

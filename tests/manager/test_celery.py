"""A manager with a broker: secrets, kills, failures, and what Celery itself shows of it."""

import base64
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redis
import requests

from cfy_cli.manager import control
from cfy_cli.manager.engine.broker.celery_settings import MANAGER_QUEUE
from tests.brokers import broker_url
from tests.manager.conftest import archive
from tests.manager.processes import find_free_port, is_alive, request, wait_until
from tests.manager.test_celery_crashes import settings_of

pytestmark = [pytest.mark.process, pytest.mark.sqlite]
BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml]
node_templates:
  app:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: run.sh, inputs: {word: {get_secret: word}}}
        start: {implementation: fail.sh, max_retries: 0, inputs: {word: {get_secret: word}}}
      own: {wait: wait.sh, late: {implementation: wait.sh, timeout: 1, max_retries: 0}}
"""
RUN = '#!/bin/bash\necho "my $word"\nctx instance runtime-properties had "${#word}"\nctx returns "$word"\n'
FAIL = '#!/bin/bash\necho "bad $word" >&2\nexit 3\n'
WAIT = "#!/bin/bash\n(setsid sleep 600 >/dev/null 2>&1 & echo $! >> {pids})\necho $$ >> {pids}\nsleep 600\n"
MAX_MESSAGE = 3_500  # characters, base64 included
SECRET = "Vhx81-hidden-0qPz"


class Manager:
    def __init__(self, data_dir: Path, kind: str) -> None:
        self.broker, self.data_dir = broker_url(kind), data_dir
        self.running = control.start(settings_of(data_dir, self.broker))

    def ask(self, path: str, method: str = "GET", **options: object) -> dict[str, str]:
        answer = request(self.running, self.data_dir, path, method, **options)  # type: ignore[arg-type]
        assert answer.ok, answer.text
        answered: dict[str, str] = answer.json()
        return answered

    def install_blueprint(self, pids: Path) -> None:
        files = {"blueprint.yaml": BLUEPRINT, "run.sh": RUN, "fail.sh": FAIL, "wait.sh": WAIT.format(pids=pids)}
        self.ask("/secrets/word", "PUT", json={"value": SECRET})
        self.ask("/blueprints/app", "PUT", data=archive(files))
        wait_until(lambda: self.ask("/blueprints/app")["state"] == "uploaded")
        self.ask("/deployments/app", "PUT", json={"blueprint_id": "app"})

    def start(self, workflow: str, **parameters: str) -> str:
        body = {"deployment_id": "app", "workflow_id": workflow, "parameters": parameters}
        return self.ask("/executions", "POST", json=body)["id"]

    def wait(self, execution: str) -> dict[str, str]:
        wait_until(lambda: self.ask(f"/executions/{execution}")["status"] in ("terminated", "failed", "cancelled"))
        return self.ask(f"/executions/{execution}")


@contextmanager
def watched_redis(url: str) -> Iterator[list[str]]:
    """Yield all that is written to Redis meanwhile, with the bodies of messages decoded."""
    seen: list[str] = []
    monitor = redis.Redis.from_url(url).monitor()
    monitor.__enter__()

    def watch() -> None:
        with suppress(OSError, ValueError, redis.RedisError, AttributeError):
            for command in monitor.listen():
                text = command["command"]
                bodies = re.findall(r'\\?"body\\?": \\?"([A-Za-z0-9+/=]+)', text)
                seen.extend([text, *(base64.b64decode(body).decode() for body in bodies)])

    threading.Thread(target=watch, daemon=True).start()
    yield seen
    monitor.connection.disconnect()  # type: ignore[no-untyped-call]


def test_broker_sees_no_secret_and_no_credential(data_dir: Path, tmp_path: Path):
    manager = Manager(data_dir, "redis")
    manager.install_blueprint(tmp_path / "pids")
    with watched_redis(manager.broker) as seen:
        failed = manager.wait(manager.start("install"))
        wait_until(lambda: any("bad ********" in text for text in seen))
    assert (failed["status"], SECRET in failed["error"]) == ("failed", False)
    everything = "\n".join(seen)
    assert "get_secret" in everything, "messages were decoded"
    admin = json.loads((data_dir / "admin.json").read_text())
    for hidden in (SECRET, admin["password"], "Authentication-Token"):
        assert hidden not in everything
    [instance] = manager.ask("/node-instances?deployment_id=app")["items"]  # type: ignore[misc]
    assert instance["runtime_properties"] == {"had": str(len(SECRET))}  # type: ignore[index]
    messages = str(manager.ask("/events?include_logs=true&_size=500"))
    assert "my ********" in messages
    assert SECRET not in messages


@pytest.mark.parametrize("kind", ["rabbitmq", "redis"])
def test_killed_execution_leaves_no_process(kind: str, data_dir: Path, tmp_path: Path):
    manager, pids = Manager(data_dir, kind), tmp_path / "pids"
    manager.install_blueprint(pids)
    late = manager.wait(manager.start("execute_operation", operation="own.late"))
    assert "took longer than its timeout of 1" in late["error"]
    execution = manager.start("execute_operation", operation="own.wait")
    wait_until(lambda: len(pids.read_text().split()) == 4)
    manager.ask(f"/executions/{execution}", "POST", json={"action": "kill"})
    assert manager.wait(execution)["status"] == "cancelled"
    wait_until(lambda: not any(is_alive(int(pid)) for pid in pids.read_text().split()))
    ping = subprocess.run(
        celery("inspect", "ping", "--timeout", "10", "-j"),
        env=os.environ | {"CFY_BROKER": manager.broker},
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"ok": "pong"' in ping.stdout


def celery(*words: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "cfy_cli.agent.celery_app", *words]


@pytest.mark.parametrize("kind", ["rabbitmq", "redis"])
def test_celery_tells_of_workers_and_operations(kind: str, data_dir: Path, tmp_path: Path):
    manager, pids = Manager(data_dir, kind), tmp_path / "pids"
    manager.install_blueprint(pids)
    environment = os.environ | {"CFY_BROKER": manager.broker}

    def tell(*words: str) -> str:
        return subprocess.run(celery(*words), env=environment, capture_output=True, text=True, check=True).stdout

    worker = f".operations-0@{socket.gethostname()}"
    log = tmp_path / "events"
    with log.open("wb") as output:
        events = subprocess.Popen(celery("events", "--dump"), env=environment, stdout=output, stderr=output)
    try:
        wait_until(lambda: f"{worker} [" in log.read_text(), 120)  # its heartbeat
        tell("control", "--timeout", "10", "enable_events")  # as Flower does
        execution = manager.start("execute_operation", operation="own.wait")
        wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        assert f"{worker}: OK" in tell("status", "--timeout", "10")
        active = tell("inspect", "active", "--timeout", "10", "-j")
        assert worker in active
        assert "cfy.run_operation" in active
        assert SECRET not in active
        manager.ask(f"/executions/{execution}", "POST", json={"action": "kill"})
        manager.wait(execution)
        wait_until(lambda: b"cfy.run_operation" in log.read_bytes())
        assert SECRET.encode() not in log.read_bytes()
    finally:
        events.kill()
        events.wait()


def test_flower_shows_the_worker_and_its_operations(data_dir: Path, tmp_path: Path):
    pytest.importorskip("flower")
    manager = Manager(data_dir, "rabbitmq")
    manager.install_blueprint(tmp_path / "pids")
    port = find_free_port()
    environment = os.environ | {"CFY_BROKER": manager.broker, "FLOWER_UNAUTHENTICATED_API": "true"}
    # RabbitMQ has no management plugin here, which Flower would ask for the lengths of queues.
    words = (f"--port={port}", "--address=127.0.0.1", "--inspect_timeout=10000")
    with (tmp_path / "flower.log").open("wb") as log:
        flower = subprocess.Popen(celery("flower", *words), env=environment, stdout=log, stderr=log)

    def ask(path: str) -> dict[str, dict[str, str]]:
        with suppress(requests.ConnectionError):
            answer = requests.get(f"http://127.0.0.1:{port}/api/{path}", timeout=60)
            return dict(answer.json()) if answer.ok else {}
        return {}

    try:
        wait_until(lambda: any(name.endswith(f".operations-0@{socket.gethostname()}") for name in ask("workers")))
        manager.wait(manager.start("execute_operation", operation="cloudify.interfaces.lifecycle.create"))
        wait_until(lambda: ("cfy.run_operation", "SUCCESS") in {(t["name"], t["state"]) for t in ask("tasks").values()})
        assert SECRET not in requests.get(f"http://127.0.0.1:{port}/api/tasks", timeout=60).text
    finally:
        flower.kill()
        flower.wait()


def test_messages_of_an_operation_do_not_grow(data_dir: Path, tmp_path: Path):
    """Count what the broker stores for operations: one message there and one back, of a bounded size."""
    manager = Manager(data_dir, "redis")
    manager.install_blueprint(tmp_path / "pids")
    with watched_redis(manager.broker) as seen:
        manager.wait(manager.start("execute_operation", operation="cloudify.interfaces.lifecycle.create"))
        wait_until(lambda: any('"status": "SUCCESS"' in text for text in seen))
    messages = [text for text in seen if text.startswith("LPUSH cfy.")]
    sent = [text for text in messages if text.split(" ", 2)[1].startswith(f"{MANAGER_QUEUE}.")]
    assert (len(sent), len(messages)) == (1, 2)
    assert max(map(len, messages)) < MAX_MESSAGE

"""kill -9 of the processes of a manager with a broker, of the broker and of the database, while an install runs."""

import os
import random
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from cfy_cli.manager import control
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store.database import parse_url
from tests.brokers import BROKERS, OwnBroker, OwnRabbitMQ, OwnRedis, broker_url
from tests.databases import DISCONNECT_OTHERS
from tests.manager.conftest import archive
from tests.manager.processes import find_free_port, is_alive, request, wait_until
from tests.manager.test_crash_recovery import LOG_SCRIPT, blueprint, check_consistency

pytestmark = pytest.mark.process
OWN_BROKERS: dict[str, type[OwnBroker]] = {"rabbitmq": OwnRabbitMQ, "redis": OwnRedis}
NODES = 12


class Story:
    """A manager with a broker whose parts are killed while deployments are installed."""

    def __init__(self, settings: ManagerSettings, folder: Path, own_broker: OwnBroker | None = None) -> None:
        self.settings, self._folder, self._own_broker = settings, folder, own_broker
        self.data_dir = settings.data_dir
        self.running = control.start(settings)
        self._number = 0

    def install(self, victims: Sequence[str], chance: random.Random) -> None:
        """Install a deployment through kills of these, and compare what has happened."""
        self._number += 1
        folder = self._folder / str(self._number)
        folder.mkdir()
        name = f"app{self._number}"
        files = {"blueprint.yaml": blueprint(NODES), "log.sh": LOG_SCRIPT.format(folder=folder)}
        self._ask(f"/blueprints/{name}", "PUT", data=archive(files))
        wait_until(lambda: self._ask(f"/blueprints/{name}").get("state") == "uploaded")
        self._ask(f"/deployments/{name}", "PUT", json={"blueprint_id": name})
        body = {"deployment_id": name, "workflow_id": "install"}
        execution = self._ask("/executions", "POST", json=body)["id"]
        wait_until((folder / "lines").exists)
        for victim in victims:
            time.sleep(chance.uniform(0, 0.5))
            self.kill(victim)
        ended = ("terminated", "failed", "cancelled")
        wait_until(lambda: self._ask(f"/executions/{execution}").get("status") in ended, 120)
        assert self._ask(f"/executions/{execution}")["error"] == ""
        check_consistency(
            self.running, self.data_dir, folder, execution, NODES, len(victims), is_distributed=True, deployment=name
        )

    def kill(self, victim: str) -> None:
        if victim == "broker":
            assert self._own_broker is not None
            self._own_broker.kill()
            self._own_broker.start()
        elif victim == "database":
            engine = create_engine(parse_url(self.settings.database_url))
            with engine.connect() as connection:
                connection.execute(text(DISCONNECT_OTHERS))
            engine.dispose()
        else:
            running = control.status(self.data_dir)
            assert running is not None
            pids = {"server": running.server, "engine": running.workers[0], "operations": running.workers[-1]}
            with suppress(ProcessLookupError):
                os.kill(pids[victim], signal.SIGKILL)
            wait_until(lambda: not is_alive(pids[victim]))

    def _ask(self, path: str, method: str = "GET", **options: object) -> dict[str, str]:
        """Send a request; an empty answer stands for a server that is being restarted."""
        with suppress(OSError):
            answer: dict[str, str] = request(self.running, self.data_dir, path, method, **options).json()  # type: ignore[arg-type]
            return answer
        return {}


def settings_of(data_dir: Path, broker: str, database_url: str = "") -> ManagerSettings:
    return ManagerSettings(data_dir, port=find_free_port(), workers=1, broker=broker, database_url=database_url)


@pytest.mark.sqlite
@pytest.mark.parametrize("kind", BROKERS)
def test_install_continues_after_kills_with_a_broker(kind: str, data_dir: Path, tmp_path: Path):
    story = Story(settings_of(data_dir, broker_url(kind)), tmp_path)
    story.install(["operations", "engine"], random.Random())


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", BROKERS)
def test_install_continues_whatever_is_killed(kind: str, data_dir: Path, tmp_path: Path, database_url: str):
    seed = int(os.environ.get("CFY_KILL_SEED", random.randrange(10**6)))
    print(f"seed {seed}")
    chance = random.Random(seed)
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = OWN_BROKERS[kind](folder)
    try:
        story = Story(settings_of(data_dir, broker.url, database_url), tmp_path, broker)
        victims = ["operations", "engine", "server", "broker", *(["database"] if not story.settings.is_sqlite else [])]
        for number in range(int(os.environ.get("CFY_KILLS", "20"))):
            victim = victims[number % len(victims)]
            begun = time.monotonic()
            story.install([victim], chance)
            print(f"{victim} killed: right, {time.monotonic() - begun:.1f} seconds", flush=True)
    finally:
        broker.close()

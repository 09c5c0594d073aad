"""RabbitMQ and Redis for tests: `.ci/run` starts them, and each process of tests has a part of its own."""

import os
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from celery import Celery

from cfy_cli.manager.engine.broker.celery_settings import MANAGER_QUEUE, create_app, operation_queue
from tests.manager.processes import find_free_port, wait_until

VARIABLES = {"rabbitmq": "CFY_TEST_RABBITMQ", "redis": "CFY_TEST_REDIS"}
BROKERS = tuple(VARIABLES)


def broker_url(kind: str, *, beside: int = 0) -> str:
    """Return the URL of a virtual host or database without messages; skip the test where there is no broker."""
    url = os.environ.get(VARIABLES[kind], "")
    if not url:
        pytest.skip(f"${VARIABLES[kind]} names no broker")
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 16 + beside
    own = f"{url}/cfy{number}" if kind == "rabbitmq" else f"{url}/{number}"
    empty(create_app(own))
    return own


def empty(app: Celery) -> None:
    with app.connection_for_write() as connection:
        operation_queue(MANAGER_QUEUE).bind(connection.default_channel).declare()
        operation_queue(MANAGER_QUEUE).bind(connection.default_channel).purge()


class OwnBroker:
    """A broker of one test, which may be killed and started again; whether its messages survive that is no matter."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, find_free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with (self.folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, start_new_session=True, env=os.environ | self.environment()
            )
        wait_until(self._answers, 120)

    def kill(self) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        self.kill()

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


class OwnRedis(OwnBroker):
    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        program = shutil.which("redis-server") or pytest.skip("there is no redis-server")
        options = f"--port {self.port} --bind 127.0.0.1 --dir {self.folder} --appendonly yes --appendfsync always"
        return [program, *options.split()]


class OwnRabbitMQ(OwnBroker):
    def __init__(self, folder: Path) -> None:
        self._epmd_port = find_free_port()
        super().__init__(folder)

    def close(self) -> None:
        super().close()
        subprocess.run(["epmd", "-port", str(self._epmd_port), "-kill"], stdout=subprocess.DEVNULL, check=False)

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def command(self) -> list[str]:
        program = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # the one on the PATH wants to be root or rabbitmq
        if not program.exists():
            pytest.skip("there is no rabbitmq-server")
        (self.folder / "plugins").write_text("[].")
        (self.folder / "rabbitmq.conf").touch()
        return [str(program)]

    def environment(self) -> dict[str, str]:
        folder = str(self.folder)
        return {
            "HOME": folder,
            "RABBITMQ_NODENAME": f"cfy{self.port}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(find_free_port()),
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_RELAXED_COMMAND_CHECK": "1",
        }

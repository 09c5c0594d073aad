"""A manager on several machines behind a load balancer: data folders of their own stand for machines."""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from cfy_cli.manager import control
from cfy_cli.manager.control import RunningManager
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store.database import parse_url
from tests.databases import POSTGRESQL
from tests.manager.agent_host import kill_trees
from tests.manager.processes import find_free_port, wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"
KEY = "A" * 43 + "="
PASSWORD = "admin-of-all-machines"
SERVERS = ("server-1", "server-2")
ROLES = {
    "server-1": ("server", "scheduler"), "server-2": ("server", "scheduler"),
    "worker-1": ("worker",), "worker-2": ("worker",),
}  # fmt: skip
PROCESSES = {"worker-2": 2}  # where it is not one


class DatabaseServer(Protocol):
    @property
    def url(self) -> str: ...

    def interrupt(self) -> None: ...

    def resume(self) -> None: ...


class OwnPostgreSQL:
    """A server of PostgreSQL of one test, which may be killed and started again. One may follow another, by a name."""

    def __init__(self, folder: Path, *, name: str = "", follows: "OwnPostgreSQL | None" = None) -> None:
        self._bin = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda path: int(path.parent.name))
        if self._bin is None:
            pytest.skip("there is no server of PostgreSQL")
        self._data, self._port = Path(tempfile.mkdtemp(prefix="cfy-pg", dir="/tmp")), find_free_port()
        self._log = folder / f"postgresql-{self._port}.log"
        self._owner: dict[str, Any] = {}
        if os.getuid() == 0:  # which PostgreSQL refuses to run as
            user = pwd.getpwnam("postgres")
            os.chown(self._data, user.pw_uid, user.pw_gid)
            self._owner = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [user.pw_gid]}
        create = [self._bin / "initdb", "-D", self._data, "-A", "trust", "-U", "cfy", "-N"]
        if follows is not None:
            source = f"{follows.url}?application_name={name}"
            create = [self._bin / "pg_basebackup", "-D", self._data, "-R", "-N", "-c", "fast", "-d", source]
        subprocess.run(create, check=True, stdout=subprocess.DEVNULL, cwd="/", **self._owner)
        self.resume()

    @property
    def url(self) -> str:
        return f"postgresql://cfy@127.0.0.1:{self._port}/postgres"

    def resume(self) -> None:
        options = f"-p {self._port} -k {self._data} -c fsync=off -c max_connections=300"
        command = [self._bin / "postgres", "-D", self._data, *options.split()]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **self._owner)
        wait_until(self._answers)

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError), psycopg.connect(self.url):
            return True
        return False

    def interrupt(self) -> None:
        kill_trees([self._process.pid])
        self._process.wait()

    def restart(self, stop: signal.Signals) -> None:
        """Stop the server with a signal, and start it again."""
        self._process.send_signal(stop)
        self._process.wait()
        self.resume()

    def files(self) -> Iterator[Path]:
        return self._data.rglob("*")

    def close(self) -> None:
        self.interrupt()
        shutil.rmtree(self._data)


class SharedDatabase:
    """A database of PostgreSQL that can be made to refuse connections, as while its server restarts."""

    def __init__(self) -> None:
        self.name = f"cfy_{uuid.uuid4().hex}"
        self.url = make_url(POSTGRESQL).set(database=self.name).render_as_string(hide_password=False)
        self._run(f"CREATE DATABASE {self.name}")

    def interrupt(self) -> None:
        self._run(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS false")
        self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}'")

    def resume(self) -> None:
        self._run(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS true")

    def drop(self) -> None:
        self._run(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        engine = create_engine(parse_url(POSTGRESQL).set(database="postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@dataclass
class Machines:
    """Two servers and two workers; `kill` ends all processes of one of them at once."""

    folder: Path
    database: DatabaseServer
    ports: dict[str, int] = field(default_factory=lambda: {name: find_free_port() for name in SERVERS})
    running: dict[str, RunningManager] = field(default_factory=dict)
    broker: str = ""

    def start(self, name: str) -> None:
        files = self.folder / "files"
        files.mkdir(mode=0o700, exist_ok=True)
        settings = ManagerSettings(
            self.folder / name,
            database_url=self.database.url,
            port=self.ports.get(name, 0),
            workers=PROCESSES.get(name, 1),
            roles=ROLES[name],
            encryption_key=KEY,
            admin_password=PASSWORD,
            storage=str(files),
            broker=self.broker,
        )
        self.running[name] = control.start(settings)

    def kill(self, name: str) -> None:
        kill_trees([self.running.pop(name).pid])

    def stop(self) -> None:
        for name in list(self.running):
            control.stop(self.folder / name)


class LoadBalancer:
    """Runs nginx or HAProxy with the configuration of deploy/ on a free port."""

    def __init__(self, tool: str, ports: dict[str, int], folder: Path) -> None:
        self.port = find_free_port()
        file = "nginx/nginx.conf" if tool == "nginx" else "haproxy/haproxy.cfg"
        configuration = (DEPLOY / file).read_text()
        for name, port in ports.items():
            configuration = configuration.replace(f"{name}:8100", f"127.0.0.1:{port}")
        configuration = re.sub(r"listen 80;", f"listen 127.0.0.1:{self.port};", configuration)
        configuration = configuration.replace("bind :80", f"bind 127.0.0.1:{self.port}")
        path = folder / Path(file).name
        path.write_text(configuration)
        self._command = (
            ["nginx", "-c", str(path), "-g", f"daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;"]
            if tool == "nginx"
            else ["haproxy", "-db", "-f", str(path)]
        )
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._answers)

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def kill(self) -> None:
        self._process.terminate()
        self._process.wait()


def is_installed(tool: str) -> bool:
    return shutil.which(tool) is not None

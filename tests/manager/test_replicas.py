"""Replicas of the database: what the status of the cluster tells of them, and of how far behind they are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.manager.processes import request, start, wait_until
from tests.manager.several_machines import OwnPostgreSQL

pytestmark = pytest.mark.process
WRITE = "CREATE TABLE written AS SELECT repeat(md5(number::text), 30) FROM generate_series(1, 80000) AS number"


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[OwnPostgreSQL]:
    server = OwnPostgreSQL(tmp_path)
    yield server
    server.close()


@pytest.fixture
def replica(tmp_path: Path, primary: OwnPostgreSQL) -> Iterator[OwnPostgreSQL]:
    server = OwnPostgreSQL(tmp_path, name="db-2", follows=primary)
    yield server
    server.close()


def run(server: OwnPostgreSQL, statement: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(statement)


def test_replica_and_its_lag_are_told(data_dir: Path, primary: OwnPostgreSQL, replica: OwnPostgreSQL) -> None:
    running = start(data_dir, database_url=primary.url)

    def replica_node() -> dict[str, Any] | None:
        status = request(running, data_dir, "/cluster-status").json()["services"]["db"]
        found: dict[str, Any] | None = status["nodes"].get("db-2")
        assert found is None or status["status"] == ("OK" if found["status"] == "OK" else "Degraded")
        return found

    def lag() -> int:
        [listed] = [
            each for each in request(running, data_dir, "/db-nodes").json()["items"] if each["name"].startswith("db-2")
        ]
        return int(listed["lag"])

    wait_until(lambda: (replica_node() or {}).get("status") == "OK")
    run(replica, "SELECT pg_wal_replay_pause()")
    run(primary, WRITE)
    wait_until(lambda: (replica_node() or {}).get("status") == "Degraded")
    behind = lag()
    assert behind > 64 * 1024**2
    [failure] = (replica_node() or {})["failures"]
    assert failure.startswith("replay_lag_bytes is ")
    run(replica, "SELECT pg_wal_replay_resume()")
    wait_until(lambda: (replica_node() or {}).get("status") == "OK")
    assert lag() < behind
    replica.interrupt()
    wait_until(lambda: replica_node() is None)

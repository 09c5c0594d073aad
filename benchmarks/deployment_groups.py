"""Speed of making many deployments in a group on the embedded manager, beside a bare insertion of the same rows.

    python benchmarks/deployment_groups.py [--database URL] [--count N] [--batch N] [--workers N]

The times are those of a client: until the requests are answered, and until every deployment has its environment. The
bare insertion is one transaction.
"""

import argparse
import io
import json
import tarfile
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import requests
from sqlalchemy import delete, select

from cfy_cli.manager import control
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store.bulk import BulkStatement
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.store.models import (
    Base,
    Deployment,
    DeploymentGroupMember,
    DeploymentLabel,
    Event,
    Execution,
    Node,
    NodeInstance,
)

BLUEPRINT = b"""tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs: {port: {type: integer, default: 80}}
node_templates:
  host: {type: cloudify.nodes.Root}
  app:
    type: cloudify.nodes.Root
    relationships: [{type: cloudify.relationships.contained_in, target: host}]
outputs: {port: {value: {get_input: port}}}
"""
MODELS = (Deployment, DeploymentLabel, DeploymentGroupMember, Execution, Event, Node, NodeInstance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="", help="postgresql://...; SQLite otherwise")
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=1000, help="deployments that one request makes, as in the command")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        settings = ManagerSettings(data_dir, database_url=args.database, workers=args.workers)
        running = control.start(settings)
        memory = Memory([running.server, *running.workers])
        try:
            login = json.loads((data_dir / "admin.json").read_text())
            api = Api(running.url, (login["username"], login["password"]))
            answered, made = api.make_deployments(args.count, args.batch)
            peak = memory.stop()
        finally:
            control.stop(data_dir)
        insertion = insert_again(Database(settings.database))
    print(f"{args.count} deployments: answered in {answered:.1f} s, all environments made after {made:.1f} s")
    print(f"{args.count / made:.0f}/s; peak of server and workers: {[*map(round, peak)]} MB")
    print(f"bare insertion of the same rows: {insertion:.2f} s; ratio {made / insertion:.1f}")


class Memory:
    """The largest resident sizes of processes, in MB, as a thread sees them."""

    def __init__(self, pids: list[int]) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self._peak = [0.0] * len(pids)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def stop(self) -> list[float]:
        self._stopped.set()
        self._thread.join()
        return self._peak

    def _look(self) -> None:
        while not self._stopped.wait(0.1):
            sizes = [process.memory_info().rss / 1024**2 for process in self._processes]
            self._peak = [max(pair) for pair in zip(self._peak, sizes, strict=True)]


class Api:
    def __init__(self, url: str, login: tuple[str, str]) -> None:
        self._url, self._session = f"{url}/api/v3.1", requests.Session()
        self._session.auth = login

    def request(self, method: str, path: str, **options: Any) -> Any:
        answer = self._session.request(method, self._url + path, timeout=600, **options)
        if not answer.ok:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def make_deployments(self, count: int, batch: int) -> tuple[float, float]:
        """Return the seconds until all requests were answered, and until all environments were made."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            member = tarfile.TarInfo("app/blueprint.yaml")
            member.size = len(BLUEPRINT)
            tar.addfile(member, io.BytesIO(BLUEPRINT))
        self.request("PUT", "/blueprints/app", data=archive.getvalue())
        while self.request("GET", "/blueprints/app")["state"] != "uploaded":
            time.sleep(0.1)
        self.request("PUT", "/deployment-groups/g", json={"blueprint_id": "app", "labels": [{"env": "prod"}]})
        started_at = time.perf_counter()
        for start in range(0, count, batch):
            new: list[dict[str, str]] = [{}] * min(batch, count - start)
            self.request("PATCH", "/deployment-groups/g", json={"add": {"new_deployments": new}})
        answered = time.perf_counter() - started_at
        # Nothing but the manager should work meanwhile, so one number is asked for at a time.
        ended = "/executions?workflow_id=create_deployment_environment&status=terminated&_size=1&_include=id"
        while self.request("GET", ended)["metadata"]["pagination"]["total"] < count:
            time.sleep(0.3)
        return answered, time.perf_counter() - started_at


def insert_again(database: Database) -> float:
    """Return the seconds for inserting the rows once more, after they were deleted."""
    rows: dict[type[Base], list[dict[str, Any]]] = {}
    with database.read() as session:
        for model in MODELS:
            rows[model] = [dict(row) for row in session.execute(select(model.__table__)).mappings()]
    with database.write() as session:
        for model in reversed(MODELS):
            session.connection().execute(delete(model.__table__))
    started_at = time.perf_counter()
    with database.write() as session:
        for model, of_model in rows.items():
            statement = BulkStatement(model.__table__.insert().inline(), model.__table__.columns.keys())
            statement.execute(session.connection(), of_model)
    return time.perf_counter() - started_at


if __name__ == "__main__":
    main()

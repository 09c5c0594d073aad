"""Speed of an execution group on the embedded manager, beside a bare insertion of the rows that it leaves.

    python benchmarks/execution_groups.py [--database URL] [--executions N] [--concurrency N] [--workers N]

The executions run a workflow on deployments without nodes, so they do nothing. The time is that of a client: from the
request until the group has ended, with all executions and events stored. The bare insertion is one transaction.
"""

import argparse
import io
import json
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import requests
from sqlalchemy import select

from cfy_cli.manager import control
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store.bulk import BulkStatement
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.store.models import Event, Execution

BLUEPRINT = b"tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml]\nnode_templates: {}\n"
BATCH = 1000  # deployments that one request makes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="", help="postgresql://...; SQLite otherwise")
    parser.add_argument("--executions", type=int, default=5000)
    parser.add_argument("--concurrency", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        settings = ManagerSettings(data_dir, database_url=args.database, workers=args.workers)
        running = control.start(settings)
        try:
            login = json.loads((data_dir / "admin.json").read_text())
            api = Api(running.url, (login["username"], login["password"]))
            print(f"{args.executions} environments made in {api.make_deployments(args.executions):.1f} s")
            processes = [psutil.Process(pid) for pid in (running.server, *running.workers)]
            spent = measure_cpu(processes)
            answered, ended = api.run_group(args.concurrency)
            spent = measure_cpu(processes) - spent
            memory = [process.memory_info().rss / 1024**2 for process in processes]
        finally:
            control.stop(data_dir)
        insertion = insert_again(Database(settings.database))
    print(f"the group was started in {answered:.2f} s")
    print(
        f"{args.executions} executions in {ended:.1f} s: {args.executions / ended:.0f}/s; MB: {[*map(round, memory)]}"
    )
    print(f"processor time: {1000 * spent / args.executions:.1f} ms for each")
    print(f"bare insertion of its executions and events: {insertion:.2f} s; ratio {ended / insertion:.0f}")


def measure_cpu(processes: list[psutil.Process]) -> float:
    """Return the seconds of processor time that the processes have used."""
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


class Api:
    def __init__(self, url: str, login: tuple[str, str]) -> None:
        self._url, self._session = f"{url}/api/v3.1", requests.Session()
        self._session.auth = login

    def request(self, method: str, path: str, **options: Any) -> Any:
        answer = self._session.request(method, self._url + path, timeout=600, **options)
        if not answer.ok:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def make_deployments(self, count: int) -> float:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            member = tarfile.TarInfo("app/blueprint.yaml")
            member.size = len(BLUEPRINT)
            tar.addfile(member, io.BytesIO(BLUEPRINT))
        self.request("PUT", "/blueprints/app", data=archive.getvalue())
        while self.request("GET", "/blueprints/app")["state"] != "uploaded":
            time.sleep(0.1)
        started_at = time.perf_counter()
        self.request("PUT", "/deployment-groups/g", json={"blueprint_id": "app"})
        for start in range(0, count, BATCH):
            new: list[dict[str, str]] = [{}] * min(BATCH, count - start)
            self.request("PATCH", "/deployment-groups/g", json={"add": {"new_deployments": new}})
        for group in self.request("GET", "/execution-groups?_include=id")["items"]:
            self.wait_for_group(group["id"])
        return time.perf_counter() - started_at

    def run_group(self, concurrency: int) -> tuple[float, float]:
        """Return the seconds until the request was answered and until the group has ended."""
        started_at = time.perf_counter()
        body = {"deployment_group_id": "g", "workflow_id": "install", "concurrency": concurrency}
        group = self.request("POST", "/execution-groups?_include=id", json=body)["id"]
        answered = time.perf_counter() - started_at
        self.wait_for_group(group)
        return answered, time.perf_counter() - started_at

    def wait_for_group(self, group_id: str) -> None:
        path = f"/execution-groups/{group_id}?_include=status"
        while (status := self.request("GET", path)["status"]) not in ("terminated", "failed"):
            time.sleep(0.2)
        if status == "failed":
            raise SystemExit(f"the execution group {group_id} failed")


def insert_again(database: Database) -> float:
    """Return the seconds for inserting the executions of the workflow and their events once more."""
    with database.read() as session:
        found = {
            model: session.execute(select(model.__table__).where(condition)).mappings().all()
            for model, condition in (
                (Execution, Execution.workflow_id == "install"),
                (Event, Event.storage_id > 0),
            )
        }
    changed = {Execution: lambda row: {**row, "id": row["id"][:-1] + "x"}, Event: dict}
    rows = {model: [changed[model](row) for row in found[model]] for model in found}
    started_at = time.perf_counter()
    with database.write() as session:
        for model, of_model in rows.items():
            BulkStatement.insert(model).execute(session.connection(), of_model)
    return time.perf_counter() - started_at


if __name__ == "__main__":
    main()

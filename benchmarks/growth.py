"""Memory, threads and open files of an embedded manager over many executions.

    python benchmarks/growth.py [--database URL] [--executions N]

Each execution runs one script on one node instance. The first tenth warms the processes up; what counts is the growth
after it.
"""

import argparse
import io
import json
import tarfile
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

from cfy_cli.manager import control
from cfy_cli.manager.settings import ManagerSettings

CLIENTS = 8
STEPS = 10
FILES = {
    "blueprint.yaml": """tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  n:
    type: cloudify.nodes.Root
    interfaces: {own: {touch: {implementation: touch.sh}}}
""",
    "touch.sh": "#!/bin/sh\nexit 0\n",
}


@dataclass(frozen=True)
class Sample:
    """The sum over all processes of the manager; memory in MiB."""

    memory: float
    threads: int
    files: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="", help="postgresql://...; SQLite otherwise")
    parser.add_argument("--executions", type=int, default=5000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        running = control.start(ManagerSettings(data_dir, database_url=arguments.database, workers=2))
        try:
            login = json.loads((data_dir / "admin.json").read_text())
            api = Api(running.url, (login["username"], login["password"]))
            api.deploy()
            samples = []
            for step in range(1, STEPS + 1):
                started = time.perf_counter()
                with ThreadPoolExecutor(CLIENTS) as pool:
                    list(pool.map(api.run, range(arguments.executions // STEPS)))
                rate = arguments.executions / STEPS / (time.perf_counter() - started)
                samples.append(sample((running.pid, running.server, *running.workers)))
                print(f"{arguments.executions * step // STEPS:6} executions, {rate:5.1f}/s: {samples[-1]}", flush=True)
        finally:
            control.stop(data_dir)
    report(samples)


class Api:
    def __init__(self, url: str, login: tuple[str, str]) -> None:
        self._url, self._login = f"{url}/api/v3.1", login

    def request(self, method: str, path: str, **options: object) -> requests.Response:
        answer = requests.request(method, self._url + path, auth=self._login, timeout=600, **options)
        answer.raise_for_status()
        return answer

    def deploy(self) -> None:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            for name, text in FILES.items():
                member = tarfile.TarInfo(f"app/{name}")
                member.size = len(text)
                tar.addfile(member, io.BytesIO(text.encode()))
        self.request("PUT", "/blueprints/app", data=archive.getvalue())
        for client in range(CLIENTS):
            self.request("PUT", f"/deployments/d{client}", json={"blueprint_id": "app"})

    def run(self, number: int) -> None:
        """Run one execution to its end, on a deployment that no other client uses at the same time."""
        parameters = {"operation": "own.touch", "operation_kwargs": {}}
        body = {
            "deployment_id": f"d{number % CLIENTS}",
            "workflow_id": "execute_operation",
            "parameters": parameters,
            "queue": True,
        }
        execution = self.request("POST", "/executions", json=body).json()["id"]
        while True:
            status = self.request("GET", f"/executions/{execution}").json()["status"]
            if status in ("terminated", "failed", "cancelled"):
                assert status == "terminated", status
                return
            time.sleep(0.05)


def sample(pids: Sequence[int]) -> Sample:
    processes = [psutil.Process(pid) for pid in pids]
    return Sample(
        round(sum(process.memory_info().rss for process in processes) / 1024**2, 1),
        sum(process.num_threads() for process in processes),
        sum(process.num_fds() for process in processes),
    )


def report(samples: Sequence[Sample]) -> None:
    first, last = samples[0], samples[-1]
    print(
        f"growth after the first tenth: {last.memory - first.memory:+.1f} MiB ({last.memory / first.memory:.2f} times)"
    )
    print(f"threads {first.threads} -> {last.threads}, open files {first.files} -> {last.files}")


if __name__ == "__main__":
    main()

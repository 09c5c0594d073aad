"""Speed of executions on the embedded manager, compared with a bare thread pool in the same run.

    python benchmarks/engine.py [--database URL] [--operations N] [--peer PYTHON]

All times are those of a client: an execution takes from its request until its end is seen, with its journal and all
its events stored. Scripts are compared with a bare pool of eight threads that start the same program. `--peer` names a
Python with `cloudify-common[dispatcher]`, the public local engine, which does the same work and stores nothing.
"""

import argparse
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from cfy_cli.dsl import bundled
from cfy_cli.manager import control
from cfy_cli.manager.settings import ManagerSettings

CONCURRENCY = 8  # operations of an execution at once
HEAD = "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml]\n"
TYPED = """
node_types:
  one:
    derived_from: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle: {{create: {{implementation: {implementation}, max_retries: 0}}}}
node_templates:
  n: {{type: one, capabilities: {{scalable: {{properties: {{default_instances: {count}}}}}}}}}
"""
NOTHING = "agent.cloudify_agent.operations.nothing"
THREE_CALLS = """#!/bin/bash
id=$(ctx instance id)
ctx instance runtime-properties me "$id"
[ "$(ctx instance runtime-properties me)" = "$id" ]
"""
CREATE = "cloudify.interfaces.lifecycle.create"
PEER = Path(__file__).with_name("peer_engine.py")
PEER_PLUGIN = "plugins: {beside: {executor: central_deployment_agent, install: false}}\n"
FILES = {"exit.sh": "#!/bin/sh\nexit 0\n", "ctx.sh": THREE_CALLS}


class Api:
    def __init__(self, url: str, data_dir: Path) -> None:
        login = json.loads((data_dir / "admin.json").read_text())
        self._session = requests.Session()
        self._session.auth = (login["username"], login["password"])
        self._url = f"{url}/api/v3.1"

    def request(self, method: str, path: str, **options: Any) -> Any:
        response = self._session.request(method, self._url + path, timeout=600, **options)
        response.raise_for_status()
        return response.json() if response.content else None

    def upload(self, name: str, blueprint: str) -> None:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            for path, text in {"blueprint.yaml": blueprint, **FILES}.items():
                member = tarfile.TarInfo(f"app/{path}")
                member.size = len(text.encode())
                tar.addfile(member, io.BytesIO(text.encode()))
        self.request("PUT", f"/blueprints/{name}", data=archive.getvalue())
        self.wait_for(f"/blueprints/{name}", "state", "uploaded")

    def deploy(self, name: str, blueprint: str) -> None:
        self.request("PUT", f"/deployments/{name}", json={"blueprint_id": blueprint})

    def execute(self, name: str, workflow: str, **parameters: Any) -> tuple[str, float]:
        """Return the id of the execution, and the seconds from its request to its end."""
        started_at = time.perf_counter()
        body = {"deployment_id": name, "workflow_id": workflow, "parameters": parameters}
        execution = self.request("POST", "/executions", json=body)["id"]
        self.wait_for(f"/executions/{execution}", "status", "terminated")
        return execution, time.perf_counter() - started_at

    def wait_for(self, path: str, field: str, expected: str) -> None:
        while (item := self.request("GET", path))[field] != expected:
            if item[field].startswith(("failed", "invalid", "cancelled")):
                raise SystemExit(f"{path}: {item[field]}: {item.get('error')}")
            time.sleep(0.02)

    def count(self, path: str) -> int:
        return int(self.request("GET", f"{path}&_size=0")["metadata"]["pagination"]["total"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="", help="postgresql://...; SQLite otherwise")
    parser.add_argument(
        "--operations", type=int, default=2000, help="number of operations without action; a fifth as many scripts"
    )
    parser.add_argument("--peer", help="a Python with the public local engine")
    args = parser.parse_args()
    scripts = args.operations // 5
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        running = control.start(ManagerSettings(data_dir, database_url=args.database, workers=1))
        try:
            api = Api(running.url, data_dir)
            if args.peer:
                run_peer(args.peer, args.operations)
            nothing = run_operations(api, "nothing", NOTHING, args.operations)
            print(
                f"operations that do nothing: {nothing:.0f}/s; a bare pool: {run_bare_pool(lambda: None, 20_000):.0f}/s"
            )
            baseline = run_bare_pool(lambda: subprocess.run(["/bin/sh", "-c", "exit 0"], check=True), scripts)
            empty = run_operations(api, "empty", "exit.sh", scripts)
            print(
                f"scripts that exit at once: {empty:.0f}/s; a bare pool: {baseline:.0f}/s; ratio {empty / baseline:.2f}"
            )
            print(f"scripts with three ctx calls: {run_operations(api, 'three', 'ctx.sh', scripts // 2):.0f}/s")
            install_thousand_nodes(api, running.workers[0])
            create_environments(api)
        finally:
            control.stop(data_dir)


def run_operations(api: Api, name: str, implementation: str, count: int) -> float:
    api.upload(name, HEAD + TYPED.format(implementation=implementation, count=count))
    api.deploy(name, name)
    execution, seconds = api.execute(name, "execute_operation", operation=CREATE)
    stored = api.count(f"/operations?execution_id={execution}&type=RemoteWorkflowTask&state=succeeded")
    assert stored == count, f"{stored} of {count} are stored in the journal"
    return count / seconds


def run_peer(python: str, count: int) -> None:
    """Run the same operations with the public local engine, and fewer scripts, as it takes long for them."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {**FILES, "nothing.py": "def nothing(**_):\n    pass\n"}.items():
            (Path(folder) / name).write_text(text)
        shutil.copytree(bundled.FOLDER, Path(folder) / "cloudify" / "types")
        for label, implementation, number in (
            ("operations that do nothing", "beside.nothing.nothing", count),
            ("scripts that exit at once", "exit.sh", count // 20),
            ("scripts with three ctx calls", "ctx.sh", count // 50),
        ):
            blueprint = Path(folder) / "blueprint.yaml"
            blueprint.write_text(HEAD + PEER_PLUGIN + TYPED.format(implementation=implementation, count=number))
            command = [python, str(PEER), str(blueprint), CREATE, str(CONCURRENCY)]
            process = subprocess.run(command, capture_output=True, text=True, check=False)
            speed = f"{number / float(process.stdout.split()[-1]):.0f}/s" if not process.returncode else "it fails"
            print(f"the peer, {label}: {speed}")


def run_bare_pool(job: Callable[[], object], count: int) -> float:
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        started_at = time.perf_counter()
        for future in [pool.submit(job) for _ in range(count)]:
            future.result()
        return count / (time.perf_counter() - started_at)


def install_thousand_nodes(api: Api, worker: int) -> None:
    nodes = "".join(f"  n{number}: {{type: cloudify.nodes.Root}}\n" for number in range(1000))
    api.upload("thousand", f"{HEAD}node_templates:\n{nodes}")
    api.deploy("thousand", "thousand")
    execution, seconds = api.execute("thousand", "install")
    stored = api.count(f"/events?execution_id={execution}&include_logs=true")
    status = Path(f"/proc/{worker}/status").read_text()
    peak = next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    print(f"1,000 nodes without operations: {seconds:.2f} s, {stored} events stored, the worker's peak {peak} MB")


def create_environments(api: Api, count: int = 200) -> None:
    nodes = "".join(f"  n{number}: {{type: cloudify.nodes.Root}}\n" for number in range(3))
    api.upload("small", f"{HEAD}node_templates:\n{nodes}")
    started_at = time.perf_counter()
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        list(pool.map(lambda number: api.deploy(f"small-{number}", "small"), range(count)))
    print(f"environments of three nodes: {count / (time.perf_counter() - started_at):.0f}/s")


if __name__ == "__main__":
    main()

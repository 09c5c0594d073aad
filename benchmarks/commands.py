"""CPU time and memory of commands against a fake manager, compared with `import click` and with another program."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    words: tuple[str, ...]
    rows: int = 0  # deployments or events that the manager has
    max_seconds: float | None = None
    max_mebibytes: float | None = None
    max_ratio: float | None = None  # to the time of the baseline
    environment: Mapping[str, str] = field(default_factory=dict)


CASES = (
    Case("--version", ("--version",), max_ratio=1.5),
    Case("--help", ("--help",), max_ratio=1.5),
    Case("deployments create --help", ("deployments", "create", "--help"), max_ratio=1.8),
    Case("profiles list", ("profiles", "list"), max_ratio=2.5),
    Case("dep<TAB>", (), max_ratio=1.5,
         environment={"_CFY_COMPLETE": "bash_complete", "COMP_WORDS": "cfy dep", "COMP_CWORD": "1"}),
    Case("deployments list, 1,000", ("deployments", "list"), 1000, 0.35, 40),
    Case("deployments list, 10,000", ("deployments", "list"), 10000, 1.5, 80),
    Case("deployments list, 10,000, csv", ("deployments", "list", "--format", "csv"), 10000, 1.5, 80),
    Case("events list, 10,000", ("events", "list", "e1"), 10000, 0.45),
)  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """Answers lists of the server's rows by pages, with the fields that the request includes."""

    protocol_version = "HTTP/1.1"
    server: "FakeManager"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        name = parts.path.rpartition("/api/v3.1/")[2]
        self._send(self.server.page(name, parse_qs(parts.query)))

    def do_PUT(self) -> None:
        remaining = int(self.headers.get("Content-Length") or 0)
        while remaining > 0:
            remaining -= len(self.rfile.read(min(remaining, MIB)))
        self._send(b'{"id": "big", "state": "uploading"}')

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None: ...


class FakeManager(ThreadingHTTPServer):
    daemon_threads = True
    rows = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self._pages: dict[str, bytes] = {}

    def page(self, name: str, query: Mapping[str, list[str]]) -> bytes:
        key = f"{self.rows} {name} {sorted(query.items())}"
        if key not in self._pages:
            self._pages[key] = self._build(name, query)
        return self._pages[key]

    def _build(self, name: str, query: Mapping[str, list[str]]) -> bytes:
        if name not in ("deployments", "events"):
            return json.dumps(
                {
                    "id": "e1",
                    "status": "terminated",
                    "version": "7.0.5",
                    "edition": "premium",
                    "items": [],
                    "metadata": {},
                }
            ).encode()
        offset, size = (int(query.get(key, [str(default)])[0]) for key, default in (("_offset", 0), ("_size", 1000)))
        build_item = _deployment if name == "deployments" else _event
        items = [build_item(number) for number in range(offset, min(offset + size, self.rows))]
        include = query.get("_include", [""])[0].split(",")
        if include != [""]:
            items = [{key: value for key, value in item.items() if key in include} for item in items]
        pagination = {"total": self.rows, "offset": offset, "size": size}
        return json.dumps({"items": items, "metadata": {"pagination": pagination, "filtered": None}}).encode()


def _deployment(number: int) -> dict[str, Any]:
    name = f"deployment-{number:05}"
    workflows = [
        {"name": f"workflow{index}", "plugin": "p", "parameters": {"a": {"default": "x" * 200}}} for index in range(20)
    ]
    return {
        "id": name, "display_name": name, "blueprint_id": "web", "created_at": "2026-11-23T12:59:27.123Z",
        "updated_at": "2026-11-23T12:59:27.123Z", "visibility": "tenant", "tenant_name": "default_tenant",
        "created_by": "admin", "site_name": None, "labels": [], "deployment_status": "good",
        "installation_status": "active", "workflows": workflows, "inputs": {"text": "y" * 4000},
    }  # fmt: skip


def _event(number: int) -> dict[str, Any]:
    timestamp = f"2026-11-23T12:{number // 600 % 60:02}:{number // 10 % 60:02}.{number % 1000:03}Z"
    return {
        "_storage_id": number, "type": "cloudify_event", "event_type": "task_started", "deployment_id": "dep",
        "execution_id": "e1", "execution_group_id": None, "node_instance_id": "web_x1", "operation": "a.b.create",
        "reported_timestamp": timestamp, "timestamp": timestamp, "message": "Task started",
        "error_causes": None, "level": None,
    }  # fmt: skip


def measure_run(command: tuple[str, ...], environment: Mapping[str, str]) -> tuple[float, float]:
    """Return user and system time in seconds and the peak of memory in MiB. Raises RuntimeError if the run fails."""
    script = (
        "import json, resource, subprocess, sys; process = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(json.dumps([process.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))"
    )
    run = subprocess.run(
        [sys.executable, "-S", "-E", "-c", script, *command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    code, seconds, mebibytes = json.loads(run.stdout)
    if code:
        raise RuntimeError(f"`{' '.join(command)}` ended with {code}: {run.stderr}")
    return seconds, mebibytes


@contextmanager
def user_environment(port: int) -> Iterator[dict[str, str]]:
    """Yield environment variables of a user whose profile names the fake manager."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("CFY_", "CLOUDIFY_", "PYTHON"))
    }
    with tempfile.TemporaryDirectory() as home:
        profile = Path(home, ".cloudify/profiles/here/context.json")
        profile.parent.mkdir(parents=True)
        context = {"manager_ip": "127.0.0.1", "rest_port": port, "rest_protocol": "http", "manager_username": "admin",
                   "manager_password": "x", "manager_tenant": "default_tenant", "cluster": {}}  # fmt: skip
        profile.write_text(json.dumps(context), "utf-8")
        Path(home, ".cloudify/active.profile").write_text("here", "utf-8")
        yield {**inherited, "HOME": home, "CFY_WORKDIR": home, "CFY_AUTOSTART": "0", "NO_PROXY": "127.0.0.1"}


def measure(server: FakeManager, programs: Mapping[str, str], environment: Mapping[str, str], runs: int) -> None:
    python = str(Path(programs["cfy"]).parent / "python")
    baseline = min(measure_run((python, "-c", "import click"), environment)[0] for _ in range(runs + 1))
    print(f"{'user + system time, best of ' + str(runs):36}{'':10}{'seconds':>9}{'MiB':>8}{'ratio':>8}   limit")
    print(f"{'import click':46}{baseline:9.3f}")
    for case in CASES:
        server.rows = case.rows
        for label, program in programs.items():
            if label != "cfy" and case.environment:
                continue  # the other program completes in another way
            settings = {**environment, **case.environment}
            try:
                attempts = [measure_run((program, *case.words), settings) for _ in range(runs if label == "cfy" else 1)]
            except RuntimeError as error:
                print(f"{case.name:36}{label:10}{str(error).splitlines()[-1][:60]}")
                continue
            seconds, mebibytes = (min(values) for values in zip(*attempts, strict=True))
            limits = ", ".join(
                text
                for limit, text in (
                    (case.max_ratio, f"{case.max_ratio}x"), (case.max_seconds, f"{case.max_seconds} s"),
                    (case.max_mebibytes, f"{case.max_mebibytes} MiB"),
                )
                if limit
            )  # fmt: skip
            print(f"{case.name:36}{label:10}{seconds:9.3f}{mebibytes:8.0f}{seconds / baseline:8.2f}   {limits}")


def upload(program: str, environment: Mapping[str, str], size: int) -> None:
    """Upload a sparse file that begins as a tar archive, to see how much of it is in memory at a time."""
    import io
    import tarfile

    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "big.tar")
        with tarfile.open(archive, "w") as tar:
            text = b"tosca_definitions_version: cloudify_dsl_1_4\n"
            member = tarfile.TarInfo("app/blueprint.yaml")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
        with archive.open("r+b") as file:
            file.truncate(size)
        seconds, mebibytes = measure_run(
            (program, "blueprints", "upload", str(archive), "-b", "big", "-a"), environment
        )
    print(f"{f'upload of {size // MIB} MiB':36}{'cfy':10}{seconds:9.3f}{mebibytes:8.0f}{'':8}   64 MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cfy", default=str(Path(sys.executable).parent / "cfy"), help="(default: %(default)s)")
    parser.add_argument("--peer", help="another program that takes the same commands, to compare with")
    parser.add_argument(
        "--runs", type=int, default=10, help="number of runs; the best one counts (default: %(default)s)"
    )
    parser.add_argument("--upload-mib", type=int, default=1024, help="(default: %(default)s)")
    args = parser.parse_args()
    programs = {"cfy": args.cfy} | ({"peer": args.peer} if args.peer else {})
    server = FakeManager()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with user_environment(server.server_port) as environment:
        measure(server, programs, environment, args.runs)
        upload(args.cfy, environment, args.upload_mib * MIB)
    server.shutdown()


if __name__ == "__main__":
    main()

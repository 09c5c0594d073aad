"""The engine's tests on Celery: an operations worker in a process of its own, and records that it calls over HTTP."""

import itertools
import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from cfy_cli.agent.files import SharedFiles
from cfy_cli.agent.records import ApiRecords
from cfy_cli.agent.worker import CONCURRENCY, run
from cfy_cli.manager.engine.broker.celery_settings import MANAGER_QUEUE
from cfy_cli.manager.engine.broker.client import BrokerClient
from cfy_cli.manager.engine.broker.executor import CeleryExecutor
from cfy_cli.manager.engine.broker.record_calls import answer
from cfy_cli.manager.engine.executor import LocalExecutor
from cfy_cli.manager.engine.ports import Job, OutcomeCallback, Records
from cfy_cli.manager.engine.tasks import Attempt

RUNS = itertools.count()
ROOT = Path("/")  # of the paths in messages: the worker sees the same files


class _NamedThreads(ThreadingHTTPServer):
    """A server whose threads are told from those of executions."""

    def process_request(self, request: Any, client_address: Any) -> None:
        arguments = (request, client_address)
        threading.Thread(target=self.process_request_thread, args=arguments, name="records", daemon=True).start()


class RecordsServer:
    """The records of the operations that were sent, as a manager serves them."""

    def __init__(self) -> None:
        self.records: dict[str, Records] = {}
        self.calls: list[tuple[str, str]] = []  # the operation and the method
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                operation_id = unquote(self.path.split("/")[-2])
                call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                records = outer.records.get(operation_id)
                outer.calls.append((operation_id, call["method"]))
                if records is None:
                    self.send_error(404)
                    return
                is_of_manager = call["method"] in ("begin", "runner")
                answered = {} if is_of_manager else answer(records, call["method"], call["arguments"])
                content = json.dumps(answered).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_arguments: object) -> None: ...

        self._server = _NamedThreads(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, name="records", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class StoryExecutor(CeleryExecutor):
    """Lets the worker reach the records of what it submits."""

    def __init__(self, server: RecordsServer, job: Job, records: Records, client: BrokerClient, local: Any) -> None:
        super().__init__(job, records, client, local, ROOT)
        self._server = server
        # All tests have the same execution id: another spelling of the folder keeps the worker from reusing its copies.
        self._job_message["workdir"] = "./" * next(RUNS) + self._job_message["workdir"]

    def submit(self, attempt: Attempt, operation_id: str, report: OutcomeCallback) -> None:
        self._server.records[operation_id] = self._records
        super().submit(attempt, operation_id or uuid.uuid4().hex, report)


class CeleryStories:
    """Operations workers, and executors for them."""

    def __init__(self, broker: str, workers: int) -> None:
        self.server = RecordsServer()
        command = [sys.executable, "-m", __name__, broker, self.server.url, str(CONCURRENCY // workers)]
        self._workers = [subprocess.Popen(command) for _ in range(workers)]
        self.client = BrokerClient(broker)

    def create_executor(self, job: Job, records: Records, *more: Any) -> StoryExecutor:
        return StoryExecutor(self.server, job, records, self.client, LocalExecutor(job, records, *more))

    def close(self) -> None:
        for worker in self._workers:
            worker.kill()
            worker.wait()
        self.client.close()
        self.server.close()


@contextmanager
def started(broker: str, workers: int = 1) -> Iterator[CeleryStories]:
    stories = CeleryStories(broker, workers)
    try:
        yield stories
    finally:
        stories.close()


def main() -> None:
    broker, url, concurrency = sys.argv[1:]
    ApiRecords.has_agents = lambda _records: False  # type: ignore[method-assign]  # as the records of these tests
    name = f"stories-{time.time_ns()}"
    run(broker, [MANAGER_QUEUE], url, "", SharedFiles(ROOT), name=name, concurrency=int(concurrency))


if __name__ == "__main__":
    main()

"""Operations through Celery, beside a bare Celery task and the local executor, in one run.

    CFY_TEST_RABBITMQ=amqp://guest:guest@127.0.0.1:5672 python -m benchmarks.celery_executor [OPERATIONS] [SCRIPTS]

The broker has the virtual host `cfy0`, as `.ci/brokers` makes it. An operation that does nothing is one of an agent.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from celery import Celery

from cfy_cli.manager.engine import run
from cfy_cli.manager.engine.broker.celery_settings import create_app, operation_queue
from cfy_cli.manager.engine.executor import LocalExecutor
from cfy_cli.manager.engine.run import run_workflow
from tests.engine.celery_executor import started
from tests.engine.deployment import Deployment, node, operation
from tests.engine.journal import MemoryJournal

BROKER = f"{os.environ['CFY_TEST_RABBITMQ']}/cfy0"
BARE_QUEUE = "bare"
IN_FLIGHT = 64  # operations, as of 8 executions


def bare_app() -> Celery:
    app = create_app(BROKER)
    app.conf.task_queues = [operation_queue(BARE_QUEUE)]
    app.task(name="bare")(bare)
    return app


def bare(message: dict[str, str]) -> dict[str, str]:
    return message


def work() -> None:
    """Run bare tasks."""
    from cfy_cli.agent.worker import CONCURRENCY, OperationThreads

    worker = bare_app().Worker(
        hostname="bare@benchmark", queues=[BARE_QUEUE], pool_cls=OperationThreads, concurrency=CONCURRENCY,
        without_gossip=True, without_mingle=True, loglevel="WARNING", quiet=True,
    )  # fmt: skip
    worker.start()


def measure(name: str, count: int, action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    rate = count / (time.perf_counter() - begun)
    print(f"{name:<40} {rate:8.0f}/s", flush=True)
    return rate


def run_bare(app: Celery, count: int) -> None:
    task = app.tasks["bare"]
    results = [task.apply_async(({"word": "x"},), queue=BARE_QUEUE) for _ in range(count)]
    for result in results:
        result.get(timeout=60)


def install(count: int, plan: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        deployed = Deployment(Path(folder), node("a", {"create": plan}, count=count))
        ended = run_workflow(
            deployed.job("execute_operation", operation="cloudify.interfaces.lifecycle.create"),
            deployed.records,
            MemoryJournal(deployed.records),
            concurrency=IN_FLIGHT,
        )
        assert ended.state == "terminated", ended


def main(operations: int = 3000, scripts: int = 400) -> None:
    nothing, script = operation(plugin="agent", function="agent.none"), operation(source="#!/bin/bash\ntrue")
    bare_worker = subprocess.Popen([sys.executable, "-m", "benchmarks.celery_executor", "work"])
    try:
        app = bare_app()
        run_bare(app, 50)
        plain = measure("bare tasks", operations, lambda: run_bare(app, operations))
    finally:
        bare_worker.kill()
    local = measure("scripts on the local executor", scripts, lambda: install(scripts, script))
    with started(BROKER) as stories:
        run.LocalExecutor = stories.create_executor  # type: ignore[assignment, misc]
        install(50, nothing)
        empty = measure("operations that do nothing", operations, lambda: install(operations, nothing))
        install(20, script)
        remote = measure("scripts on Celery", scripts, lambda: install(scripts, script))
        run.LocalExecutor = LocalExecutor  # type: ignore[misc]
    print(f"nothing: {empty / plain:.2f} of bare tasks; scripts: {remote / local:.2f} of the local executor")


if __name__ == "__main__":
    if sys.argv[1:] == ["work"]:
        work()
    else:
        main(*map(int, sys.argv[1:]))

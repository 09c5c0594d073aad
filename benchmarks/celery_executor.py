"""Operations through Celery, beside a bare Celery task and the local executor, in one run.

    CFY_TEST_RABBITMQ=amqp://guest:guest@127.0.0.1:5672 python -m benchmarks.celery_executor [OPERATIONS] [SCRIPTS]

The broker has the virtual host `cfy0`, as `.ci/brokers` makes it. An operation that does nothing is one of an agent.
All four are measured in turn, in several rounds, and compared in each round: what else the machine does then counts for
all of them. The medians are printed. There is a worker for each processor, as of a manager. A bare task has the same
settings, one worker, since more of them are slower, and the results of Celery's own `rpc://`; all are sent, and their
results are taken as they come.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from celery import Celery
from celery.result import ResultSet

from cfy_cli.manager.engine import graph_runner, run
from cfy_cli.manager.engine.broker.celery_settings import create_app, operation_queue
from cfy_cli.manager.engine.executor import LocalExecutor
from cfy_cli.manager.engine.run import run_workflow
from cfy_cli.manager.settings import MAX_DEFAULT_WORKERS
from tests.engine.celery_executor import started
from tests.engine.deployment import Deployment, node, operation
from tests.engine.journal import MemoryJournal

BROKER = f"{os.environ['CFY_TEST_RABBITMQ']}/cfy0"
BARE_QUEUE = "bare"
ROUNDS = 7
WORKERS = min(MAX_DEFAULT_WORKERS, os.cpu_count() or 1)
IN_FLIGHT = 64  # operations, as of 8 executions


def bare_app() -> Celery:
    app = create_app(BROKER)
    app.conf.result_backend = "rpc://"
    app.conf.task_queues = [operation_queue(BARE_QUEUE)]
    app.task(name="bare")(bare)
    return app


def bare(message: dict[str, str]) -> dict[str, str]:
    return message


def work() -> None:
    """Run bare tasks."""
    from cfy_cli.agent.worker import CONCURRENCY, OperationThreads

    app = bare_app()
    app.conf.broker_pool_limit = 4  # with more connections, bare tasks are slower
    worker = app.Worker(
        hostname="bare@benchmark", queues=[BARE_QUEUE], pool_cls=OperationThreads, concurrency=CONCURRENCY,
        without_gossip=True, without_mingle=True, loglevel="WARNING", quiet=True,
    )  # fmt: skip
    worker.start()


def run_bare(app: Celery, count: int) -> None:
    task = app.tasks["bare"]
    results = ResultSet([task.apply_async(({"word": "x"},), queue=BARE_QUEUE) for _ in range(count)])
    results.join_native(timeout=60)


def install(count: int, plan: dict[str, object], executor: Callable[..., object]) -> None:
    run.LocalExecutor = executor  # type: ignore[assignment, misc]
    with tempfile.TemporaryDirectory() as folder:
        deployed = Deployment(Path(folder), node("a", {"create": plan}, count=count))
        ended = run_workflow(
            deployed.job("execute_operation", operation="cloudify.interfaces.lifecycle.create"),
            deployed.records,
            MemoryJournal(deployed.records),
            concurrency=IN_FLIGHT,
        )
        assert ended.state == "terminated", ended


def rate(count: int, action: Callable[[int], None]) -> float:
    begun = time.perf_counter()
    action(count)
    return count / (time.perf_counter() - begun)


def main(operations: int = 1000, scripts: int = 200) -> None:
    nothing, script = operation(plugin="agent", function="agent.none"), operation(source="#!/bin/bash\ntrue")
    bare_worker = subprocess.Popen([sys.executable, "-m", "benchmarks.celery_executor", "work"])
    app = bare_app()
    graph_runner.does_nothing = lambda *_: False  # else such an operation ends in the engine and is not sent
    try:
        with started(BROKER, WORKERS) as stories:
            remote = stories.create_executor
            measured: dict[str, tuple[int, Callable[[int], None]]] = {
                "bare tasks": (operations, lambda count: run_bare(app, count)),
                "operations that do nothing": (operations, lambda count: install(count, nothing, remote)),
                "scripts on the local executor": (scripts, lambda count: install(count, script, LocalExecutor)),
                "scripts on Celery": (scripts, lambda count: install(count, script, remote)),
            }
            for _, action in measured.values():
                action(50)
            rounds = [[rate(count, action) for count, action in measured.values()] for _ in range(ROUNDS)]
    finally:
        bare_worker.kill()
    for name, rates in zip(measured, zip(*rounds, strict=True), strict=True):
        print(f"{name:<32} {median(rates):6.0f}/s   ({min(rates):.0f} to {max(rates):.0f})")
    of_bare, of_local = (median(each[index + 1] / each[index] for each in rounds) for index in (0, 2))
    print(f"nothing: {of_bare:.2f} of bare tasks; scripts: {of_local:.2f} of the local executor")


if __name__ == "__main__":
    if sys.argv[1:] == ["work"]:
        work()
    else:
        main(*map(int, sys.argv[1:]))

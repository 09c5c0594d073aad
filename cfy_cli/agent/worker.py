"""The worker of Celery that runs operations: `run` is the whole program of a host's agent."""

import logging
import os
import socket
import time
import warnings
from collections.abc import Callable, Sequence
from typing import cast

from celery import Celery, Task, signals
from celery.concurrency.thread import TaskPool
from celery.exceptions import Ignore, Reject
from celery.platforms import SecurityWarning  # type: ignore[attr-defined]  # celery-types lacks it
from celery.worker.control import inspect_command

from cfy_cli.agent.connection import ManagerConnection
from cfy_cli.agent.files import FileSource
from cfy_cli.agent.running import OperationRunner, Stopped
from cfy_cli.contract.limits import active_limits
from cfy_cli.manager.engine import orphans
from cfy_cli.manager.engine.broker.asking import ask_workers
from cfy_cli.manager.engine.broker.celery_settings import FIND_COMMAND, OPERATION_TASK, create_app, operation_queue
from cfy_cli.manager.engine.broker.messages import OperationMessage, OutcomeMessage
from cfy_cli.manager.engine.context.server import shared_server
from cfy_cli.manager.engine.operation_user import OperationUser

log = logging.getLogger(__name__)
CONCURRENCY = 64  # operations on one machine at the same time; most wait for a process
RESULT_SHOWN = 1  # characters of a result that Celery formats for its events, each time
MAX_AGE = 10.0  # seconds that a message may be old, until the manager is asked whether it still waits for its end
PEER_TIMEOUT = 1.5  # seconds in which other workers answer


class OperationThreads(TaskPool):
    """Threads, since operations are processes of their own; a task that is revoked has its processes killed."""

    def terminate_job(self, pid: int, signal: int | None = None) -> None:
        """Leave it to the receiver of the signal `task_revoked`, which knows the task."""


def run(
    broker: str,
    queues: Sequence[str],
    manager_url: str | Callable[[], str],
    token: str,
    files: FileSource,
    *,
    name: str = "",
    user: OperationUser | None = None,
    concurrency: int = CONCURRENCY,
    ca_certificate: str = "",
    broker_ca_certificate: str = "",
    on_ready: Callable[[], object] = lambda: None,
) -> None:
    """Consume queues until a signal stops the process; what runs then is run by another worker.

    `manager_url` may be a function, which is asked again when no server answers. `name` is that of the worker among
    those of the broker, without the host; `on_ready` is called once it consumes.
    """
    name = f"{name or 'operations'}@{socket.gethostname()}"
    orphans.kill_of_worker(name)  # of one that was killed: others may run its operations by now
    os.environ[orphans.WORKER_VARIABLE] = name
    app = create_app(broker, broker_ca_certificate)
    app.conf.task_queues = [operation_queue(queue) for queue in queues]
    connection = ManagerConnection(manager_url, token, ca_certificate)
    runner = OperationRunner(connection, files, shared_server(active_limits()), user)
    _add_task(app, runner)
    signals.task_revoked.connect(lambda request, **_: runner.kill(request.id), weak=False)
    signals.worker_shutting_down.connect(lambda **_: runner.stop(), weak=False)
    signals.worker_ready.connect(lambda **_: on_ready(), weak=False)
    warnings.filterwarnings("ignore", category=SecurityWarning)  # where root runs it: only JSON is read
    worker = app.Worker(
        hostname=name,
        queues=list(queues),
        pool_cls=OperationThreads,
        concurrency=concurrency,
        without_gossip=True,
        without_mingle=True,
        loglevel="WARNING",
        quiet=True,
    )
    worker.start()
    runner.close()


def _add_task(app: Celery, runner: OperationRunner) -> None:
    def is_known(operation_id: str) -> bool:
        found = ask_workers(app, [operation_id], PEER_TIMEOUT).get(operation_id)
        return found is not None and (found["outcome"] is None or found["outcome"]["failure"] is None)

    def run_operation(task: "Task[[OperationMessage], OutcomeMessage]", message: OperationMessage) -> OutcomeMessage:
        redelivered = bool((task.request.delivery_info or {}).get("redelivered"))
        may_have_begun = redelivered or message["may_have_begun"] or time.time() - message["sent_at"] > MAX_AGE
        try:
            outcome = runner.run(message, str(task.request.id), may_have_begun=may_have_begun, is_known=is_known)
        except Stopped:
            raise Reject(requeue=True) from None
        if outcome is None:
            raise Ignore
        return outcome

    backend = app.backend  # one for all threads, which else get one each
    app.task(name=OPERATION_TASK, bind=True, backend=backend, resultrepr_maxsize=RESULT_SHOWN)(run_operation)
    inspect_command(name=FIND_COMMAND, args=[("ids", list)])(
        lambda _state, ids, **_: runner.find(cast("list[str]", ids))
    )

"""Operations run elsewhere, as tasks of Celery."""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from cfy_cli.contract.json import Json
from cfy_cli.manager.engine.agents import AgentRoute, is_of_manager
from cfy_cli.manager.engine.broker.agents import WatchedAgents
from cfy_cli.manager.engine.broker.celery_settings import MANAGER_QUEUE
from cfy_cli.manager.engine.broker.client import BrokerClient
from cfy_cli.manager.engine.broker.messages import (
    Found,
    OperationMessage,
    OutcomeMessage,
    job_message,
    operation_message,
    read_event,
    read_outcome,
)
from cfy_cli.manager.engine.operations.plugin import EXTENSIONS
from cfy_cli.manager.engine.ports import Job, OutcomeCallback, Records, ResumingExecutor, StartMode
from cfy_cli.manager.engine.remote_hosts import AGENT_EXECUTORS
from cfy_cli.manager.engine.tasks import Attempt, Operation, Outcome


class CeleryExecutor:
    """`cfy_cli.manager.engine.ports.Executor` of one execution.

    Operations that the manager itself runs, such as those of components, and those whose inputs hold a value that must
    not be at the broker, run in `local`. `files` is the folder of the manager's files.
    """

    def __init__(
        self,
        job: Job,
        records: Records,
        client: BrokerClient,
        local: ResumingExecutor,
        files: Path,
        *,
        stopping: threading.Event | None = None,
        holds_secret: Callable[[Json], bool] = lambda _: False,
        queue: str = MANAGER_QUEUE,
    ) -> None:
        self._queue = queue
        self.concurrency = local.concurrency
        self._job, self._records, self._client, self._local, self._files = job, records, client, local, files
        self._stopping, self._holds_secret = stopping or threading.Event(), holds_secret
        self._job_message = job_message(job, files)
        self._begun: Collection[str] = ()  # operations that an earlier run of the execution has started
        self._found: dict[str, Found] = {}
        self._sent: set[str] = set()
        self._agents = WatchedAgents(records, self._forget)

    def recall(self, operation_ids: Collection[str]) -> Collection[str]:
        self._begun = operation_ids
        found = self._client.find(operation_ids)
        if self._job.start_mode is StartMode.RESUMED:  # what has failed is to be run again
            found = {each: known for each, known in found.items() if not _has_failed(known)}
        self._found = found
        self._local.recall(operation_ids)
        return self._found.keys()

    def submit(self, attempt: Attempt, operation_id: str, report: OutcomeCallback) -> None:
        if self._is_of_manager(attempt.operation):
            self._local.submit(attempt, operation_id, report)
            return
        message = self._message(attempt, operation_id)
        holds_secret = self._holds_secret(message["operation"])
        route: AgentRoute | Outcome | None = None
        if attempt.operation.executor in AGENT_EXECUTORS:
            route = self._agents.route(attempt, operation_id, holds_secret=holds_secret)
        if isinstance(route, Outcome):
            report(route)
        elif holds_secret:
            self._local.submit(attempt, operation_id, report)
        else:
            self._send(attempt, operation_id, message, route, report)

    def _send(
        self,
        attempt: Attempt,
        operation_id: str,
        message: OperationMessage,
        route: AgentRoute | None,
        report: OutcomeCallback,
    ) -> None:
        def on_end(outcome: OutcomeMessage) -> None:
            self._sent.discard(operation_id)
            self._agents.unwatch(operation_id)
            agent_name = None if route is None else route.name
            for event in outcome["events"]:
                self._records.emit(read_event({**event, "agent_name": agent_name}))
            report(read_outcome(outcome, attempt))

        found = self._found.pop(operation_id, None)
        if found is not None and found["number"] == attempt.number and found["outcome"] is not None:
            on_end(found["outcome"])
            return
        self._sent.add(operation_id)
        queue = self._queue if route is None else route.queue
        if route is not None:
            self._agents.watch(attempt, operation_id, route, report)
        if found is not None and found["number"] == attempt.number:
            self._client.adopt(message, queue, on_end)
        else:
            self._client.send(message, queue, on_end)

    def kill(self) -> None:
        if self._stopping.is_set():  # the next start of the worker waits for them
            self._client.forget(self._sent)
        else:
            self._client.kill(self._sent)
        self._local.kill()

    def close(self) -> None:
        self._agents.close()
        self._local.close()

    def _is_of_manager(self, operation: Operation) -> bool:
        return operation.function.startswith(EXTENSIONS) or is_of_manager(self._records, operation)

    def _forget(self, operation_id: str) -> None:
        """Wait no longer for an operation whose agent is gone."""
        self._sent.discard(operation_id)
        self._client.forget([operation_id])

    def _message(self, attempt: Attempt, operation_id: str) -> OperationMessage:
        job = self._job_message
        files = self._job.former.get(attempt.operation.former_node)
        if files is not None:
            former = replace(
                self._job, blueprint_id=files.blueprint_id, resources=files.resources, imported=files.imported
            )
            job = job_message(former, self._files)
        begun = operation_id in self._begun
        return operation_message(attempt, operation_id, job, sent_at=time.time(), may_have_begun=begun)


def _has_failed(found: Found) -> bool:
    return found["outcome"] is not None and found["outcome"]["failure"] is not None

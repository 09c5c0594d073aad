"""One connection of an engine worker with the broker: it sends operations, and receives their ends."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol, cast

from celery import states
from kombu import Producer, Queue

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.manager.engine.broker.asking import ask_workers
from cfy_cli.manager.engine.broker.celery_settings import (
    OPERATION_TASK,
    RETRY_FOREVER,
    create_app,
    operation_queue,
)
from cfy_cli.manager.engine.broker.messages import Found, OperationMessage, OutcomeMessage
from cfy_cli.manager.engine.broker.results import ResultConsumer

log = logging.getLogger(__name__)
WATCH_INTERVAL = 3.0  # seconds between questions about operations that take longer than that
REPLY_TIMEOUT = 1.0  # seconds in which workers answer
LOST_TIMEOUT = 9.0  # seconds without an answer of the worker that ran an operation, until it counts as dead
MAX_WAIT = 60.0  # seconds in a queue; then another message is sent, and workers recognize the later of both
KILL_TIMEOUT = 10.0  # seconds until killed operations have ended


@dataclass(slots=True, eq=False)
class Sent:
    """An attempt whose end is awaited."""

    message: OperationMessage
    queue: str
    on_end: Callable[[OutcomeMessage], None]
    task_id: str = ""
    sent_at: float = 0.0  # monotonic time
    seen_at: float = 0.0  # when a worker last said that it runs it; 0 if none did

    @property
    def operation_id(self) -> str:
        return self.message["operation_id"]


class DeclaredQueue(Protocol):
    """A queue as the broker describes it."""

    message_count: int


class BrokerClient:
    """Sends operations of all executions of this process.

    What is sent and not heard of again is asked about: a worker that runs it says so, one that ran it tells its end,
    and if the worker that ran it does not answer any more, another one gets it.
    """

    def __init__(self, broker: str, *, name: str = "", ca_certificate: str = "") -> None:
        """Connect in the background; `name` is the one of this process among all engine workers."""
        self._app = create_app(broker, ca_certificate)
        self._replies = f"cfy.results.{name or uuid.uuid4().hex}"
        self._sent: dict[str, Sent] = {}  # by operation
        self._by_task: dict[str, Sent] = {}
        self._changed = threading.Condition()
        self._to_publish: SimpleQueue[Sent | None] = SimpleQueue()
        self._closed = threading.Event()
        self._reconnected = threading.Event()
        self._queues: dict[str, Queue] = {}
        self._results = ResultConsumer(self._app, self._replies, self._on_result, self._reconnected.set)
        for name, target in (("publish", self._publish_all), ("results", self._results.run), ("watch", self._watch)):
            threading.Thread(target=target, name=f"broker-{name}", daemon=True).start()

    def send(self, message: OperationMessage, queue: str, on_end: Callable[[OutcomeMessage], None]) -> None:
        """Send an attempt; `on_end` is called once, from any thread. Waits for nothing, even if there is no broker."""
        self._await(Sent(message, queue, on_end), publish=True)

    def adopt(self, message: OperationMessage, queue: str, on_end: Callable[[OutcomeMessage], None]) -> None:
        """Wait for the end of an attempt that a worker runs since before."""
        self._await(Sent(message, queue, on_end, seen_at=time.monotonic()), publish=False)

    def find(self, operation_ids: Collection[str]) -> dict[str, Found]:
        """Ask all workers about operations; those that none knows are left out."""
        return ask_workers(self._app, operation_ids, REPLY_TIMEOUT)

    def kill(self, operation_ids: Iterable[str]) -> None:
        """Revoke operations, which kills their processes, and wait until they have ended."""
        with self._changed:
            killed = [self._sent[each] for each in operation_ids if each in self._sent]
        if not killed:
            return
        try:
            with self._app.connection_for_write() as connection:
                self._app.control.revoke([sent.task_id for sent in killed], terminate=True, connection=connection)
        except Exception as error:  # of any of the libraries below
            log.warning("Operations could not be revoked: %s", error)
        with self._changed:
            self._changed.wait_for(lambda: not any(self._is_awaited(sent) for sent in killed), KILL_TIMEOUT)
            for sent in killed:
                self._forget(sent)

    def forget(self, operation_ids: Iterable[str]) -> None:
        """Wait no longer for operations, which run on."""
        with self._changed:
            for sent in [self._sent[each] for each in operation_ids if each in self._sent]:
                self._forget(sent)

    def close(self) -> None:
        self._closed.set()
        self._results.should_stop = True
        self._to_publish.put(None)
        self._app.close()

    def _await(self, sent: Sent, *, publish: bool) -> None:
        sent.task_id, sent.sent_at = uuid.uuid4().hex, time.monotonic()
        with self._changed:
            self._sent[sent.operation_id] = self._by_task[sent.task_id] = sent
        if publish:
            self._to_publish.put(sent)

    def _is_awaited(self, sent: Sent) -> bool:
        return self._sent.get(sent.operation_id) is sent

    def _forget(self, sent: Sent) -> None:
        if self._is_awaited(sent):
            del self._sent[sent.operation_id]
        self._by_task.pop(sent.task_id, None)
        self._changed.notify_all()

    def _publish_all(self) -> None:
        with self._app.amqp.producer_pool.acquire(block=True) as producer:
            while (sent := self._to_publish.get()) is not None:
                if not self._is_awaited(sent):
                    continue
                queue = self._queues.get(sent.queue) or self._queues.setdefault(sent.queue, operation_queue(sent.queue))
                arguments: tuple[Json, ...] = (cast(JsonObject, sent.message),)
                task = self._app.amqp.create_task_message(
                    sent.task_id, OPERATION_TASK, arguments, {}, reply_to=self._replies, argsrepr="", kwargsrepr=""
                )
                headers = {name: value for name, value in task.headers.items() if value is not None}
                try:
                    self._app.amqp.send_task_message(
                        producer, OPERATION_TASK, task._replace(headers=headers), queue=queue,
                        declare=() if _is_declared(queue, producer) else (queue,),
                        retry=True, retry_policy=RETRY_FOREVER,
                    )  # fmt: skip
                except Exception:
                    log.exception("An operation could not be sent and is sent again")
                    time.sleep(1)
                    self._to_publish.put(sent)

    def _on_result(self, meta: JsonObject) -> None:
        status, result = meta["status"], meta["result"]
        if status == states.SUCCESS and isinstance(result, dict):
            self._on_outcome(cast(OutcomeMessage, result))
            return
        with self._changed:
            sent = self._by_task.get(str(meta["task_id"]))
        if sent is None or status not in states.READY_STATES:
            return
        if status == states.REVOKED:
            # One that was running tells its end as well, which comes once its processes are gone.
            if isinstance(result, dict) and "terminated" not in str(result.get("exc_message")):
                with self._changed:
                    self._forget(sent)
        elif status == states.FAILURE:
            failure: JsonObject = {"kind": "RecoverableError", "message": f"The worker failed: {result}"}
            number = sent.message["number"]
            ended = OutcomeMessage(
                operation_id=sent.operation_id, number=number, result=None, failure=failure, events=[]
            )
            self._end(sent, ended)

    def _on_outcome(self, outcome: OutcomeMessage) -> None:
        """Take the end of an attempt, whichever message it answers; an earlier engine may have sent that."""
        with self._changed:
            sent = self._sent.get(outcome["operation_id"])
        if sent is not None and sent.message["number"] == outcome["number"]:
            self._end(sent, outcome)

    def _end(self, sent: Sent, outcome: OutcomeMessage) -> None:
        with self._changed:
            if not self._is_awaited(sent):
                return
            self._forget(sent)
        sent.on_end(outcome)

    def _watch(self) -> None:
        while not self._closed.wait(WATCH_INTERVAL):
            reconnected = self._reconnected.is_set()
            self._reconnected.clear()
            before = time.monotonic() - (0 if reconnected else WATCH_INTERVAL)
            with self._changed:
                asked = [sent for sent in self._sent.values() if sent.sent_at <= before]
            if not asked:
                continue
            try:
                found = self.find([sent.operation_id for sent in asked])
            except Exception as error:  # of any of the libraries below
                log.warning("The workers could not be asked about operations: %s", error)
                if reconnected:
                    self._reconnected.set()
                continue
            for sent in asked:
                self._compare(sent, found.get(sent.operation_id), reconnected=reconnected)

    def _is_lost(self, sent: Sent) -> bool:
        """Tell whether an attempt that no worker knows will not be run: its worker has died, or its message is gone."""
        now = time.monotonic()
        if sent.seen_at:
            return now - sent.seen_at > LOST_TIMEOUT
        age = now - sent.sent_at
        return age > MAX_WAIT or (age > LOST_TIMEOUT and self._is_empty(sent.queue))

    def _is_empty(self, name: str) -> bool:
        """Tell whether no message waits in a queue; that workers take it from there before they start is no matter."""
        try:
            with self._app.connection_for_read() as connection:
                queue = operation_queue(name).bind(connection.default_channel)
                return cast(DeclaredQueue, queue.queue_declare(passive=True)).message_count == 0
        except Exception:  # of any of the libraries below; nobody has consumed the queue yet, or there is no broker
            return False

    def _compare(self, sent: Sent, found: Found | None, *, reconnected: bool) -> None:
        if found is not None and found["number"] == sent.message["number"]:
            sent.seen_at = time.monotonic()
            if found["outcome"] is not None:
                self._end(sent, found["outcome"])
        elif reconnected or self._is_lost(sent):
            log.warning("The operation %s is sent again: no worker runs it any more", sent.operation_id)
            with self._changed:
                if not self._is_awaited(sent):
                    return
                self._by_task.pop(sent.task_id, None)
            again: OperationMessage = {**sent.message, "may_have_begun": True}
            self._await(Sent(again, sent.queue, sent.on_end), publish=True)


def _is_declared(queue: Queue, producer: Producer) -> bool:
    """Tell whether a queue was declared over this connection; asking for that again takes longer than to send."""
    connection = producer.connection
    return connection is not None and hash(queue) in (connection.declared_entities or ())

"""The backend of Celery that sends the ends of operations to their engine, in one message those that end together."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from celery import Celery
from celery.backends.rpc import RPCBackend
from kombu import Exchange
from kombu.serialization import dumps

SEND_INTERVAL = 0.01  # seconds between two messages at least, so that operations that end meanwhile share the second
MAX_MESSAGE = 1024 * 1024  # characters of several results in one message; one that is longer is sent alone


@dataclass(slots=True, eq=False)
class _Batch:
    """Results that are sent together, encoded, by the queue of their engine."""

    results: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    is_sent: bool = False
    error: Exception | None = None

    def messages(self) -> Iterator[tuple[str, str]]:
        """Yield queues and messages: one result as Celery writes it, or a list of them."""
        for queue, results in self.results.items():
            first, size = 0, 0
            for index, result in enumerate(results):
                if index > first and size + len(result) > MAX_MESSAGE:
                    yield queue, _join(results[first:index])
                    first, size = index, 0
                size += len(result)
            yield queue, _join(results[first:])


class ResultBackend(RPCBackend):
    """Sends the results of all threads over one connection; each thread waits until its own is sent.

    A result is sent at once unless another one was sent just before.
    """

    app: Celery

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._open = _Batch()  # the one that takes more results
        self._lock = threading.Lock()  # of the open batch
        self._sending = threading.Lock()  # acquired before the other one
        self._sent_at = 0.0  # monotonic time

    def store_result(
        self, task_id: str, result: Any, state: str, traceback: Any = None, request: Any = None, **_more: Any
    ) -> Any:
        queue, _ = self.destination_for(task_id, request)
        if queue:
            # Of what Celery tells of a result, only what the engine reads.
            meta = {"task_id": task_id, "status": state, "result": self.encode_result(result, state)}
            self._send(queue, dumps(meta, serializer="json")[2])
        return result

    def _send(self, queue: str, encoded: str) -> None:
        with self._lock:
            batch = self._open
            batch.results[queue].append(encoded)
        with self._sending:
            if not batch.is_sent:  # else another thread has done it
                self._publish(batch)
        if batch.error is not None:
            raise batch.error

    def _publish(self, batch: _Batch) -> None:
        wait = self._sent_at + SEND_INTERVAL - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        with self._lock:
            self._open = _Batch()
        try:
            with self.app.amqp.producer_pool.acquire(block=True) as producer:
                for queue, content in batch.messages():
                    producer.publish(
                        content, routing_key=queue, content_type="application/json", content_encoding="utf-8",
                        delivery_mode=Exchange.TRANSIENT_DELIVERY_MODE, retry=True, retry_policy=self.retry_policy,
                    )  # fmt: skip
        except Exception as error:  # of any of the libraries below
            batch.error = error
        batch.is_sent, self._sent_at = True, time.monotonic()


def _join(results: list[str]) -> str:
    return results[0] if len(results) == 1 else f"[{','.join(results)}]"

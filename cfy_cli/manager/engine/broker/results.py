"""The consumer of the ends of operations."""

import logging
from collections.abc import Callable
from typing import cast

from celery import Celery
from kombu import Connection, Consumer, Queue
from kombu.message import Message
from kombu.mixins import ConsumerMixin
from kombu.transport.base import StdChannel

from cfy_cli.contract.json import JsonObject

log = logging.getLogger(__name__)


class ResultConsumer(ConsumerMixin):
    """Receives results of tasks that name its queue, in one thread, and connects again whenever that is needed."""

    def __init__(
        self, app: Celery, queue: str, on_result: Callable[[JsonObject], None], on_reconnected: Callable[[], None]
    ) -> None:
        self.connection: Connection = app.connection_for_read()
        self._queue = Queue(queue, durable=False, auto_delete=True)
        self._on_result, self._on_reconnected = on_result, on_reconnected
        self._was_connected = False

    def get_consumers(self, consumer_class: Callable[..., Consumer], _channel: StdChannel) -> list[Consumer]:
        return [consumer_class(queues=[self._queue], callbacks=[self._receive], accept=["json"], no_ack=True)]

    def on_consume_ready(self, *_arguments: object, **_more: object) -> None:
        if self._was_connected:
            self._on_reconnected()
        self._was_connected = True

    def on_connection_error(self, error: Exception, interval: float) -> None:
        log.warning("The broker does not answer (%s); trying again in %g seconds", error, interval)

    def _receive(self, body: object, _message: Message) -> None:
        for result in body if isinstance(body, list) else [body]:
            try:
                self._on_result(cast(JsonObject, result))
            except Exception:
                log.exception("The end of an operation could not be processed")

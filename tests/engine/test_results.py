"""The results that threads of a worker send, as engines receive them."""

import threading
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from celery.app.task import Context
from kombu import Queue

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.manager.engine.broker import result_backend
from cfy_cli.manager.engine.broker.celery_settings import create_app
from cfy_cli.manager.engine.broker.results import ResultConsumer
from tests.brokers import broker_url
from tests.manager.processes import wait_until

pytestmark = pytest.mark.process
COUNT = 40


class CountingConsumer(ResultConsumer):
    messages = 0

    def _receive(self, body: object, message: object) -> None:
        self.messages += 1
        super()._receive(body, message)  # type: ignore[arg-type]


def exchange_results(kind: str, results: Sequence[Json]) -> tuple[list[JsonObject], int]:
    """Send results at the same time; return what the engine takes, and in how many messages."""
    app, name = create_app(broker_url(kind)), f"cfy.results.{uuid.uuid4().hex}"
    received: list[JsonObject] = []
    ready, together = threading.Event(), threading.Barrier(len(results))
    consumer = CountingConsumer(app, name, received.append, lambda: None)
    consumer.on_consume_ready = lambda *_arguments, **_more: ready.set()  # type: ignore[method-assign]
    backend = app.backend
    thread = threading.Thread(target=consumer.run)
    thread.start()
    assert ready.wait(30)

    def store(result: Json) -> None:
        together.wait()
        backend.store_result(uuid.uuid4().hex, result, "SUCCESS", request=Context(reply_to=name))

    with ThreadPoolExecutor(len(results)) as threads:
        list(threads.map(store, results))
    wait_until(lambda: len(received) >= len(results))
    consumer.should_stop = True
    thread.join(30)
    with app.connection_for_write() as connection:
        Queue(name, channel=connection.default_channel).delete()
    app.close()
    return received, consumer.messages


@pytest.mark.parametrize("kind", ["rabbitmq", "redis"])
def test_results_that_end_together_share_messages(kind: str) -> None:
    received, messages = exchange_results(kind, range(COUNT))
    assert sorted(int(str(each["result"])) for each in received) == list(range(COUNT))
    assert messages < COUNT / 2


def test_large_results_are_sent_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_backend, "MAX_MESSAGE", 5000)
    received, messages = exchange_results("redis", ["x" * 4000] * 10)
    assert ([each["result"] for each in received], messages) == (["x" * 4000] * 10, 10)

"""Notifications between machines over PostgreSQL: all arrive, and many that follow each other as a few."""

import threading
import time
from collections import Counter

import pytest

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store import notifications
from cfy_cli.manager.store.notifications import MAX_SEND_INTERVAL, Notifications
from tests.manager.conftest import wait_until

pytestmark = pytest.mark.postgresql
CHANNEL = "cfy_test"


def test_many_notifications_are_sent_as_a_few(app: AppContext) -> None:
    received: Counter[str] = Counter()
    sender, listener = Notifications(app.database, "here"), Notifications(app.database, "there")
    try:
        listener.listen({CHANNEL: lambda: received.update([CHANNEL])})
        wait_until(lambda: received[CHANNEL], lambda count: count == 1)  # it asks itself once when it listens
        begun = time.monotonic()
        while time.monotonic() < begun + 1:
            sender.send(CHANNEL)
            time.sleep(0.002)
        spent = time.monotonic() - begun
        sent = received[CHANNEL] - 1
        assert 2 <= sent <= 5 + spent / MAX_SEND_INTERVAL
        threading.Event().wait(2 * MAX_SEND_INTERVAL)  # what was pending has arrived
        before = received[CHANNEL]
        sender.send(CHANNEL)
        wait_until(lambda: received[CHANNEL], lambda count: count == before + 1)
    finally:
        sender.close()
        listener.close()
    assert notifications.SEND_INTERVAL < MAX_SEND_INTERVAL

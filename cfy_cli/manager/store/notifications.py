"""Notifications between machines, over LISTEN and NOTIFY of PostgreSQL.

They save time and carry no data, as those over pipes do: whoever waits also polls, so one that is lost delays and loses
nothing.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cfy_cli.manager.store.database import Database
from cfy_cli.manager.wakeup import WakeupPipe

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)
WORK_AVAILABLE, EXECUTION_ENDED = "cfy_work_available", "cfy_execution_ended"
NOTIFY = "SELECT pg_notify(channel, %s) FROM unnest(%s::text[]) AS channel"
SEND_INTERVAL = 0.02  # seconds between two notifications of a kind at least
MAX_SEND_INTERVAL = 0.1  # while they follow each other: each wakes all processes of all places
RECONNECT_INTERVAL = 1.0  # seconds
LISTEN_INTERVAL = 0.5  # seconds after which a thread looks whether it should stop


class Notifications:
    """Sends notifications of one process, and receives those of other places; never raises."""

    def __init__(self, database: Database, place: str) -> None:
        self._database, self._place = database, place
        self._pending: set[str] = set()
        self._has_pending = threading.Event()
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def send(self, channel: str) -> None:
        """Notify the other places a moment later, once for all that is sent until then."""
        with self._lock:
            self._pending.add(channel)
            if not any(thread.name == "notify" for thread in self._threads):
                self._start("notify", self._send_all)
        self._has_pending.set()

    def listen(self, actions: Mapping[str, Callable[[], None]]) -> None:
        """Call the action of a channel whenever another place notifies it, and after each interruption."""
        with self._lock:
            self._start("listen", lambda: self._listen(actions))

    def close(self) -> None:
        self._closing.set()
        self._has_pending.set()
        for thread in self._threads:
            thread.join()

    def _start(self, name: str, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._keep_connected, args=(run,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _keep_connected(self, run: Callable[[], None]) -> None:
        import psycopg

        while not self._closing.is_set():
            try:
                run()
            except psycopg.Error as error:
                log.warning("Notifications between machines are interrupted: %s", str(error).splitlines()[:1])
                self._closing.wait(RECONNECT_INTERVAL)

    def _connect(self) -> "psycopg.Connection[tuple[str, ...]]":
        import psycopg

        arguments, options = self._database.engine.dialect.create_connect_args(self._database.url)
        return psycopg.connect(*arguments, autocommit=True, **options)

    def _send_all(self) -> None:
        with self._connect() as connection:
            interval = SEND_INTERVAL
            while not self._closing.is_set():
                self._has_pending.wait()
                self._has_pending.clear()
                with self._lock:
                    channels, self._pending = self._pending, set()
                connection.execute(NOTIFY, (self._place, sorted(channels)))
                self._closing.wait(interval)
                interval = min(2 * interval, MAX_SEND_INTERVAL) if self._has_pending.is_set() else SEND_INTERVAL

    def _listen(self, actions: Mapping[str, Callable[[], None]]) -> None:
        with self._connect() as connection:
            for channel in actions:
                connection.execute(f"LISTEN {channel}")
            for action in actions.values():  # what was notified while nobody listened
                action()
            while not self._closing.is_set():
                for notification in connection.notifies(timeout=LISTEN_INTERVAL):
                    if notification.payload != self._place:  # whose processes have a pipe
                        actions[notification.channel]()


class SharedWakeup(WakeupPipe):
    """A pipe of the processes of one place whose notifications reach other places too."""

    def __init__(self, pipe: WakeupPipe, notifications: Notifications, channel: str) -> None:
        self._pipe, self._notifications, self._channel = pipe, notifications, channel
        super().__init__(pipe._read, pipe._write)

    def notify(self) -> None:
        self.notify_here()
        self._notifications.send(self._channel)

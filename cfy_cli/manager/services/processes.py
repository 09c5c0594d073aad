"""The processes of all machines that share a database: who is there, since when, and when it was seen last."""

import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy import delete, insert, update

from cfy_cli import __version__
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError
from cfy_cli.manager.engine.machine import machine_id
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store.models import ServerRecord, WorkerRecord

log = logging.getLogger(__name__)
HEARTBEAT_INTERVAL = 2.5  # seconds
HEARTBEAT_TIMEOUT = 10.0  # seconds without a heartbeat before a process counts as gone


def process_name(settings: ManagerSettings, name: str) -> str:
    """Return a name that a process keeps from start to start, and that is unique among machines and data folders."""
    return f"{settings.place}/{name}"


class Presence:
    """Stores the heartbeats of one process until it ends; `on_beat` is called after each."""

    def __init__(
        self,
        app: AppContext,
        model: type[WorkerRecord] | type[ServerRecord],
        name: str,
        on_beat: Callable[[], None] = lambda: None,
        **columns: str | int,
    ) -> None:
        self._app, self._model, self._name, self._on_beat = app, model, name, on_beat
        process: dict[str, str | int] = {"pid": os.getpid(), "hostname": socket.gethostname(), "machine": machine_id()}
        self._columns = {**process, "version": __version__, "started_at": now(), **columns}
        self._closing = threading.Event()
        self._lock = threading.Lock()  # held while a heartbeat is stored
        self._thread = threading.Thread(target=self._beat_until_closed, name="presence", daemon=True)

    def start(self) -> None:
        """Store the first heartbeat, and the others from a thread; once, however often it is called."""
        if not self._thread.is_alive():
            self._try_beat()
            self._thread.start()

    def close(self) -> None:
        """Tell the others that the process ends."""
        with self._lock:
            self._closing.set()  # a late heartbeat must not add the row again
        with suppress(CfyError), self._app.database.write() as session:
            session.execute(delete(self._model).where(self._model.name == self._name))

    def _beat_until_closed(self) -> None:
        while not self._closing.wait(HEARTBEAT_INTERVAL):
            self._try_beat()

    def _try_beat(self) -> None:
        try:
            with self._lock:
                if self._closing.is_set():
                    return
                self._beat()
            self._on_beat()
        except CfyError as error:
            log.warning("The heartbeat was not stored: %s", error)
        except Exception:
            log.exception("Looking at the other processes failed")

    def _beat(self) -> None:
        columns: dict[str, str | int | None] = {**self._columns, "seen_at": now()}
        if self._model is WorkerRecord:
            columns["lost_at"] = None
        own = update(self._model).where(self._model.name == self._name).values(columns)
        with self._app.database.write() as session:
            if session.connection().execute(own).rowcount == 0:
                session.connection().execute(insert(self._model).values(name=self._name, **columns))

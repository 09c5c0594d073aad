"""A child of the supervisor: the server, or one of the workers."""

import contextlib
import fcntl
import gc
import json
import logging
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from types import FrameType
from typing import TYPE_CHECKING

from cfy_cli.errors import CfyError
from cfy_cli.manager.control import SETTINGS, TEMPORARY, lock_path, parse_settings
from cfy_cli.manager.heartbeat import beat
from cfy_cli.manager.settings import ENCRYPTION_KEY_VARIABLE, ManagerSettings
from cfy_cli.manager.wakeup import WakeupPipe

LOOK_EVERY = 0.05  # seconds, for a lock

if TYPE_CHECKING:
    from cfy_cli.manager.services.context import AppContext


MANY_OBJECTS = 20_000  # made since the last look for cycles among them, before the next one


def main() -> None:
    name, descriptors = sys.argv[1], json.loads(sys.argv[2])
    # Scripts inherit our environment: it must hold neither the database's password nor the key of the secrets.
    settings = parse_settings(os.environ.pop(SETTINGS))
    os.environ.pop(ENCRYPTION_KEY_VARIABLE, None)
    logging.basicConfig(format=f"%(asctime)s {name} %(levelname)s %(message)s", level=logging.WARNING)
    for handle in descriptors.values():
        os.set_inheritable(handle, False)
    wakeups = WakeupPipe.attach("work_available", descriptors), WakeupPipe.attach("execution_ended", descriptors)
    beat(descriptors["pulse"])
    ready = _Ready(descriptors["ready"])
    try:
        if name == "server":
            listener = socket.socket(fileno=descriptors["socket"])
            _be_alone(settings, name, descriptors["life"])
            _serve(settings, wakeups, listener, ready, descriptors["life"])
        else:
            _work(settings, wakeups, name, ready, descriptors["life"])
    except CfyError as error:
        logging.error("%s", error)
        ready.failed(error)
        sys.exit(1)


def _serve(
    settings: ManagerSettings,
    wakeups: tuple[WakeupPipe, WakeupPipe],
    listener: socket.socket,
    ready: "_Ready",
    life: int,
) -> None:
    import uvicorn

    sys.setswitchinterval(0.0005)  # a request hops between two threads: neither should hold the other up for long

    from cfy_cli.manager.rest.request_ids import name_in_log
    from cfy_cli.manager.server import create_app
    from cfy_cli.manager.services.context import AppContext
    from cfy_cli.manager.services.events.retention import Retention
    from cfy_cli.manager.services.identity.bootstrap import found

    for handler in logging.getLogger().handlers:
        name_in_log(handler)
    manager = AppContext(settings, *wakeups)
    found(manager)
    retention = Retention(manager.database, settings.keep_events)

    @contextlib.asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        retention.start()
        _collect_seldom()
        ready.well()
        yield
        retention.stop()
        manager.close()

    app = create_app(manager)
    app.router.lifespan_context = lifespan
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=5,
            server_header=False,
        )
    )
    _when_orphaned(life, lambda: setattr(server, "should_exit", True))
    server.run(sockets=[listener])


def _work(
    settings: ManagerSettings, wakeups: tuple[WakeupPipe, WakeupPipe], name: str, ready: "_Ready", life: int
) -> None:
    from cfy_cli.manager.services.context import AppContext
    from cfy_cli.manager.services.worker import recovery

    manager = AppContext(settings, *wakeups)
    own = worker_name(settings, name)
    in_use = [worker_name(settings, f"worker-{number}") for number in range(settings.worker_count)]
    _be_alone(settings, name, life)
    recovery.recover(manager, {own})
    for other in recovery.workers_without_successor(manager, own, in_use):
        lock = _lock(settings, other.rpartition("/")[2], life)
        recovery.recover(manager, {other})
        os.close(lock)
    _work_until_stopped(manager, own, ready, life)


def _be_alone(settings: ManagerSettings, name: str, life: int) -> None:
    """Be the only child of that name, in a temporary folder of its own: what a killed one left there is gone.

    The lock goes with the process and not before: until then a thread may start something, and who comes next looks
    for what is left.
    """
    _lock(settings, name, life)
    folder = settings.data_dir / TEMPORARY / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    tempfile.tempdir = str(folder)


def _lock(settings: ManagerSettings, name: str, life: int) -> int:
    """A child that is still ending must have ended before its work is taken up. Nobody waits for it once orphaned."""
    handle = os.open(lock_path(settings.data_dir, name), os.O_WRONLY | os.O_CREAT, 0o600)
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        if select.select([life], [], [], LOOK_EVERY)[0]:
            sys.exit(1)


def _work_until_stopped(manager: "AppContext", own: str, ready: "_Ready", life: int) -> None:
    from cfy_cli.manager.worker import Worker

    worker = Worker(manager, own)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        worker.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    _when_orphaned(life, worker.stop)
    _collect_seldom()
    ready.well()
    worker.work()
    worker.close()
    manager.close()


def worker_name(settings: ManagerSettings, name: str) -> str:
    """The same for the same worker at each start, and different for every data folder and host."""
    place = sha256(str(settings.data_dir.resolve()).encode()).hexdigest()[:8]
    return f"{socket.gethostname()}/{place}/{name}"


def _collect_seldom() -> None:
    """Rows, graphs and answers are many objects and hardly a cycle; what is imported by now stays anyway."""
    gc.freeze()
    gc.set_threshold(MANY_OBJECTS, 20, 20)


def _when_orphaned(life: int, stop: Callable[[], None]) -> None:
    """The supervisor holds the other end of this pipe: it closes when the supervisor is gone, however it went."""

    def wait() -> None:
        os.read(life, 1)
        stop()

    threading.Thread(target=wait, name="orphaned", daemon=True).start()


class _Ready:
    """Tells the supervisor, once, how the start went."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def well(self) -> None:
        self._say("ready\n")

    def failed(self, error: CfyError) -> None:
        self._say(json.dumps({"error": str(error), "hint": error.hint}) + "\n")

    def _say(self, text: str) -> None:
        if self._handle >= 0:
            with contextlib.suppress(OSError), os.fdopen(self._handle, "w") as pipe:
                pipe.write(text)
            self._handle = -1


if __name__ == "__main__":
    main()

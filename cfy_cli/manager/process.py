"""The programs that the supervisor's children run: the server, or one of the workers."""

import contextlib
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
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from cfy_cli.errors import CfyError
from cfy_cli.manager.children import READY
from cfy_cli.manager.control import TEMPORARY_FOLDER, lock_path
from cfy_cli.manager.engine.operation_user import let_search
from cfy_cli.manager.heartbeat import start_heartbeat
from cfy_cli.manager.locks import FileLock
from cfy_cli.manager.process_attributes import limit_kept_memory, name_process
from cfy_cli.manager.process_secrets import protect_process
from cfy_cli.manager.settings import OPERATIONS, ManagerSettings
from cfy_cli.manager.store.files import incoming_folder
from cfy_cli.manager.wakeup import WakeupPipe

if TYPE_CHECKING:
    from cfy_cli.manager.services.context import AppContext

FOLDER_HINT = "Make room, or repair what is there; `cfy manager restore FILE` restores a backup."
LOCK_INTERVAL = 0.05  # seconds
SHUTDOWN_TIMEOUT = 5  # seconds for requests that are being answered
THREAD_SWITCH_INTERVAL = 0.0005  # seconds; each request is passed between two threads, which should not delay another
GC_THRESHOLD = 20_000  # allocations between two collections of cyclic garbage


def preload(settings: ManagerSettings) -> None:
    """Import what the children need before they are forked, so that each module is loaded once for all of them."""
    gc.disable()  # imports make many objects and no garbage
    import cfy_cli.manager.worker

    if settings.runs("server"):
        import cfy_cli.manager.connections
        import cfy_cli.manager.server
        import cfy_cli.manager.services.identity.bootstrap  # noqa: F401
    if not settings.is_sqlite:
        with contextlib.suppress(ImportError):  # the child that needs it says how to install it
            import psycopg  # noqa: F401
    gc.freeze()  # a collection would copy the memory that the children share
    gc.enable()


def run(name: str, settings: ManagerSettings, descriptors: dict[str, int]) -> None:
    """Run the child of that name in this process, with its ends of the pipes."""
    gc.disable()  # until it is ready
    name_process(f"cfy {name}")
    protect_process()
    logging.basicConfig(format=f"%(asctime)s {name} %(levelname)s %(message)s", level=logging.WARNING, force=True)
    for descriptor in descriptors.values():
        os.set_inheritable(descriptor, False)
    start_heartbeat(descriptors["heartbeat"])
    child = _Child(name, settings, descriptors)
    try:
        if name == "server":
            child.serve(socket.socket(fileno=descriptors["listener"]))
        elif name == "scheduler":
            child.schedule()
        elif name.startswith(OPERATIONS):
            child.run_operations()
        else:
            child.work()
    except CfyError as error:
        child.fail(error)
    except OSError as error:  # such as a full disk, or a folder in place of a file
        logging.debug("The start failed", exc_info=True)
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        child.fail(CfyError(f"The data folder {settings.data_dir} cannot be used: {reason}", hint=FOLDER_HINT))


class _Child:
    """This process, as its supervisor started it."""

    def __init__(self, name: str, settings: ManagerSettings, descriptors: dict[str, int]) -> None:
        self._name, self._settings = name, settings
        self._work_available = WakeupPipe.attach("work_available", descriptors)
        self._execution_ended = WakeupPipe.attach("execution_ended", descriptors)
        self._parent = descriptors["parent"]  # the other end closes when the supervisor exits, however it exits
        self._ready = descriptors["ready"]

    def serve(self, listener: socket.socket) -> None:
        """Answer requests until a signal stops the process or the supervisor exits."""
        self._acquire_name()
        import uvicorn

        limit_kept_memory()
        sys.setswitchinterval(THREAD_SWITCH_INTERVAL)

        from cfy_cli.manager.connections import connections_of, reserve_descriptors
        from cfy_cli.manager.rest.request_ids import name_in_log
        from cfy_cli.manager.server import create_app
        from cfy_cli.manager.services.configuration.configuration import Configuration
        from cfy_cli.manager.services.events.retention import Retention
        from cfy_cli.manager.services.identity.bootstrap import bootstrap
        from cfy_cli.manager.services.processes import Presence, process_name
        from cfy_cli.manager.store.models import ServerRecord

        for handler in logging.getLogger().handlers:
            name_in_log(handler)
        logging.getLogger("python_multipart").setLevel(logging.ERROR)  # the answers tell of odd bodies
        app = self._create_context()
        bootstrap(app)
        app.service(Configuration).refresh()  # the level of the log
        self._share_folder(app)
        presence = Presence(
            app,
            ServerRecord,
            process_name(self._settings, self._name),
            host=self._settings.address,
            port=self._settings.port,
        )
        retention = Retention(app.database, self._settings.keep_events, self._settings.keep_audit_log)

        @contextlib.asynccontextmanager
        async def lifespan(_api: object) -> AsyncIterator[None]:
            retention.start()
            presence.start()
            _relax_garbage_collection()
            self.report(READY)
            yield
            presence.close()
            retention.stop()
            app.close()

        api = create_app(app)
        api.router.lifespan_context = lifespan
        server = uvicorn.Server(
            uvicorn.Config(
                api,
                http=connections_of(reserve_descriptors(self._settings.limits)),
                ws="none",
                log_level="error",  # a line for each odd request would fill the log
                access_log=False,
                lifespan="on",
                timeout_graceful_shutdown=SHUTDOWN_TIMEOUT,
                server_header=False,
                proxy_headers=False,  # only those of trusted proxies count: `Api`
            )
        )
        app.is_stopping = lambda: server.should_exit
        self._on_orphaned(lambda: setattr(server, "should_exit", True))
        server.run(sockets=[listener])

    def work(self) -> None:
        """Recover the executions of workers that have exited, then run executions until stopped."""
        from cfy_cli.manager.services.processes import process_name
        from cfy_cli.manager.services.worker import recovery
        from cfy_cli.manager.worker import Worker

        app = self._create_context()
        own = process_name(self._settings, self._name)
        in_use = [process_name(self._settings, name) for name in self._settings.child_names]
        self._acquire_name()
        self._prepare_database(app)
        self._share_folder(app)
        app.files.prepare()
        recovery.recover(app, {own})
        for other in recovery.workers_without_successor(app, own, in_use):
            lock = self._acquire_lock(other.rpartition("/")[2])
            recovery.recover(app, {other})
            lock.release()
        worker = Worker(app, own, int(self._name.rpartition("-")[2]), self._settings.worker_count)
        self._stop_at_signals(worker.stop)
        _relax_garbage_collection()
        self.report(READY)
        worker.work()
        worker.close()
        app.close()

    def schedule(self) -> None:
        """Start the executions of schedules that are due until stopped."""
        from cfy_cli.manager.scheduler import Scheduler
        from cfy_cli.manager.services.processes import Presence, process_name
        from cfy_cli.manager.store.models import WorkerRecord

        app = self._create_context()
        self._acquire_name()
        self._prepare_database(app)
        scheduler = Scheduler(app)
        presence = Presence(app, WorkerRecord, process_name(self._settings, self._name), role="scheduler")
        presence.start()
        self._stop_at_signals(scheduler.stop)
        self.report(READY)
        scheduler.work()
        presence.close()
        app.close()

    def _prepare_database(self, app: "AppContext") -> None:
        """Create or migrate the tables, where no server of this machine does."""
        if not self._settings.runs("server"):
            from cfy_cli.manager.services.configuration import shared_keys
            from cfy_cli.manager.store import schema

            schema.prepare(app.database)
            shared_keys.verify(app)

    def _stop_at_signals(self, stop: Callable[[], None]) -> None:
        """Call `stop` when a signal ends the process or the supervisor exits."""

        def on_signal(_signal: int, _frame: FrameType | None) -> None:
            stop()

        signal.signal(signal.SIGTERM, on_signal)
        signal.signal(signal.SIGINT, on_signal)
        self._on_orphaned(stop)

    def run_operations(self) -> None:
        """Run operations that workers, here and elsewhere, have sent to the broker, until stopped."""
        self._acquire_name()
        from cfy_cli.agent.worker import CONCURRENCY, run
        from cfy_cli.manager.services.identity.worker_tokens import create_worker_token
        from cfy_cli.manager.services.machines import find_server
        from cfy_cli.manager.services.processes import Presence, process_name
        from cfy_cli.manager.services.worker.broker import queue_of_operations
        from cfy_cli.manager.services.worker.stored_files import StoredFiles
        from cfy_cli.manager.store.models import WorkerRecord

        settings, app = self._settings, self._create_context()
        self._prepare_database(app)
        self._share_folder(app)
        token = create_worker_token(app)
        self._on_orphaned(lambda: os.kill(os.getpid(), signal.SIGTERM))
        self.report(READY)  # though the broker may not answer yet

        presence = Presence(app, WorkerRecord, process_name(settings, self._name), role="operations")

        def find_url() -> str:
            server = find_server(app)
            return f"http://{f'[{server.host}]' if ':' in server.host else server.host}:{server.port}"

        run(
            settings.broker,
            [queue_of_operations(app)],
            find_url,
            token,
            StoredFiles(app),
            name=process_name(settings, self._name).replace("/", "."),
            user=app.operation_user,
            concurrency=max(1, CONCURRENCY // settings.worker_count),
            broker_ca_certificate=settings.broker_ca_certificate,
            on_ready=presence.start,
        )
        presence.close()
        app.close()

    def fail(self, error: CfyError) -> NoReturn:
        """Log an error, report it to the supervisor, and exit."""
        logging.error("%s", error)
        self.report(json.dumps({"error": str(error), "hint": error.hint}) + "\n")
        sys.exit(1)

    def report(self, line: str) -> None:
        """Tell the supervisor that the start succeeded or failed; only the first report counts."""
        if self._ready >= 0:
            with contextlib.suppress(OSError), os.fdopen(self._ready, "w") as pipe:
                pipe.write(line)
            self._ready = -1

    def _share_folder(self, app: "AppContext") -> None:
        """Let the user of operations reach what is in our temporary folder, and access files with its groups."""
        if app.operation_user:
            os.setgroups(app.operation_user.groups)
            let_search(Path(tempfile.gettempdir()), app.operation_user)

    def _create_context(self) -> "AppContext":
        from cfy_cli.manager.services.context import AppContext
        from cfy_cli.manager.services.encryption.cipher import Cipher

        app = AppContext(self._settings, self._work_available, self._execution_ended, self._name)
        app.service(Cipher)  # raises now when the configured key is not valid
        if self._name == self._settings.child_names[0]:
            app.listen()
        return app

    def _acquire_name(self) -> None:
        """Become the only child of this name, with empty folders of its own for temporary and incoming files.

        The lock is held until the process has exited: until then a thread may start a script, and the next child of
        this name looks for scripts that are left over.
        """
        self._acquire_lock(self._name)
        folder = self._settings.data_dir / TEMPORARY_FOLDER / self._name
        for path in (folder, incoming_folder(self._settings.files, self._name, self._settings.storage)):
            shutil.rmtree(path, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        tempfile.tempdir = str(folder)

    def _acquire_lock(self, name: str) -> FileLock:
        """Wait until no child of that name runs any more; exit when orphaned meanwhile."""
        lock = FileLock(lock_path(self._settings.data_dir, name))
        while not lock.try_acquire():
            if select.select([self._parent], [], [], LOCK_INTERVAL)[0]:
                sys.exit(1)
        return lock

    def _on_orphaned(self, stop: Callable[[], None]) -> None:
        """Call `stop` when the supervisor exits."""

        def wait() -> None:
            os.read(self._parent, 1)
            stop()

        threading.Thread(target=wait, name="orphaned", daemon=True).start()


def _relax_garbage_collection() -> None:
    """Collect cyclic garbage seldom: rows, graphs and responses are many objects with hardly a cycle."""
    gc.freeze()  # modules imported by now are never garbage
    gc.set_threshold(GC_THRESHOLD, 20, 20)
    gc.enable()

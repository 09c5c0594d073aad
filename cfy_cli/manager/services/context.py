"""The application context of a server or worker process."""

import functools
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

from cfy_cli.contract.limits import activate, active_limits
from cfy_cli.manager.engine.operation_user import OperationUser, find_user
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store.advisory_locks import Lock
from cfy_cli.manager.store.audit import Actor
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.store.file_changes import FileChanges
from cfy_cli.manager.store.files import Files
from cfy_cli.manager.store.notifications import EXECUTION_ENDED, WORK_AVAILABLE, Notifications, SharedWakeup
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store
from cfy_cli.manager.wakeup import WakeupPipe


class Service(Protocol):
    """An object of which a process needs one, such as a cache. It is built from the context."""

    def __init__(self, app: "AppContext") -> None: ...

    def close(self) -> None:
        """Release what the service holds; called when the process shuts down."""


S = TypeVar("S", bound=Service)


class AppContext:
    """Settings, database, files and wake-up pipes of one process, and the services that were built from them.

    `process` is its name among those of the manager. `work_available` wakes workers; `execution_ended` wakes requests
    that wait for an execution.
    """

    def __init__(
        self,
        settings: ManagerSettings,
        work_available: WakeupPipe | None = None,
        execution_ended: WakeupPipe | None = None,
        process: str = "",
    ) -> None:
        self.settings = settings
        activate(settings.limits)
        self.database = Database(settings.database, settings.database_password)
        self.files = Files(
            settings.files,
            process,
            storage=settings.storage,
            credentials=settings.storage_credentials,
            max_cache=settings.limits.file_cache,
        )
        self.work_available = work_available or WakeupPipe.create()
        self.execution_ended = execution_ended or WakeupPipe.create()
        self._notifications: Notifications | None = None
        if not self.database.is_sqlite:
            self._notifications = Notifications(self.database, settings.place)
            self.work_available = SharedWakeup(self.work_available, self._notifications, WORK_AVAILABLE)
            self.execution_ended = SharedWakeup(self.execution_ended, self._notifications, EXECUTION_ENDED)
        self.is_stopping: Callable[[], bool] = lambda: False  # whether the process shuts down
        self._services: dict[type[Service], Service] = {}
        self._lock = threading.RLock()  # a service may need another one while it is built

    @functools.cached_property
    def operation_user(self) -> OperationUser | None:
        """The user that operations run as, None if it is the one of this process."""
        return find_user(self.settings.run_as, self.settings.data_dir) if self.settings.run_as else None

    @property
    def hostname(self) -> str:
        return socket.gethostname()

    def service(self, kind: type[S]) -> S:
        """Return the only instance of a service in this process; build it when it is first used."""
        service = self._services.get(kind)
        if service is None:
            with self._lock:
                service = self._services.get(kind)
                if service is None:
                    service = self._services[kind] = kind(self)
        assert isinstance(service, kind)
        return service

    def listen(self) -> None:
        """Pass notifications of other machines on to the processes of this one."""
        if self._notifications is not None:
            pipes = {WORK_AVAILABLE: self.work_available, EXECUTION_ENDED: self.execution_ended}
            self._notifications.listen({channel: pipe.notify_here for channel, pipe in pipes.items()})

    @contextmanager
    def reading(self, scope: Scope) -> Iterator[Store]:
        """Open a read transaction in a scope."""
        with self.database.read() as session:
            yield Store(session, scope, active_limits().page)

    @contextmanager
    def writing(
        self, scope: Scope, actor: Actor | None = None, locks: Sequence[Lock] = (), *, reuse_plans: bool = False
    ) -> Iterator[Store]:
        """Open a write transaction in a scope; commit it with its files and run its commit hooks at the end.

        The audit log names the `actor`, by default the user of the scope. See `Database.write` for the others.
        """
        files = FileChanges(self.files)
        try:
            with self.database.write(actor or Actor(scope.user), locks, reuse_plans=reuse_plans) as session:
                store = Store(session, scope, active_limits().page, files)
                yield store
                files.place(session)
        except BaseException:
            files.undo(self.database)
            raise
        files.finish()
        store.run_commit_hooks()

    def close(self) -> None:
        for service in self._services.values():
            service.close()
        if self._notifications is not None:
            self._notifications.close()
        self.database.close()
        self.work_available.close()
        self.execution_ended.close()

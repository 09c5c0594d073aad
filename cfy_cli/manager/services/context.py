"""The manager as its services see it: a database, files, keys, bells."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from cfy_cli.contract.timestamps import seconds_ago
from cfy_cli.manager.services.blueprints.plan_cache import Plans
from cfy_cli.manager.services.identity.credentials import Credentials
from cfy_cli.manager.services.runtime.waiter import ExecutionWaiter
from cfy_cli.manager.services.secrets.encryption import Cipher
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.store.files import Files
from cfy_cli.manager.store.models import WorkerRecord
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store
from cfy_cli.manager.wakeup import WakeupPipe

WORKER_TIMEOUT = 15  # seconds without a word from a worker before it counts as gone


class AppContext:
    """One for each process; opens stores on somebody's behalf."""

    def __init__(
        self,
        settings: ManagerSettings,
        work_available: WakeupPipe | None = None,
        execution_ended: WakeupPipe | None = None,
    ) -> None:
        """`work_available` wakes workers, `execution_ended` wakes requests that wait for an execution."""
        self.settings = settings
        self.database = Database(settings.database)
        self.files = Files(settings.files)
        self.work_available, self.execution_ended = (
            work_available or WakeupPipe.create(),
            execution_ended or WakeupPipe.create(),
        )
        self.plans = Plans()
        self.waiter = ExecutionWaiter(self.database, self.execution_ended)
        self.credentials = Credentials(self.database, self._key_file)
        self.seal = Cipher(settings.data_dir / "secrets.key", settings.encryption_key)

    @property
    def hostname(self) -> str:
        return socket.gethostname()

    @property
    def _key_file(self) -> Path:
        return self.settings.data_dir / "token.key"

    @contextmanager
    def reading(self, scope: Scope) -> Iterator[Store]:
        with self.database.read() as session:
            yield Store(session, scope)

    @contextmanager
    def writing(self, scope: Scope) -> Iterator[Store]:
        """Stored as a whole when it ends; what was put off until then is done after that."""
        with self.database.write() as session:
            store = Store(session, scope)
            yield store
        store.run_commit_hooks()

    def services(self) -> dict[str, dict[str, Any]]:
        """What this manager is made of and how each part is, as `GET /status` names it."""
        with self.database.read() as session:
            alive = session.scalar(select(func.count()).where(WorkerRecord.seen_at > seconds_ago(WORKER_TIMEOUT)))
        database = "SQLite" if self.database.is_sqlite else "PostgreSQL"
        parts = {"Webserver": True, "Manager Rest-Service": True, database: True, "Management Worker": bool(alive)}
        return {
            name: {"status": "Active" if well else "Inactive", "is_remote": False, "extra_info": {}}
            for name, well in parts.items()
        }

    def close(self) -> None:
        self.waiter.close()
        self.database.close()
        self.work_available.close()
        self.execution_ended.close()

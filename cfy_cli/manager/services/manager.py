"""The manager as its services see it: a database, files, keys, bells."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from cfy_cli.contract.clock import seconds_ago
from cfy_cli.manager.bell import Bell
from cfy_cli.manager.services.confidential.sealing import Seal
from cfy_cli.manager.services.executing.endings import Endings
from cfy_cli.manager.services.identity.credentials import Credentials
from cfy_cli.manager.services.intake.plans import Plans
from cfy_cli.manager.settings import Settings
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.store.files import Files
from cfy_cli.manager.store.models import Worker
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store

HEARTBEAT_LIMIT = 15  # seconds without a word from a worker before it counts as gone


class Manager:
    """One for each process; opens stores on somebody's behalf."""

    def __init__(self, settings: Settings, bell: Bell | None = None, ends: Bell | None = None) -> None:
        """`bell` rings when there is something to do, `ends` when an execution has ended."""
        self.settings = settings
        self.database = Database(settings.database)
        self.files = Files(settings.files)
        self.bell, self.ends = bell or Bell.hang(), ends or Bell.hang()
        self.plans = Plans()
        self.endings = Endings(self.database, self.ends)
        self.credentials = Credentials(self.database, self._key_file)
        self.seal = Seal(settings.data_dir / "secrets.key", settings.encryption_key)

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
        store.committed()

    def services(self) -> dict[str, dict[str, Any]]:
        """What this manager is made of and how each part is, as `GET /status` names it."""
        with self.database.read() as session:
            alive = session.scalar(select(func.count()).where(Worker.seen_at > seconds_ago(HEARTBEAT_LIMIT)))
        database = "SQLite" if self.database.is_sqlite else "PostgreSQL"
        parts = {"Webserver": True, "Manager Rest-Service": True, database: True, "Management Worker": bool(alive)}
        return {
            name: {"status": "Active" if well else "Inactive", "is_remote": False, "extra_info": {}}
            for name, well in parts.items()
        }

    def close(self) -> None:
        self.endings.close()
        self.database.close()
        self.bell.close()
        self.ends.close()

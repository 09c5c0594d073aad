"""Two managers in one process: what one has written, the other one reads."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from cfy_cli.contract.states import ENDED
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.encryption.cipher import Cipher
from cfy_cli.manager.services.snapshots.tables import Row, reencrypt, stored_tables
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store.models import Execution
from cfy_cli.manager.worker import Worker
from tests.in_process import application_of
from tests.manager.conftest import wait_until

OF_LOGINS = ("last_login_at", "first_login_at")


@contextmanager
def other_manager(folder: Path, first_start: Path) -> Iterator[AppContext]:
    """Yield another manager, on SQLite and with another key; requests go to it until `serve` is called."""
    shutil.copytree(first_start / "data", folder / "data")
    shutil.copyfile(first_start / "manager.db", folder / "manager.db")
    settings = ManagerSettings(
        folder / "data",
        database_url=f"sqlite:///{folder / 'manager.db'}",
        server_names=("manager", "testserver"),
    )
    app = AppContext(settings)
    try:
        application_of(app)
        yield app
    finally:
        app.close()


def serve(app: AppContext) -> None:
    application_of(app)


@contextmanager
def working(app: AppContext) -> Iterator[None]:
    """Run executions in a thread."""
    worker = Worker(app, "test")
    thread = threading.Thread(target=worker.work)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join()
        worker.close()


@dataclass(frozen=True)
class End:
    status: str
    error: str


def wait_in_database(app: AppContext, execution_id: str) -> End:
    """Return the end of an execution, without a login that would change a row."""

    def read() -> End:
        with app.database.read() as session:
            row = session.execute(
                select(Execution.status, Execution.error).where(Execution.id == execution_id)
            ).one_or_none()
        return End(row.status, row.error or "") if row else End("", "")

    return wait_until(read, lambda end: end.status in ENDED, 60)


def read_everything(app: AppContext, *without: str) -> dict[str, list[Row]]:
    """Return the rows of all tables that a snapshot holds, decrypted, without the traces of some executions."""
    everything = {}
    with app.database.read() as session:
        for table in stored_tables():
            statement = select(*table.columns).order_by(*table.primary_key.columns)
            rows = [dict(row._mapping) for row in session.connection().execute(statement)]
            name = "id" if table.name == "executions" else "execution_id"
            rows = [row for row in rows if row.get(name) not in without]
            for row in rows:
                for column in OF_LOGINS:
                    row.pop(column, None)
            everything[table.name] = list(reencrypt(table, rows, app.service(Cipher).decrypt))
    return everything

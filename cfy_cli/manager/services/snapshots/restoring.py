"""Replacing all rows of a manager by those of a snapshot, in the transaction of the caller."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from sqlalchemy import Connection, Table, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from cfy_cli.contract.states import ENDED, ExecutionState
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.encryption.cipher import Cipher
from cfy_cli.manager.services.identity.access import DEFAULT_TENANT
from cfy_cli.manager.services.snapshots.archive import SnapshotArchive, damaged
from cfy_cli.manager.services.snapshots.credentials import Import
from cfy_cli.manager.services.snapshots.kept_rows import KeptRows
from cfy_cli.manager.services.snapshots.staging import RowFolder
from cfy_cli.manager.services.snapshots.tables import (
    Row,
    folder_tables,
    kept_tables,
    reencrypt,
    references,
    stored_tables,
)
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.bulk import BulkStatement
from cfy_cli.manager.store.models import AuditRecord, Base, Execution, Tenant, User
from cfy_cli.manager.store.store import Store

BATCH = 500  # rows of one statement
LARGE_BATCH = 20  # of tables with values of any size
RUNS = (ExecutionState.QUEUED, ExecutionState.SCHEDULED)  # what a restored manager goes on with
INTERRUPTED = "It had not ended when the snapshot was created: start it again, or resume it"


def replace_rows(
    app: AppContext, store: Store, archive: SnapshotArchive, execution_id: str, folders: Mapping[RowFolder, object]
) -> dict[RowFolder, tuple[type[Base], int]]:
    """Replace all rows but those of this machine; keep the execution that restores, and its events.

    Rows with files get storage ids that were never used here, since these name folders. Returns which rows the folders
    of the snapshot belong to. Raises Invalid for a damaged snapshot.
    """
    session = store.unscoped  # all rows of all tenants
    store.acquire_lock(LockKey.FILES)
    connection = session.connection()
    tables = stored_tables()
    _lock(connection, [*tables, *kept_tables()])
    kept = KeptRows(connection, execution_id)
    shifts = {table: _find_shift(connection, archive, table) for table in folder_tables().values()}
    for table in reversed([*tables, *kept_tables()]):
        connection.execute(table.delete())
    change = Import(app.service(Cipher), archive.metadata.key)
    for table in tables:
        rows = reencrypt(table, _shifted(table, archive.rows(table), shifts), change)
        _insert(connection, table, _ended(rows) if table.name == Execution.__tablename__ else rows)
    _check_access(connection)
    _raise_sequences(connection, tables)  # before rows get new storage ids
    kept.store(connection)
    models = {mapper.class_.FOLDER: mapper.class_ for mapper in Base.registry.mappers if mapper.class_.FOLDER}
    return {
        (folder, storage_id): (models[folder], storage_id + shifts[folder_tables()[folder]])
        for folder, storage_id in folders
    }


def find_creation(archive: SnapshotArchive) -> str:
    """Return when the first tenant of a snapshot was created, which tells databases apart."""
    tenants = Base.metadata.tables[Tenant.__tablename__]
    first = next(archive.rows(tenants), None)
    return str(first["created_at"]) if first else ""


def _lock(connection: Connection, tables: Iterable[Table]) -> None:
    """Let nobody else change the tables until the transaction ends; they can be read."""
    if connection.dialect.name == "postgresql":
        names = ", ".join(table.name for table in sorted(tables, key=lambda table: table.name))
        connection.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))


def _find_shift(connection: Connection, archive: SnapshotArchive, table: Table) -> int:
    """Return what is added to the storage ids of a table, so that all of them are new; 0 if none was ever used."""
    latest = _latest_id(connection, table)
    first = next(archive.rows(table), None) if latest else None
    return latest + 1 - int(str(first["storage_id"])) if first else 0


def _latest_id(connection: Connection, table: Table) -> int:
    """Return the highest storage id that was ever used."""
    if connection.dialect.name == "sqlite":
        statement = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return connection.scalar(statement, {"name": table.name}) or 0
    sequence = connection.scalar(text("SELECT pg_get_serial_sequence(:name, 'storage_id')"), {"name": table.name})
    number, is_used = connection.execute(text(f"SELECT last_value, is_called FROM {sequence}")).one()  # noqa: S608
    return number if is_used else 0


def _shifted(table: Table, rows: Iterable[Row], shifts: Mapping[Table, int]) -> Iterator[Row]:
    columns = references(table, shifts)
    by_name = {shifted.name: shift for shifted, shift in shifts.items()}
    is_audit = table.name == AuditRecord.__tablename__
    for row in rows:
        for name, shift in columns:
            value = row[name]
            if isinstance(value, int):
                row[name] = value + shift
        if is_audit and isinstance(row["ref_id"], int):
            row["ref_id"] += by_name.get(str(row["ref_table"]), 0)
        yield row


def _ended(rows: Iterable[Row]) -> Iterator[Row]:
    """Let executions that ran fail, since no worker has them; those that waited wait on."""
    for row in rows:
        is_over = row["status"] in ENDED or (row["status"] in RUNS and not row["is_system_workflow"])
        if not is_over:
            row |= {"status": ExecutionState.FAILED, "error": row["error"] or INTERRUPTED, "ended_at": now()}
        yield row


def _insert(connection: Connection, table: Table, rows: Iterator[Row]) -> None:
    names = [column.name for column in table.columns]
    statement = BulkStatement(insert(table).inline(), names)
    size = LARGE_BATCH if any(_is_large(column.type) for column in table.columns) else BATCH
    try:
        while batch := list(islice(rows, size)):
            statement.execute(connection, batch)
    except IntegrityError as error:
        raise damaged(
            f"the rows of `{table.name}` contradict each other, or refer to rows that it does not have"
        ) from error


def _is_large(type_: object) -> bool:
    return type(type_).__name__ in ("JSON", "Text")


def _check_access(connection: Connection) -> None:
    """Raise Invalid when nobody could manage what was restored."""
    first = select(User.username, User.active).order_by(User.storage_id).limit(1)
    user = connection.execute(first).first()
    has_tenant = connection.scalar(select(Tenant.storage_id).where(Tenant.name == DEFAULT_TENANT))
    if user is None or not user.active or not has_tenant:
        raise damaged(f"it has no first administrator who is active, or no tenant `{DEFAULT_TENANT}`")


def _raise_sequences(connection: Connection, tables: Iterable[Table]) -> None:
    """Let new rows get storage ids above all that were used; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables:
        if "storage_id" in table.columns:
            highest = connection.scalar(select(func.max(table.c.storage_id))) or 0
            if highest > _latest_id(connection, table):
                sequence = "pg_get_serial_sequence(:name, 'storage_id')"
                connection.execute(
                    text(f"SELECT setval({sequence}, :highest)"), {"name": table.name, "highest": highest}
                )

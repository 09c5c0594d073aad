"""Rows that restoring keeps of the manager it happens on: those of the machine, and its own execution."""

from sqlalchemy import Connection, Table, insert, select

from cfy_cli.manager.services.identity.access import DEFAULT_TENANT
from cfy_cli.manager.services.snapshots.tables import Row, kept_tables
from cfy_cli.manager.store.models import Base, Event, Execution, Tenant


class KeptRows:
    """Rows that are read before everything is deleted, and stored again: few, and without large values."""

    def __init__(self, connection: Connection, execution_id: str) -> None:
        executions, events = (Base.metadata.tables[model.__tablename__] for model in (Execution, Event))
        self._rows = {table: _read(connection, table) for table in kept_tables()}
        self._own = [
            (executions, _read(connection, executions, id=execution_id)),
            (events, _read(connection, events, execution_id=execution_id)),
        ]

    def store(self, connection: Connection) -> None:
        """Store the rows; those of tenants that are no more go to the default tenant."""
        tenants = set(connection.scalars(select(Tenant.name)))
        for table, rows in self._rows.items():
            taken: set[tuple[object, object]] = set()
            for row in sorted(rows, key=lambda row: row["tenant_name"] not in tenants):
                if row["tenant_name"] not in tenants:
                    row |= {"tenant_name": DEFAULT_TENANT, "id": _free_name(row, taken)}
                taken.add((row["tenant_name"], row["id"]))
                connection.execute(insert(table).values(row))
        for table, rows in self._own:
            for row in rows:
                without_id = {name: value for name, value in row.items() if name != "storage_id"}
                connection.execute(insert(table).values(without_id))


def _read(connection: Connection, table: Table, **names: str) -> list[Row]:
    statement = select(*table.columns).filter_by(**names).order_by(table.c.storage_id)
    return [dict(row._mapping) for row in connection.execute(statement)]


def _free_name(row: Row, taken: set[tuple[object, object]]) -> str:
    name, number = str(row["id"]), 1
    while (DEFAULT_TENANT, name) in taken:
        number += 1
        suffix = f"_{number}"
        name = str(row["id"])[: 256 - len(suffix)] + suffix
    return name

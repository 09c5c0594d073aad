"""The tables that a snapshot holds, and what is particular about some of their columns."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from sqlalchemy import Column, Table

from cfy_cli.manager.services.configuration.catalogue import ENTRIES
from cfy_cli.manager.store.models import Base, ConfigValue
from cfy_cli.manager.store.models.types import ENCRYPTED

Row = dict[str, object]  # by the names of columns
SECRET_ENTRIES = {(entry.scope, entry.name) for entry in ENTRIES if entry.is_secret}
_MACHINE_TABLES = {each.local_table for each in Base.registry.mappers if not each.class_.IS_IN_SNAPSHOTS}


def stored_tables() -> list[Table]:
    """Return the tables of a snapshot: first those that others refer to."""
    return [table for table in Base.metadata.sorted_tables if table not in _MACHINE_TABLES]


def kept_tables() -> list[Table]:
    """Return the tables of this machine whose rows refer to what a restore replaces: each belongs to a tenant."""
    return [table for table in Base.metadata.sorted_tables if table in _MACHINE_TABLES and table.foreign_keys]


def folder_tables() -> dict[str, Table]:
    """Return the tables of a snapshot whose rows have files, by the names of their folders."""
    models = [each.class_ for each in Base.registry.mappers if each.class_.FOLDER and each.class_.IS_IN_SNAPSHOTS]
    return {model.FOLDER: Base.metadata.tables[model.__tablename__] for model in models}


def reencrypt(table: Table, rows: Iterable[Row], change: Callable[[str], str]) -> Iterator[Row]:
    """Change the encrypted values of rows; empty text stands for no value."""
    always = [column for column in table.columns if column.info == ENCRYPTED]
    is_configuration = table.name == ConfigValue.__tablename__
    for row in rows:
        columns = always
        if is_configuration and (row["scope"], row["name"]) in SECRET_ENTRIES:
            columns = [table.columns["value"]]
        for column in columns:
            value = row[column.name]
            if value:
                row[column.name] = change(str(value)) or _no_value(column)
        yield row


def references(table: Table, shifts: Mapping[Table, int]) -> list[tuple[str, int]]:
    """Return the columns with storage ids of rows that get other ones, with what is added to these."""
    found = [(column.name, shifts.get(referred, 0)) for column, referred in referring(table)]
    return [(name, shift) for name, shift in (("storage_id", shifts.get(table, 0)), *found) if shift]


def referring(table: Table) -> Iterator[tuple[Column[object], Table]]:
    """Yield the columns with storage ids of rows, and the tables of these."""
    for column in table.columns:
        if "refers_to" in column.info:
            yield column, Base.metadata.tables[column.info["refers_to"]]
        for key in column.foreign_keys:
            if key.column.name == "storage_id":
                yield column, key.column.table


def _no_value(column: Column[object]) -> str | None:
    return None if column.nullable else ""

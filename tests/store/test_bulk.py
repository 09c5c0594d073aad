"""Statements for many rows: what rows share is stored in each of them as it is."""

from collections import Counter

import pytest
from sqlalchemy import event, select

from cfy_cli.contract.json import JsonObject
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.bulk import COPY_ROWS, BulkStatement
from cfy_cli.manager.store.models import AuditRecord
from cfy_cli.manager.store.row_changes import write_changes

INSERT = BulkStatement.insert(AuditRecord)
ODD = 'quotes " and \' \\ \\" {,} ;\n\t\r % %(rows)s é \0 \ud800'  # text that a statement could take for its own
ROWS = COPY_ROWS * 2


def read(app: AppContext) -> list[tuple[str, JsonObject, str | None]]:
    columns = (AuditRecord.ref_table, AuditRecord.ref_identifier, AuditRecord.creator_name)
    with app.database.read() as session:
        found = session.execute(select(*columns).order_by(AuditRecord.storage_id)).all()
    return [(table, identifier, name) for table, identifier, name in found]


def insert(app: AppContext, values: list[tuple[str, JsonObject, str | None]]) -> None:
    rows = [
        {
            "ref_table": table,
            "ref_id": None,
            "ref_identifier": identifier,
            "operation": "create",
            "creator_name": name,
            "execution_id": None,
            "created_at": "2026-01-01T00:00:00.000Z",
        }
        for table, identifier, name in values
    ]
    with app.database.write() as session:
        INSERT.execute(session.connection(), rows)


@pytest.mark.parametrize("repeated", [1, 100])
def test_values_that_rows_share_are_stored_as_they_are(app: AppContext, repeated: int) -> None:
    shared: JsonObject = {"text": ODD * repeated, "null": None}
    before = read(app)
    values = [(f"t{index}", shared if index % 3 else {"own": index}, ODD[:30]) for index in range(ROWS)]
    insert(app, values)
    assert read(app)[len(before) :] == values


def test_changes_of_many_rows_are_written_together(app: AppContext) -> None:
    insert(app, [("t", {"own": index}, None) for index in range(ROWS)])
    shared: JsonObject = {"text": ODD * 100}
    statements: Counter[str] = Counter()
    with app.database.write() as session:
        rows = session.scalars(select(AuditRecord).where(AuditRecord.ref_table == "t")).all()
        for index, row in enumerate(rows):
            row.creator_name, row.ref_identifier = f"user {index}", shared
        rows[0].ref_identifier = {"own": 0}  # as it was
        event.listen(session.connection(), "before_cursor_execute", lambda *given: statements.update([given[2]]))
        write_changes(session, rows)
        session.flush()
        assert [row.creator_name for row in rows] == [f"user {index}" for index in range(ROWS)]
    assert len(statements) == 2  # for the first row, which has other columns, and for all others
    written = [each for each in read(app) if each[0] == "t"]
    expected = [{"own": 0}, *[shared] * (ROWS - 1)]
    assert written == [("t", identifier, f"user {index}") for index, identifier in enumerate(expected)]

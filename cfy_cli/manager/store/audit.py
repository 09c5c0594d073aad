"""Recording of every change in the audit log, in the transaction that makes it.

What goes through a session that writes is recorded: rows that are added, changed and deleted, and UPDATE, DELETE and
INSERT statements. Not recorded are the tables that are not `IS_AUDITED`, the columns named by `UNAUDITED`, which other
changes entail, and what workers write past the session (`Session.connection`): the journal and the states of instances.
Records hold names and no values, so no secret can be among them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypedDict

from sqlalchemy import Connection, Delete, Update, event, inspect, select
from sqlalchemy.orm import Mapper, ORMExecuteState, Session, object_session

from cfy_cli.contract.timestamps import now
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.bulk import BulkStatement
from cfy_cli.manager.store.models import AuditRecord, Base, Execution
from cfy_cli.manager.store.query import column

Change = Literal["create", "update", "delete"]
# The lock is the last one of the transaction, so nobody waits for its holder.
INSERT_RECORD = BulkStatement.insert(AuditRecord, lock=LockKey.AUDIT)
COLLECTIONS = ("labels",)  # that are changed as a part of their row


@dataclass(frozen=True, slots=True)
class Actor:
    """On whose behalf a transaction makes changes: a user, and the execution that makes them. Neither: the manager."""

    user: str | None = None
    execution_id: str | None = None


MANAGER = Actor()


class RecordRow(TypedDict):
    """A row of the audit log with all columns but the storage id."""

    ref_table: str
    ref_id: int | None
    ref_identifier: dict[str, str]
    operation: Change
    creator_name: str | None
    execution_id: str | None
    created_at: str


class Changes:
    """The changes of one transaction that were not stored in the audit log yet."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self._of_rows: dict[tuple[str, int], RecordRow] = {}  # one for each row, whatever the number of its changes
        self._of_others: list[RecordRow] = []  # of rows that are not known one by one

    def add(self, row: Base, change: Change) -> None:
        record = self._describe(type(row), row.storage_id, row.identifier, change)
        if isinstance(row, Execution):  # what the manager does to one, it does for the user whom that acts for
            record["creator_name"] = record["creator_name"] or row.acts_for
            record["execution_id"] = record["execution_id"] or row.id
        self._add_to_row(row.storage_id, record)

    def add_rows(self, model: type[Base], rows: Iterable[Mapping[str, object]], change: Change) -> None:
        """Add the change of rows whose names are given, and whose storage ids if they are known."""
        for row in rows:
            storage_id = row.get("storage_id")
            identifier = {name: str(row[name]) for name in model.identifying_columns() if row.get(name) is not None}
            if isinstance(storage_id, int):
                self._add_to_row(storage_id, self._describe(model, storage_id, identifier, change))
            else:
                self.add_unknown(model, identifier, change)

    def add_unknown(self, model: type[Base], identifier: dict[str, str], change: Change) -> None:
        """Add the change of rows that are not known one by one; `identifier` says which."""
        self._of_others.append(self._describe(model, None, identifier, change))

    def store(self, session: Session) -> None:
        rows = [*self._of_rows.values(), *self._of_others]
        if rows:
            INSERT_RECORD.execute(session.connection(), rows)
            self._of_rows, self._of_others = {}, []

    def _describe(
        self, model: type[Base], storage_id: int | None, identifier: dict[str, str], change: Change
    ) -> RecordRow:
        return {
            "ref_table": model.__tablename__,
            "ref_id": storage_id,
            "ref_identifier": identifier,
            "operation": change,
            "creator_name": self.actor.user,
            "execution_id": self.actor.execution_id,
            "created_at": now(),
        }

    def _add_to_row(self, storage_id: int, record: RecordRow) -> None:
        key = (record["ref_table"], storage_id)
        former = self._of_rows.get(key)
        if former and former["operation"] == "delete":  # a new row has the storage id of a deleted one
            self._of_others.append(former)
            former = None
        if former is None or former["operation"] == "update":
            self._of_rows[key] = record
        elif record["operation"] == "delete":  # nobody else has seen the row
            del self._of_rows[key]


class WriteSession(Session):
    """A session of one transaction that writes: what it changes is recorded when it is committed."""

    def __init__(self, *arguments: Any, actor: Actor, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.changes = Changes(actor)

    def act_as(self, actor: Actor) -> None:
        """Record what is changed from now on as changes of another actor."""
        if actor != self.changes.actor:
            self.flush()
            self.changes.actor = actor


@event.listens_for(Base, "after_insert", propagate=True)
def _record_insert(_mapper: Mapper[Base], _connection: Connection, row: Base) -> None:
    _record(row, "create")


@event.listens_for(Base, "after_update", propagate=True)
def _record_update(_mapper: Mapper[Base], _connection: Connection, row: Base) -> None:
    if row.IS_AUDITED and _is_changed(row):
        _record(row, "update")


@event.listens_for(Base, "after_delete", propagate=True)
def _record_delete(_mapper: Mapper[Base], _connection: Connection, row: Base) -> None:
    _record(row, "delete")


def record_change(session: Session, row: Base) -> None:
    """Record the changes of a stored row that are about to be written past the session."""
    if row.IS_AUDITED and isinstance(session, WriteSession) and _is_changed(row):
        session.changes.add(row, "update")


def _record(row: Base, change: Change) -> None:
    session = object_session(row)
    if row.IS_AUDITED and isinstance(session, WriteSession):
        session.changes.add(row, change)


@event.listens_for(WriteSession, "do_orm_execute")
def _record_statement(state: ORMExecuteState) -> None:
    mapper, statement, session = state.bind_mapper, state.statement, state.session
    if state.is_select or mapper is None or not mapper.class_.IS_AUDITED:
        return
    assert isinstance(session, WriteSession)
    model: type[Base] = mapper.class_
    if state.is_insert:
        given = state.parameters
        rows: Sequence[Mapping[str, object]] = [given] if isinstance(given, Mapping) else list(given or ())
        session.changes.add_rows(model, rows, "create")
    elif isinstance(statement, Update | Delete):
        names = [column(model, name) for name in ("storage_id", *model.identifying_columns())]
        query = select(*names)
        if statement.whereclause is not None:
            query = query.where(statement.whereclause)
        found = session.connection().execute(query, state.parameters or {}).mappings().all()
        session.changes.add_rows(model, [dict(row) for row in found], "update" if state.is_update else "delete")


@event.listens_for(WriteSession, "before_commit")
def _store_changes(session: WriteSession) -> None:
    session.flush()
    session.changes.store(session)


@cache
def _audited(model: type[Base]) -> frozenset[str]:
    mapper = inspect(model)
    names = {*mapper.columns.keys(), *(name for name in COLLECTIONS if name in mapper.relationships)}
    return frozenset(names) - model.UNAUDITED


def _is_changed(row: Base) -> bool:
    state = inspect(row)
    names = state.committed_state.keys() & _audited(row.__class__)
    return any(state.attrs[name].history.has_changes() for name in names)

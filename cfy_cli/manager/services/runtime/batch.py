"""What a worker has to store, all together: lines of history, states of tasks, states of node instances."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from cfy_cli.manager.engine.health import system_properties
from cfy_cli.manager.engine.tasks import SetState
from cfy_cli.manager.store.bulk import BulkStatement
from cfy_cli.manager.store.models import Event, NodeInstance, Operation

Row = dict[str, Any]

_operations, _instances = Operation.__table__, NodeInstance.__table__
SAY = BulkStatement.insert(Event)
MOVE = BulkStatement(
    update(Operation)
    .where(_operations.c.id == bindparam("mark"))
    .values(
        state=bindparam("new_state"),
        attempt=bindparam("new_attempt"),
        result=bindparam("new_result"),
        failure=bindparam("new_failure"),
    )
)
START = BulkStatement(
    update(Operation)
    .where(_operations.c.id == bindparam("mark"))
    .values(pid=bindparam("new_pid"), birth=bindparam("new_birth"))
)
ENTER = BulkStatement(
    update(NodeInstance)
    .where(_instances.c.storage_id == bindparam("number"))
    .values(
        state=bindparam("new_state"),
        system_properties=bindparam("new_properties"),
        version=_instances.c.version + bindparam("changes"),
    )
)


@dataclass(slots=True)
class Batch:
    lines: list[Row] = field(default_factory=list)  # of `events`
    moves: dict[str, Row] = field(default_factory=dict)  # the latest of each operation, as MOVE wants it
    starts: dict[str, Row] = field(default_factory=dict)  # the same for START
    entered: list[tuple[int, SetState]] = field(default_factory=list)  # of which deployment

    def __bool__(self) -> bool:
        return bool(self.lines or self.moves or self.starts or self.entered)

    def extend(self, later: "Batch") -> None:
        self.lines += later.lines
        self.moves |= later.moves
        self.starts |= later.starts
        self.entered += later.entered

    def taken_apart(self) -> Iterator["Batch"]:
        """Each thing alone; it is gone from here as soon as the next one is asked for."""
        while self.lines:  # first: what is told twice does less harm than what is never told
            yield Batch(lines=self.lines[:1])
            del self.lines[0]
        while self.entered:
            yield Batch(entered=self.entered[:1])
            del self.entered[0]
        for mark in list(self.starts):
            yield Batch(starts={mark: self.starts[mark]})
            del self.starts[mark]
        for mark in list(self.moves):
            yield Batch(moves={mark: self.moves[mark]})
            del self.moves[mark]

    def store(self, session: Session) -> None:
        connection = session.connection()
        if self.entered:
            self._enter(session)
        START.execute(connection, _sorted(self.starts))
        MOVE.execute(connection, _sorted(self.moves))
        SAY.execute(connection, self.lines)

    def _enter(self, session: Session) -> None:
        found = session.execute(
            select(
                NodeInstance.deployment_storage_id,
                NodeInstance.id,
                NodeInstance.storage_id,
                NodeInstance.system_properties,
            )
            .where(
                NodeInstance.deployment_storage_id.in_({deployment for deployment, _ in self.entered}),
                NodeInstance.id.in_({step.instance_id for _, step in self.entered}),
            )
            .order_by(NodeInstance.storage_id)
            .with_for_update()
        )
        rows: dict[tuple[int, str], Row] = {
            (deployment, name): {"number": number, "new_properties": known, "changes": 0}
            for deployment, name, number, known in found
        }
        for deployment, step in self.entered:
            row = rows.get((deployment, step.instance_id))
            if row is not None:  # else it is gone, and has no state
                stamped = system_properties(step, lambda row=row: row["new_properties"])  # type: ignore[misc]
                row["new_properties"] = row["new_properties"] if stamped is None else stamped
                row["new_state"] = step.state
                row["changes"] += 1
        ENTER.execute(session.connection(), [row for row in rows.values() if row["changes"]])


def _sorted(rows: dict[str, Row]) -> list[Row]:
    """In an order that all writers share, so that none waits for another that waits for it."""
    return [rows[mark] for mark in sorted(rows)]

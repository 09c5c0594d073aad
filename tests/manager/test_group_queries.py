"""Queries for what execution groups start next read a few rows, however many executions wait."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Select, text
from sqlalchemy.dialects import postgresql

from cfy_cli.contract.timestamps import now
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.execution_groups.group_queues import OPEN_GROUPS
from cfy_cli.manager.services.executions.queue import ANY_WAITS, WAITS
from cfy_cli.manager.services.worker.claiming import WORK
from cfy_cli.manager.store.bulk import BulkStatement, row_of
from cfy_cli.manager.store.database import PREPARE_THRESHOLD
from cfy_cli.manager.store.models import Execution, ExecutionGroup

WAITING, FEW, CALLS = 3000, 100, 20
INSERT_EXECUTION = BulkStatement.insert(Execution)


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes_of(each)


@pytest.fixture
def rows_read(app: AppContext) -> Callable[[Select[Any]], int]:
    """Return how many rows PostgreSQL reads from tables for a query."""

    def count(query: Select[Any]) -> int:
        sql = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
        with app.database.read() as session:
            [explained] = session.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")).scalar_one()
        scans = (each for each in nodes_of(explained["Plan"]) if "Scan" in each["Node Type"])
        return sum(
            (each["Actual Rows"] + each.get("Rows Removed by Filter", 0)) * each["Actual Loops"] for each in scans
        )

    return count


@pytest.fixture
def many_queued(app: AppContext) -> None:
    owned = {"tenant_name": "default_tenant", "created_by": "admin", "visibility": "tenant"}
    with app.database.write() as session:
        session.add(ExecutionGroup(id="g", workflow_id="install", concurrency=5, is_waiting=True, **owned))
        session.flush()
        new = [
            Execution(
                id=f"e{number}",
                workflow_id="install",
                status="queued",
                execution_group_id="g",
                parameters={},
                owned_by="admin",
                **owned,
            )
            for number in range(WAITING)
        ]
        INSERT_EXECUTION.execute(session.connection(), [row_of(each) for each in new])
    with app.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE executions"))


@pytest.mark.postgresql
@pytest.mark.usefixtures("many_queued")
def test_many_queued_executions_are_not_read(app: AppContext, rows_read: Callable[[Select[Any]], int]) -> None:
    with app.database.read() as session:
        assert session.execute(OPEN_GROUPS).all() == [("g", 5)]
    assert rows_read(OPEN_GROUPS) < FEW
    assert rows_read(ANY_WAITS) < FEW


@pytest.mark.postgresql
@pytest.mark.usefixtures("many_queued")
@pytest.mark.parametrize("query", [WORK.statement, OPEN_GROUPS, WAITS], ids=["work", "groups", "waits"])
def test_repeated_queries_are_planned_once(app: AppContext, query: Select[Any]) -> None:
    values = {"now": now(), "deployment": 1}
    with app.database.read() as session:
        for _ in range(CALLS):
            session.execute(query, values)
        sql = str(query.compile(dialect=postgresql.psycopg.dialect()))
        beginning = sql.partition("%")[0].strip()[:200]
        prepared = text("SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE statement LIKE :like")
        [(planned, reused)] = session.execute(prepared, {"like": f"{beginning}%"})
    assert planned <= 5  # what PostgreSQL compares with the plan that it keeps
    assert reused >= CALLS - 5 - PREPARE_THRESHOLD

"""Lists as single parameters: what they match, and that they are looked up in indexes."""

from typing import Any

import pytest
from sqlalchemy import Select, or_, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployments.deployments import INSTANCE_STATES, WITH_LATEST_STATUS
from cfy_cli.manager.services.execution_groups.group_queues import CHOSEN
from cfy_cli.manager.services.executions.queue import WAITING_OF_DEPLOYMENTS
from cfy_cli.manager.services.runtime.batch import EXECUTIONS
from cfy_cli.manager.services.worker.completion import SET_RESULT, STILL_EXIST
from cfy_cli.manager.store.list_parameters import is_among
from cfy_cli.manager.store.models import Tenant
from cfy_cli.manager.store.query import column

NAMES = ("a", "it's", 'a"b', "{x}", "ä, b")
QUERIES = {
    "events": EXECUTIONS.statement,
    "results": SET_RESULT.statement,
    "still there": STILL_EXIST,
    "statuses": WITH_LATEST_STATUS,
    "instances": INSTANCE_STATES,
    "claims": CHOSEN,
    "waiting": WAITING_OF_DEPLOYMENTS,
}


@pytest.mark.parametrize("chosen", [(), NAMES[:1], NAMES, ("none", NAMES[1])], ids=["none", "one", "all", "unknown"])
def test_rows_of_the_list_are_found(app: AppContext, chosen: tuple[str, ...]) -> None:
    name, storage_id = column(Tenant, "name"), column(Tenant, "storage_id")
    with app.database.write() as session:
        session.add_all(Tenant(name=each) for each in NAMES)
        session.flush()
        found = session.execute(select(storage_id, name).where(is_among(name, "names")), {"names": chosen}).all()
        assert {each for _, each in found} == {*NAMES} & {*chosen}
        ids = [number for number, _ in found]
        by_id = select(name).where(is_among(storage_id, "ids"))
        assert {*session.scalars(by_id, {"ids": ids})} == {each for _, each in found}
        others = select(name).where(~is_among(storage_id, "ids"), name != "default_tenant")
        assert {*session.scalars(others, {"ids": ids})} == {*NAMES} - {*chosen}
        either = select(name).where(or_(is_among(storage_id, "ids"), name == NAMES[0]))
        assert {*session.scalars(either, {"ids": ids})} == ({*NAMES} & {*chosen}) | {NAMES[0]}


@pytest.mark.sqlite
@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_lists_are_looked_up_in_indexes(app: AppContext, query: Select[Any]) -> None:
    """SQLite chooses what PostgreSQL chooses too for tables that are not small."""
    compiled = query.compile(dialect=sqlite.dialect())
    assert isinstance(compiled, SQLCompiler)
    with app.database.read() as session:
        parameters = ("[1]",) * len(compiled.positiontup or ())
        rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", parameters).all()
        steps = [str(row[3]) for row in rows]
    tables = [step for step in steps if "VIRTUAL TABLE" not in step and step.startswith(("SCAN", "SEARCH"))]
    assert tables
    assert all(step.startswith("SEARCH") for step in tables), steps

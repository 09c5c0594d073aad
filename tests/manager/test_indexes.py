"""Filter rules, lists and searches of many rows read indexes: the plan of the database tells."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event, insert, text

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import Blueprint, Deployment, DeploymentLabel, Execution, Node, NodeInstance, Site
from tests.conftest import Ask

COUNT = 2000  # rows: with few, a scan is the best plan
OWNED = {"tenant_name": "default_tenant", "visibility": "tenant", "created_by": "admin"}
LARGE = ("deployments", "deployment_labels", "executions", "nodes", "node_instances")
PAGE = "_size=20&_include=id"


@pytest.fixture
def many(app: AppContext) -> None:
    """Deployments with labels, sites, an execution, a node and a node instance."""
    belonging = {**OWNED, "owned_by": "admin"}
    plain = {"type": "t", "type_hierarchy": [], "properties": {}, "operations": {}, "plugins": [], "relationships": []}
    with app.database.write() as session:

        def add(model: Any, build: Callable[[int], dict[str, Any]], count: int = COUNT) -> None:
            session.execute(insert(model), [build(n) for n in range(count)])

        add(Blueprint, lambda n: {
            **OWNED, "storage_id": n + 1, "id": f"b{n}", "state": "uploaded", "upload_execution_id": f"e{n}"
        }, 100)  # fmt: skip
        add(Site, lambda n: {**OWNED, "storage_id": n + 1, "name": f"s{n}"}, 100)
        add(Deployment, lambda n: {
            **OWNED, "storage_id": n + 1, "id": f"d{n}", "display_name": f"D{n}", "blueprint_id": f"b{n % 100}",
            "blueprint_storage_id": n % 100 + 1, "site_storage_id": n % 100 + 1, "latest_execution": f"e{n}",
            "created_at": f"2026-01-01T00:{n // 60:02}:{n % 60:02}.000Z",
        })  # fmt: skip
        for key, values in (("team", 100), ("env", 50)):
            add(DeploymentLabel, lambda n, key=key, values=values: {
                "deployment_storage_id": n + 1, "key": key, "value": f"{key}{n % values}", "created_by": "admin"
            })  # fmt: skip
        place = {**belonging, **plain}
        add(Execution, lambda n: {
            **belonging, "id": f"e{n}", "workflow_id": "install", "deployment_storage_id": n + 1,
            "deployment_id": f"d{n}", "created_at": f"2026-01-01T00:{n // 60:02}:{n % 60:02}.000Z",
        })  # fmt: skip
        add(Node, lambda n: {
            **place, "id": "web", "deployment_storage_id": n + 1, "deployment_id": f"d{n}", "blueprint_id": "b0",
            "deployment_display_name": "D",
        })  # fmt: skip
        add(NodeInstance, lambda n: {
            **belonging, "id": f"web_{n}", "node_id": f"n{n}", "index": 1, "relationships": [],
            "deployment_storage_id": n + 1, "deployment_id": f"d{n}",
        })  # fmt: skip
    with app.database.engine.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()


def rule(kind: str, key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"type": kind, "key": key, "operator": operator, "values": list(values)}


TEAM, BLUEPRINT = rule("label", "team", "any_of", "team7"), rule("attribute", "blueprint_id", "any_of", "b7")
SITE, ID = rule("attribute", "site_name", "any_of", "s7"), rule("attribute", "id", "any_of", "d7", "d8")
REQUESTS: list[tuple[str, object]] = [
    *((f"/searches/deployments?{PAGE}", {"filter_rules": rules}) for rules in (
        [TEAM], [BLUEPRINT], [SITE], [ID], [TEAM, SITE], [TEAM, BLUEPRINT],
        [rule("attribute", "display_name", "any_of", "D7")], [rule("label", "env", "any_of", "env7", "env8"), TEAM],
        *([rule("attribute", key, "starts_with", *values)] for key, *values in (
            ("id", "d7"), ("display_name", "d7", "D12"), ("blueprint_id", "B7"),
        )),
    )),
    (f"/searches/deployments?{PAGE}", {"constraints": {"name_pattern": {"starts_with": "D7"}}}),
    (f"/searches/deployments?{PAGE}", {"constraints": {"name_pattern": {"contains": "7"}}}),
    (f"/searches/deployments?{PAGE}", {"constraints": {"labels": [{"team": "team7"}]}}),
    (f"/searches/deployments?{PAGE}", {"constraints": {"valid_values": ["D7"]}}),
    ("/searches/nodes?_size=20", {"constraints": {"deployment_id": "d7"}}),
    ("/searches/node-instances?_size=20", {"constraints": {"deployment_id": "d7"}}),
    (f"/deployments?{PAGE}&site_name=s7", None), (f"/deployments?{PAGE}&blueprint_id=b7", None),
    ("/deployments/d7", None),
    (f"/executions?{PAGE}&deployment_id=d7", None),
    (f"/nodes?{PAGE}&deployment_id=d7", None), (f"/node-instances?{PAGE}&deployment_id=d7", None),
]  # fmt: skip


def scans(app: AppContext, statement: str, parameters: Any) -> Iterator[str]:
    """Yield the large tables that a statement reads whole.

    A page may be read in the order of an index until it is full. An index that holds all columns which are read is no
    table: counts read one.
    """
    in_order = "ORDER BY" in statement
    with app.database.engine.connect() as connection:
        if app.database.is_sqlite:
            steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            allowed = " USING" if in_order else " USING COVERING"
            found = re.findall(rf"^SCAN (\w+)\b(?!{allowed})", "\n".join(step[3] for step in steps), re.MULTILINE)
        else:
            # They remain where no index serves; a bitmap of all rows of the tenant is no better.
            connection.exec_driver_sql("SET enable_seqscan = off; SET enable_bitmapscan = off")
            steps = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).all()
            plan = "\n".join(step[0] for step in steps)
            found = re.findall(r"Seq Scan on (\w+)", plan)
            if not in_order:
                found += re.findall(r"Index Scan using \w+ on (\w+)[^\n]*\n(?! *Index Cond)", plan + "\n")
    yield from (table for table in found if table.rstrip("_0123456789") in LARGE)


@pytest.mark.usefixtures("many")
def test_rules_and_lists_read_no_large_table_whole(app: AppContext, ask: Ask):
    statements: list[tuple[str, Any]] = []
    engine = app.database.engine
    event.listen(engine, "before_cursor_execute", lambda *call: statements.append((call[2], call[3])))
    whole = []
    for path, body in REQUESTS:
        statements.clear()
        answer = ask("POST" if body else "GET", path, **({"json": body} if body else {}))
        assert answer.json().get("items") or answer.json().get("id"), (path, answer.text)
        asked = [each for each in statements if each[0].lstrip().startswith("SELECT")]
        found = [(table, sql) for sql, values in asked for table in scans(app, sql, values)]
        whole += [f"{path} {body}: {table}\n{sql}" for table, sql in found]
    assert not whole, "\n".join(whole)
    statements.clear()
    blueprints = ask("GET", "/blueprints?_size=50&_sort=created_at").json()["items"]
    assert [each["upload_execution"]["id"] for each in blueprints] == [f"e{each['id'][1:]}" for each in blueprints]
    assert len(statements) < 10, "the executions of all blueprints are read at once"

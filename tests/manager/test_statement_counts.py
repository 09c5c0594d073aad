"""How many statements the database gets for an operation, an environment and a request: a growth is noticed here."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, select, update

from cfy_cli.contract.json import JsonObject
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.worker.remote_operations import RemoteOperations
from cfy_cli.manager.store.models import Execution, NodeInstance, Operation, TasksGraph
from tests.conftest import Ask
from tests.manager.conftest import Upload, wait_for_end, wait_until

pytestmark = pytest.mark.postgresql
NOTHING = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_types:
  one:
    derived_from: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle: {create: {implementation: agent.cloudify_agent.operations.nothing}}
node_templates:
  n: {type: one, capabilities: {scalable: {properties: {default_instances: 40}}}}
"""


@contextmanager
def counting(app: AppContext, *, only_here: bool = False) -> Iterator[Counter[str]]:
    """Count the statements of all threads, or of this one, by their text. COPY goes past the events of SQLAlchemy."""
    counter: Counter[str] = Counter()
    here = threading.get_ident()
    copy = psycopg.Cursor.copy

    def counted_copy(cursor: psycopg.Cursor[Any], statement: Any, *arguments: Any, **options: Any) -> Any:
        counter[statement] += not only_here or threading.get_ident() == here
        return copy(cursor, statement, *arguments, **options)

    def on_statement(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        is_counted = not only_here or threading.get_ident() == here
        if is_counted and "FROM config_values" not in statement:  # read again once a second, whoever asks
            counter[" ".join(statement.split())] += 1

    event.listen(app.database.engine, "before_cursor_execute", on_statement)
    try:
        psycopg.Cursor.copy = counted_copy  # type: ignore[method-assign]
        yield counter
    finally:
        psycopg.Cursor.copy = copy  # type: ignore[method-assign]
        event.remove(app.database.engine, "before_cursor_execute", on_statement)


REQUESTS = (  # what each may take at most, on PostgreSQL: with the check of the login, and the audit record of a change
    ("PUT", "/sites/tlv", {"location": "32.1, 34.8"}, 8),
    ("GET", "/sites/tlv", None, 2),
    ("GET", "/sites", None, 3),
    ("GET", "/blueprints", None, 3),
    ("GET", "/deployments", None, 3),
    ("GET", "/executions", None, 3),
    ("GET", "/events", None, 3),
    ("PUT", "/secrets/key", {"value": "v"}, 12),
    ("GET", "/secrets/key", None, 3),
    ("GET", "/managers", None, 3),
    ("GET", "/cluster-status", None, 7),
)
MAX_OF_ENVIRONMENT = 80  # statements of a request that makes one, with its execution; a worker that polls adds some
MAX_OF_NOTHING = 40  # changes for operations that do nothing, however many: 40 of them in a few rounds
MAX_GROWTH = 20  # statements for 40 deployments more in a group, among those of workers that poll
MAX_OF_CALL = {"prepare": 3, "update_instance": 5}  # of an operation that runs elsewhere


def test_requests_need_no_more_statements_than_they_did(ask: Ask, app: AppContext) -> None:
    ask("GET", "/sites")  # the password is verified, and the permissions are read
    for method, path, body, limit in REQUESTS:
        with counting(app) as counter:
            assert ask(method, path, json=body).ok
        assert sum(counter.values()) <= limit, f"{method} {path}: {counter}"


def test_operations_need_no_more_statements_than_they_did(ask: Ask, upload: Upload, app: AppContext) -> None:
    upload("many", NOTHING)
    with counting(app) as counter:
        assert ask("PUT", "/deployments/many", json={"blueprint_id": "many"}).status_code == 201
    assert sum(counter.values()) <= MAX_OF_ENVIRONMENT, counter
    body = {
        "deployment_id": "many",
        "workflow_id": "execute_operation",
        "parameters": {"operation": "cloudify.interfaces.lifecycle.create"},
    }
    with counting(app) as counter:
        execution = ask("POST", "/executions", json=body).json()["id"]
        assert wait_for_end(ask, execution)["status"] == "terminated"
    changes = sum(
        number
        for statement, number in counter.items()
        if statement.startswith(("INSERT", "COPY", "UPDATE", "SELECT pg_advisory"))
    )
    assert changes <= MAX_OF_NOTHING, counter
    rows = sum(number for statement, number in counter.items() if statement.startswith("COPY operations"))
    assert rows == 1  # all operations of a graph in one statement
    written_again = [statement for statement in counter if statement.startswith("UPDATE operations")]
    assert written_again == []  # they have ended before they are stored for the first time
    _check_record_calls(app, execution)


def test_deletion_of_a_group_takes_the_same_for_many(ask: Ask, upload: Upload, app: AppContext) -> None:
    upload("gb")
    few, many = (_count_deletion(ask, app, name, count) for name, count in (("few", 2), ("many", 42)))
    for of_few, of_many in zip(few, many, strict=True):
        assert sum(of_many.values()) <= sum(of_few.values()) + MAX_GROWTH, of_many - of_few


def _count_deletion(ask: Ask, app: AppContext, name: str, count: int) -> tuple[Counter[str], Counter[str]]:
    """Return the statements of a request that is refused after all checks, and the changes of a deletion."""
    body = {"blueprint_id": "gb", "new_deployments": [{"id": f"{name}{index}"} for index in range(count)]}
    assert ask("PUT", f"/deployment-groups/{name}", json=body).ok
    states = f"/executions?_include=status&_size=100&workflow_id=create_deployment_environment&deployment_id={name}"
    wait_until(
        lambda: {ask("GET", f"{states}{index}").json()["items"][0]["status"] for index in range(count)},
        lambda found: found == {"terminated"},
    )
    inside = {"blueprint_id": "gb", "labels": [{"csys-obj-parent": f"{name}0"}]}
    assert ask("PUT", f"/deployments/in-{name}", json=inside).status_code == 201
    with counting(app) as checks:
        refused = ask("DELETE", f"/deployment-groups/{name}?delete_deployments=true")
    assert f"`{name}0` is the parent of deployment in-{name}" in refused.json()["message"]
    assert ask("DELETE", f"/deployments/in-{name}").status_code == 204
    wait_until(lambda: ask("GET", f"/deployments/in-{name}").status_code, lambda status: status == 404)
    with counting(app) as counter:
        assert ask("DELETE", f"/deployment-groups/{name}?delete_deployments=true").status_code == 204
        wait_until(
            lambda: [ask("GET", f"/deployments/{name}{index}").status_code for index in range(count)],
            lambda found: set(found) == {404},
        )
    changes = {each: number for each, number in counter.items() if each.startswith(("DELETE", "UPDATE", "COPY"))}
    return checks, Counter(changes)


def _check_record_calls(app: AppContext, execution: str) -> None:
    """Count the statements of calls by an operation that runs elsewhere: as if one ran still."""
    of_execution = TasksGraph.execution_id == execution
    with app.database.write() as session:
        session.execute(update(Execution).where(Execution.id == execution).values(status="started"))
        found = select(Operation).join(TasksGraph, TasksGraph.id == Operation.tasks_graph_id).where(of_execution)
        operation = session.scalars(found.where(Operation.type == "RemoteWorkflowTask").limit(1)).one()
        operation.state = "started"
        instance = session.scalars(select(NodeInstance.id).limit(1)).one()
        operation_id, number = operation.id, operation.attempt
    prepare = {"values": {}, "ends": {}, "instance_ids": [instance], "known_nodes": []}
    change = {"instance_id": instance, "version": None, "state": None, "system_properties": None}
    calls: tuple[tuple[str, JsonObject], ...] = (
        ("prepare", prepare), ("update_instance", {**change, "runtime_properties": {"a": 1}})
    )  # fmt: skip
    remote = app.service(RemoteOperations)
    for method, arguments in calls:
        remote.call(operation_id, number, method, arguments)  # the nodes are read
        with counting(app, only_here=True) as counter:
            assert "result" in remote.call(operation_id, number, method, arguments)
        assert sum(counter.values()) <= MAX_OF_CALL[method], f"{method}: {counter}"

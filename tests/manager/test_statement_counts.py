"""How many statements the database gets for an operation, an environment and a request: a growth is noticed here."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from cfy_cli.manager.services.context import AppContext
from tests.conftest import Ask
from tests.manager.conftest import Upload, wait_for_end

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
def counting(app: AppContext) -> Iterator[Counter[str]]:
    """Count the statements of all threads by their text."""
    counter: Counter[str] = Counter()

    def on_statement(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM config_values" not in statement:  # read again once a second, whoever asks
            counter[" ".join(statement.split())] += 1

    event.listen(app.database.engine, "before_cursor_execute", on_statement)
    try:
        yield counter
    finally:
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
MAX_OF_ENVIRONMENT = 90  # statements of a request that makes one, with its execution; a worker that polls adds some
MAX_OF_OPERATION = 16  # in the worst case, in which each change is stored alone


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
        if statement.startswith(("INSERT", "UPDATE", "SELECT pg_advisory"))
    )
    assert changes <= 40 * MAX_OF_OPERATION, counter
    rows = sum(number for statement, number in counter.items() if statement.startswith("INSERT INTO operations"))
    assert rows == 1  # all operations of a graph in one statement

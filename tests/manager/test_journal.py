"""Task graphs and operations over HTTP: those of the engine, and those that clients store."""

import time

import pytest
from sqlalchemy.orm import Session

from cfy_cli.errors import Invalid
from cfy_cli.manager.engine import graph_runner
from cfy_cli.manager.services.runtime import event_writer
from cfy_cli.manager.services.runtime.batch import Batch
from tests.conftest import Ask
from tests.manager.conftest import Upload, wait_until
from tests.manager.test_statement_counts import NOTHING

CREATE = {"operation": "cloudify.interfaces.lifecycle.create"}


@pytest.fixture
def installed(ask: Ask, upload: Upload, run) -> str:
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    return str(run("d", "install")["id"])


def test_journal_has_final_state_of_every_operation(ask: Ask, installed: str):
    [graph] = ask("GET", f"/tasks_graphs?execution_id={installed}&name=install").json()["items"]
    assert set(graph) == {
        "created_at", "visibility", "id", "name", "execution_id", "tenant_name", "created_by",
        "resource_availability", "private_resource",
    }  # fmt: skip
    answer = ask("GET", f"/operations?graph_id={graph['id']}").json()
    execution = ask("GET", f"/executions/{installed}").json()
    assert answer["metadata"]["pagination"]["total"] == len(answer["items"]) == execution["total_operations"]
    assert {operation["state"] for operation in answer["items"]} == {"succeeded"}
    by_id = {operation["id"]: operation for operation in answer["items"]}
    [script] = [operation for operation in answer["items"] if operation["type"] == "RemoteWorkflowTask"]
    assert (script["name"], script["tasks_graph_id"]) == ("script_runner.tasks.run", graph["id"])
    assert set(script) == {
        "created_at", "visibility", "id", "name", "state", "dependencies", "type", "parameters", "manager_name",
        "agent_name", "tasks_graph_id", "tasks_graph", "tenant_name", "created_by", "resource_availability",
        "private_resource",
    }  # fmt: skip
    holder = by_id[script["parameters"]["containing_subgraph"]]
    assert (holder["type"], holder["name"][:12]) == ("SubgraphTask", "install_web_")
    assert holder["id"] in script["dependencies"]
    assert set(script["dependencies"]) <= set(by_id)
    assert script["parameters"]["current_retries"] == 0


def test_operations_are_filtered(ask: Ask, installed: str):
    def kinds(query: str) -> set[str]:
        items = ask("GET", f"/operations?execution_id={installed}&{query}").json()["items"]
        return {operation["type"] for operation in items}

    assert kinds("skip_internal=true") == {"RemoteWorkflowTask", "SubgraphTask"}
    assert kinds("type=SendNodeEventTask") == {"SendNodeEventTask"}
    assert kinds("state=failed") == set()
    missing = ask("GET", "/operations?graph_id=nosuch")
    assert (missing.status_code, missing.json()["error_code"]) == (404, "not_found_error")
    assert missing.json()["message"] == "Requested `TasksGraph` with ID `nosuch` was not found"


def test_clients_store_graphs_and_operations(ask: Ask, installed: str):
    first = {"id": "op-1", "name": "one", "type": "SubgraphTask", "dependencies": [], "parameters": {"a": 1}}
    created = ask("POST", "/tasks_graphs", json={"name": "mine", "execution_id": installed, "operations": [first]})
    assert created.status_code == 201, created.text
    graph = created.json()["id"]
    second = {"name": "two", "graph_id": graph, "type": "RemoteWorkflowTask", "dependencies": ["op-1"]}
    assert ask("PUT", "/operations/op-2", json=second).status_code == 201
    changed = ask("PATCH", "/operations/op-2", json={"state": "FAILED", "exception": "x"})
    assert (changed.status_code, changed.json()["state"]) == (200, "failed")
    listed = ask("GET", f"/operations?graph_id={graph}").json()["items"]
    assert [(operation["id"], operation["state"], operation["dependencies"]) for operation in listed] == [
        ("op-1", "pending", []),
        ("op-2", "failed", ["op-1"]),
    ]
    assert ask("DELETE", "/operations/op-2").status_code == 204
    assert ask("GET", "/operations/op-2").status_code == 404
    assert ask("PUT", "/operations/op-1", json=second).status_code == 409
    assert ask("PUT", "/operations/op-3", json={**second, "graph_id": "nosuch"}).status_code == 404
    assert ask("POST", "/tasks_graphs", json={"name": "x", "execution_id": "nosuch"}).status_code == 404


def test_journal_is_deleted_with_its_deployment(ask: Ask, installed: str, run):
    run("d", "uninstall")
    assert ask("DELETE", "/deployments/d").status_code == 204
    for path in ("/tasks_graphs", "/operations"):
        wait_until(lambda path=path: ask("GET", path).json()["items"], lambda items: items == [])


@pytest.fixture
def many(ask: Ask, upload: Upload, monkeypatch: pytest.MonkeyPatch) -> str:
    """A deployment with 40 instances whose operations do nothing, which take many rounds."""
    monkeypatch.setattr(graph_runner, "ROUND_BATCH", 10)
    upload("many", NOTHING)
    assert ask("PUT", "/deployments/many", json={"blueprint_id": "many"}).status_code == 201
    return "many"


def test_operations_that_do_nothing_have_all_states_and_events(ask: Ask, many: str, run):
    execution = run(many, "execute_operation", parameters=CREATE)
    assert execution["status"] == "terminated"
    query = f"execution_id={execution['id']}&_size=1000"
    operations = ask("GET", f"/operations?{query}&type=RemoteWorkflowTask").json()["items"]
    assert [operation["state"] for operation in operations] == ["succeeded"] * 40
    events = ask("GET", f"/events?{query}&include_logs=true").json()["items"]
    instance = next(event["node_instance_id"] for event in events if event["node_instance_id"])
    of_one = [event for event in events if event["node_instance_id"] == instance]
    assert [event.get("event_type") or event["message"][:13] for event in of_one] == [
        "workflow_node_event", "sending_task", "task_started", "Nothing to do", "task_succeeded", "workflow_node_event",
    ]  # fmt: skip


@pytest.mark.postgresql
def test_refusal_of_a_round_stored_ahead_fails_the_execution(ask: Ask, many: str, run, monkeypatch: pytest.MonkeyPatch):
    refused: set[str] = set()
    store = Batch.store

    def refuse(batch: Batch, session: Session) -> None:
        """Refuse the states of the first round."""
        if not refused:
            refused.update(batch.tasks)
        if refused & batch.tasks.keys():
            raise Invalid("it is refused")
        store(batch, session)

    monkeypatch.setattr(Batch, "store", refuse)
    execution = run(many, "execute_operation", parameters=CREATE)
    assert (execution["status"], execution["error"]) == ("failed", "it is refused")


@pytest.mark.postgresql
def test_rounds_go_on_while_the_first_is_stored(ask: Ask, many: str, run, worker, monkeypatch: pytest.MonkeyPatch):
    sizes, store = [], Batch.store

    def store_late(batch: Batch, session: Session) -> None:
        """Store the first round when three others wait."""
        if batch.graphs and not sizes:
            wait_until(lambda: len(worker._event_writer._pending.tasks), lambda waiting: waiting >= 30, seconds=10)
        sizes.append(len(batch.tasks))
        store(batch, session)

    monkeypatch.setattr(Batch, "store", store_late)
    assert run(many, "execute_operation", parameters=CREATE)["status"] == "terminated"
    assert max(sizes[1:]) >= 30  # those that waited were stored together


@pytest.mark.postgresql
def test_rounds_wait_when_too_much_is_not_stored_yet(ask: Ask, many: str, run, worker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(event_writer, "MAX_PENDING_AHEAD", 20)
    sizes, store = [], Batch.store

    def store_late(batch: Batch, session: Session) -> None:
        """Store the first round when all others had time to be collected."""
        if batch.graphs and not sizes:
            time.sleep(1)
        sizes.append(len(batch.tasks))
        store(batch, session)

    monkeypatch.setattr(Batch, "store", store_late)
    assert run(many, "execute_operation", parameters=CREATE)["status"] == "terminated"
    assert 0 < max(sizes) < 60  # of 161

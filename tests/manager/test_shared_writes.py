"""Executions that end at the same time are completed in one transaction, and none by another's error."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from cfy_cli.contract.states import ExecutionState
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.ports import WorkflowResult
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployments import tree
from cfy_cli.manager.services.executions import executions
from cfy_cli.manager.services.runtime import shared_writes
from cfy_cli.manager.services.runtime.claims import ClaimLost
from cfy_cli.manager.services.runtime.event_writer import EventWriter
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.runtime.shared_writes import SharedWrites
from cfy_cli.manager.services.worker import claiming
from cfy_cli.manager.services.worker.completion import complete_execution
from cfy_cli.manager.store.advisory_locks import LockKey, acquire_locks
from cfy_cli.manager.store.models import Deployment, Execution
from cfy_cli.manager.store.store import Store
from tests.conftest import Ask
from tests.manager.conftest import wait_until
from tests.manager.test_execution_groups import Group, deployments, start
from tests.manager.test_statement_counts import counting

__all__ = ["deployments", "start"]
Complete = Callable[[Sequence[Execution]], None]


@pytest.fixture
def complete(app: AppContext) -> Complete:
    """Complete executions at the same time, each in a thread of its own."""

    def complete(ended: Sequence[Execution]) -> None:
        shared, writer, stopping = SharedWrites(), EventWriter(app.database), threading.Event()

        def run(execution: Execution) -> None:
            context = ExecutionContext(app, execution, writer, stopping, shared_writes=shared)
            context.emit_event("workflow_succeeded", "done")
            with suppress(Invalid, ClaimLost):
                complete_execution(context, WorkflowResult(ExecutionState.TERMINATED))

        threads = [threading.Thread(target=run, args=(execution,)) for execution in ended]
        with shared._store_lock:
            for thread in threads:
                thread.start()
            wait_until(lambda: len(shared._waiting), lambda waiting: waiting == len(ended))
        for thread in threads:
            thread.join()
        writer.close()

    return complete


def test_ends_at_the_same_time_share_a_transaction(
    app: AppContext, ask: Ask, start: Callable[..., Group], complete: Complete, monkeypatch: pytest.MonkeyPatch
):
    ask("PATCH", "/deployments/d4", json={"labels": [{"csys-obj-type": "environment"}]})
    for name in ("d0", "d1", "d2"):
        ask("PATCH", f"/deployments/{name}", json={"labels": [{"csys-obj-parent": "d4"}]})
    start(concurrency=5)
    claimed = [execution for execution, _ in [*claiming.claim(app, "w", 4), *claiming.claim(app, "w", 4)]]
    assert len(claimed) == 5
    together, refreshed = list[int](), list[str]()
    store, store_summary = shared_writes._store, tree._store_summary

    def count(writes: Sequence[shared_writes.Write]) -> None:
        together.append(len(writes))
        store(writes)

    def record(session: Session, deployment: Deployment) -> None:
        refreshed.append(deployment.id)
        store_summary(session, deployment)

    monkeypatch.setattr(shared_writes, "_store", count)
    monkeypatch.setattr(tree, "_store_summary", record)
    complete(claimed[:3])
    assert together == [3]
    assert not refreshed
    complete(claimed[3:])
    assert refreshed == ["d4"]  # once, when the last execution of the group has ended
    assert ask("GET", "/deployments/d4").json()["sub_services_status"] == "good"
    assert [each["status"] for each in ask("GET", "/executions").json()["items"]] == ["terminated"] * 5
    recorded = ask("GET", "/audit").json()["items"]
    ends = [each for each in recorded if each["ref_table"] == "executions" and each["operation"] == "update"]
    assert {each["execution_id"] for each in ends} >= {execution.id for execution in claimed}


@pytest.mark.postgresql
def test_ends_together_need_as_many_statements_as_one(
    app: AppContext, start: Callable[..., Group], complete: Complete
) -> None:
    start(concurrency=5)
    claimed = [execution for execution, _ in claiming.claim(app, "w", 4)]
    with counting(app) as of_one:
        complete(claimed[:1])
    with counting(app) as of_three:
        complete(claimed[1:])
    assert 0 < sum(of_three.values()) <= sum(of_one.values()), of_three - of_one


def test_refused_end_leaves_those_beside_it_as_they_are(
    app: AppContext, ask: Ask, start: Callable[..., Group], complete: Complete, monkeypatch: pytest.MonkeyPatch
):
    start(concurrency=3)
    claimed = [execution for execution, _ in claiming.claim(app, "w", 3)]

    def refuse_one(_store: Store, execution: Execution) -> None:
        if execution.id == claimed[1].id:
            raise Invalid("refused")

    monkeypatch.setattr(executions, "store_outcome", refuse_one)
    complete(claimed)
    found = {each["id"]: each["status"] for each in ask("GET", "/executions").json()["items"]}
    assert [found[each.id] for each in claimed] == ["terminated", "started", "terminated"]
    for execution in claimed:
        told = ask("GET", f"/events?execution_id={execution.id}").json()["items"]
        assert [each["message"] for each in told] == ["done"]


def test_lost_claim_leaves_those_beside_it_as_they_are(
    app: AppContext, ask: Ask, start: Callable[..., Group], complete: Complete
):
    start(concurrency=3)
    claimed = [execution for execution, _ in claiming.claim(app, "w", 3)]
    with app.database.write() as session:  # as recovery does
        session.get_one(Execution, claimed[1].storage_id).claim += 1
    complete(claimed)
    found = {each["id"]: each["status"] for each in ask("GET", "/executions").json()["items"]}
    assert [found[each.id] for each in claimed] == ["terminated", "started", "terminated"]
    told = [ask("GET", f"/events?execution_id={each.id}").json()["items"] for each in claimed]
    assert [len(events) for events in told] == [1, 0, 1]


def test_locks_of_many_deployments_fit_into_the_default(app: AppContext):
    """PostgreSQL has room for 6,400 locks unless it is configured otherwise."""
    with app.database.write() as session:
        acquire_locks(session, LockKey.DEPLOYMENT, range(1, 20_001))
        if not app.database.is_sqlite:
            own = "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'"
            assert 0 < (session.scalar(text(own)) or 0) <= 1024

"""Workers and others on PostgreSQL that store rounds, ends of executions and events at the same time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from cfy_cli.contract.states import ExecutionState
from cfy_cli.manager.engine.ports import WorkflowResult
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.executions import exclusive_workflows, group_members
from cfy_cli.manager.services.runtime import batch
from cfy_cli.manager.services.runtime.event_writer import EventWriter
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.runtime.shared_writes import SharedWrites
from cfy_cli.manager.services.worker import claiming, recovery
from cfy_cli.manager.services.worker.completion import complete_execution
from cfy_cli.manager.store.advisory_locks import LockKey, acquire_lock
from cfy_cli.manager.store.models import Event, Execution, ExecutionGroup
from cfy_cli.manager.store.scope import system_scope
from tests.conftest import Ask
from tests.manager.conftest import wait_until
from tests.manager.test_execution_groups import Group, deployments, start

__all__ = ["deployments", "start"]
pytestmark = pytest.mark.postgresql
WAITING = text(  # in this database: other tests use the same server
    "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
    " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
)


class Workers:
    """Threads that stand for workers: each has an event writer and shares transactions with no other one."""

    def __init__(self, app: AppContext) -> None:
        self._app, self._threads, self._writers = app, list[threading.Thread](), list[EventWriter]()

    def context(self, execution: Execution) -> ExecutionContext:
        writer = EventWriter(self._app.database)
        self._writers.append(writer)
        return ExecutionContext(self._app, execution, writer, threading.Event(), shared_writes=SharedWrites())

    def start(self, action: Callable[[], None]) -> None:
        self._threads.append(threading.Thread(target=action))
        self._threads[-1].start()

    def start_end(self, execution: Execution) -> None:
        context = self.context(execution)
        self.start(lambda: complete_execution(context, WorkflowResult(ExecutionState.TERMINATED)))

    def wait(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "it waits for ever"

    def close(self) -> None:
        self.wait()
        for writer in self._writers:
            writer.close()


@pytest.fixture
def workers(app: AppContext) -> Iterator[Workers]:
    workers = Workers(app)
    yield workers
    workers.close()


@contextmanager
def held(app: AppContext, key: LockKey, waiting: int) -> Iterator[None]:
    """Hold a lock while the block starts transactions, until so many of them wait for locks."""
    with app.database.write() as session:
        acquire_lock(session, key)
        yield
        wait_until(lambda: session.scalar(WAITING) or 0, lambda count: count >= waiting)


def claim_all(app: AppContext) -> list[Execution]:
    return [execution for execution, _ in claiming.claim(app, "w", 4)]


def test_last_ends_of_a_group_see_each_other(
    app: AppContext, ask: Ask, start: Callable[..., Group], workers: Workers
) -> None:
    ask("PATCH", "/deployments/d4", json={"labels": [{"csys-obj-type": "environment"}]})
    for name in ("d0", "d1", "d2", "d3"):
        ask("PATCH", f"/deployments/{name}", json={"labels": [{"csys-obj-parent": "d4"}]})
    group = start(concurrency=5)
    own = select(Execution).where(Execution.execution_group_id == group["id"], Execution.deployment_id == "d4")
    with app.database.write() as session:  # it is not among the last
        session.scalars(own).one().status = ExecutionState.TERMINATED
    claimed = claim_all(app)
    assert len(claimed) == 4
    with held(app, LockKey.EVENT_IDS, 4):
        for execution in claimed:
            workers.start_end(execution)
    workers.wait()
    assert ask("GET", "/deployments/d4").json()["sub_services_status"] == "good"
    with app.database.read() as session:
        assert session.scalar(select(ExecutionGroup.is_waiting)) is False


def test_last_ends_release_an_exclusive_execution(
    app: AppContext, ask: Ask, start: Callable[..., Group], workers: Workers
) -> None:
    start(concurrency=5)
    claimed = claim_all(app)
    with app.database.write() as session:  # the others are not among the last
        for execution in session.scalars(select(Execution).where(Execution.status == ExecutionState.QUEUED)):
            execution.status = ExecutionState.CANCELLED
    with app.writing(system_scope("default_tenant")) as store:
        exclusive = exclusive_workflows.start(store, "create_snapshot", {}, queue=True).id
    with held(app, LockKey.EVENT_IDS, len(claimed)):
        for execution in claimed:
            workers.start_end(execution)
    workers.wait()
    assert ask("GET", f"/executions/{exclusive}").json()["status"] == "pending"


@contextmanager
def paused(context: ExecutionContext, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Store an event of an execution; pause while the block runs, when its claim is read and its event not inserted."""
    reached, may_go_on = threading.Event(), threading.Event()
    store_changes = batch.Batch.store_changes

    def pause(pending: batch.Batch, session: Session) -> None:
        store_changes(pending, session)
        if any(event["message"] == "paused" for event in pending.events):
            reached.set()
            may_go_on.wait(60)

    monkeypatch.setattr(batch.Batch, "store_changes", pause)
    context.log("paused")
    assert reached.wait(60)
    try:
        yield
    finally:
        may_go_on.set()
    context.event_writer.flush()


def read_messages(app: AppContext) -> list[str]:
    with app.database.read() as session:
        messages = session.scalars(select(Event.message).order_by(Event.storage_id)).all()
    return [message for message in messages if message in ("first", "second", "paused")]


def test_rounds_wait_for_each_other_only_to_insert_events(
    app: AppContext, start: Callable[..., Group], workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(concurrency=5)
    first, second = (workers.context(execution) for execution in claim_all(app)[:2])
    with paused(first, monkeypatch):
        second.log("second")
        second.event_writer.flush()
    assert read_messages(app) == ["second", "paused"]


def test_recovery_waits_for_what_is_being_stored(
    app: AppContext, start: Callable[..., Group], workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(concurrency=5)
    claimed = claim_all(app)
    with paused(workers.context(claimed[0]), monkeypatch):
        workers.start(lambda: recovery.recover(app, ["w"]) and None)
        with app.database.read() as reader:
            wait_until(lambda: reader.scalar(WAITING) or 0, lambda count: count >= 1)
            own = Execution.id == claimed[0].id
            assert reader.scalar(select(Execution.status).where(own)) == ExecutionState.STARTED
    workers.wait()
    assert read_messages(app) == ["paused"]
    with app.database.read() as reader:
        assert reader.scalar(select(Execution.status).where(own)) == ExecutionState.PENDING


def test_events_are_committed_in_their_order(app: AppContext, start: Callable[..., Group]) -> None:
    start(concurrency=5)
    [execution, other] = claim_all(app)[:2]
    with app.database.write() as session:
        batch.INSERT_EVENT.execute(session.connection(), [group_members.event_row(execution, "first")])
        writer = EventWriter(app.database)
        later = writer.run(lambda: writer.add_event(group_members.event_row(other, "second")) or writer.flush())
        wait_until(lambda: session.scalar(WAITING) or 0, lambda count: count >= 1)
        with app.database.read() as reader:
            assert not reader.scalars(select(Event).where(Event.message == "second")).all()
    later.result(60)
    writer.close()
    assert read_messages(app) == ["first", "second"]


def test_events_are_not_added_to_what_is_being_deleted(
    app: AppContext, ask: Ask, start: Callable[..., Group], workers: Workers
) -> None:
    start(concurrency=5)
    execution = claim_all(app)[0]
    lines = {"execution_id": execution.id, "events": [], "logs": [{"message": {"text": "first"}}]}
    codes: list[int] = []
    with app.database.write() as session:
        acquire_lock(session, LockKey.EVENTS)  # as the deletion of a tenant does
        workers.start(lambda: codes.append(ask("POST", "/events", json=lines).status_code))
        wait_until(lambda: session.scalar(WAITING) or 0, lambda count: count >= 1)
        session.execute(delete(Execution).where(Execution.storage_id == execution.storage_id))
    workers.wait()
    assert codes == [404]
    assert read_messages(app) == []


def test_group_that_is_resumed_as_it_ends_waits_again(
    app: AppContext, ask: Ask, start: Callable[..., Group], workers: Workers
) -> None:
    group = start(concurrency=5)
    own = ExecutionGroup.id == group["id"]
    with app.database.write() as session:
        session.execute(update(Execution).where(Execution.execution_group_id == group["id"]).values(status="failed"))
    codes: list[int] = []
    with app.database.write() as session:
        acquire_lock(session, LockKey.EVENTS)  # as the end of its last execution does
        resume = {"action": "resume"}
        workers.start(lambda: codes.append(ask("POST", f"/execution-groups/{group['id']}", json=resume).status_code))
        wait_until(lambda: session.scalar(WAITING) or 0, lambda count: count >= 1)
        session.execute(update(ExecutionGroup).where(own).values(is_waiting=False))
    workers.wait()
    assert codes == [200]
    with app.database.read() as session:
        assert session.scalar(select(ExecutionGroup.is_waiting).where(own)) is True

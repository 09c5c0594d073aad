"""Transactions of workers: the order of their locks, and what must not happen inside or after them."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from cfy_cli.contract.states import ExecutionState
from cfy_cli.errors import Busy
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.executions import executions, queue
from cfy_cli.manager.services.processes import Presence
from cfy_cli.manager.services.worker import claiming, recovery
from cfy_cli.manager.store import advisory_locks
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.models import Blueprint, Deployment, Execution, WorkerRecord
from cfy_cli.manager.store.scope import system_scope
from cfy_cli.manager.store.store import Store

OWNER = {"tenant_name": "default_tenant", "visibility": "tenant", "created_by": "admin"}
Taken = dict[Session, list[int]]


@pytest.fixture
def deployments(app: AppContext) -> list[int]:
    """Return the storage ids of four deployments."""
    with app.database.write() as session:
        blueprint = Blueprint(id="b", state="uploaded", **OWNER)
        session.add(blueprint)
        session.flush()
        rows = [
            Deployment(id=name, display_name=name, blueprint_storage_id=blueprint.storage_id, blueprint_id="b", **OWNER)
            for name in "abcd"
        ]
        session.add_all(rows)
        session.flush()
        return [row.storage_id for row in rows]


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Taken:
    """Return the deployments that each transaction has locked, in its order."""
    found: Taken = defaultdict(list)
    original = advisory_locks.acquire_in_order

    def acquire(session: Session, subjects: Iterable[tuple[LockKey, Iterable[int]]]) -> None:
        locks = [(key, advisory_locks.rows_of(storage_ids)) for key, storage_ids in subjects]
        for rows in (rows for key, rows in locks if key is LockKey.DEPLOYMENT):
            found[session] += [row for row in rows if row not in found[session]]
        original(session, locks)

    monkeypatch.setattr(advisory_locks, "acquire_in_order", acquire)
    return found


def add_executions(app: AppContext, deployments: list[int], status: str, **columns: Any) -> list[str]:
    """Add an execution of each deployment, in this order."""
    with app.database.write() as session:
        for storage_id in deployments:
            name = f"{status}-{storage_id}"
            row = Execution(id=name, workflow_id="install", status=status, deployment_storage_id=storage_id, **OWNER)
            for column, value in columns.items():
                setattr(row, column, value)
            session.add(row)
            session.flush()
    return [f"{status}-{storage_id}" for storage_id in deployments]


def test_claim_locks_deployments_in_one_order(app: AppContext, deployments: list[int], taken: Taken):
    add_executions(app, deployments[::-1], "scheduled", scheduled_for="2026-01-01T00:00:00.000Z", parameters={})
    claimed = claiming.claim(app, "w", 4)
    assert [execution.deployment_storage_id for execution, _ in claimed] == deployments[::-1]
    assert list(taken.values()) == [sorted(deployments)]


def test_end_of_exclusive_execution_locks_in_one_order(app: AppContext, deployments: list[int], taken: Taken):
    add_executions(app, deployments[::-1], "queued", parameters={})
    with app.database.write() as session:
        ended = Execution(
            id="alone", workflow_id="x", status="terminated", is_system_workflow=True, parameters={}, **OWNER
        )
        session.add(ended)
        session.flush()
        assert queue.release_next(Store(session, system_scope("default_tenant")), ended)
        statuses = session.query(Execution.status).filter(Execution.id != "alone").all()
    assert {status for (status,) in statuses} == {"pending"}
    assert list(taken.values()) == [sorted(deployments)]


@pytest.mark.parametrize("busy", [0, 2])
def test_recovery_locks_one_deployment_at_a_time(
    app: AppContext, deployments: list[int], taken: Taken, monkeypatch: pytest.MonkeyPatch, busy: int
):
    cancelled = add_executions(app, deployments[::-1], "cancelling", worker="w", parameters={})
    started = add_executions(app, deployments, "started", worker="w", parameters={})
    monkeypatch.setattr(recovery, "RETRY_INTERVAL", 0.01)
    failures, original = iter(range(busy)), executions.on_ended

    def end(store: Store, execution: Execution) -> bool:
        if next(failures, None) is not None:
            raise Busy("deadlock detected")
        return original(store, execution)

    monkeypatch.setattr(executions, "on_ended", end)
    assert recovery.recover(app, ["w"]) == 8
    with app.database.read() as session:
        statuses = dict(map(tuple, session.query(Execution.id, Execution.status).all()))
    assert {statuses[name] for name in cancelled} == {ExecutionState.CANCELLED}
    assert {statuses[name] for name in started} == {ExecutionState.PENDING}
    assert all(len(locked) == 1 for locked in taken.values()), taken


def test_late_heartbeat_does_not_return_a_closed_worker(app: AppContext, monkeypatch: pytest.MonkeyPatch):
    presence = Presence(app, WorkerRecord, "w")
    presence._try_beat()
    reached, original = threading.Event(), app.database.write

    def delayed() -> Any:
        reached.set()
        time.sleep(0.3)
        return original()

    def beat() -> None:
        monkeypatch.setattr(app.database, "write", delayed)
        presence._try_beat()

    late = threading.Thread(target=beat)
    late.start()
    assert reached.wait(60)
    monkeypatch.setattr(app.database, "write", original)
    presence.close()
    late.join()
    presence._try_beat()
    with app.database.read() as session:
        assert session.query(WorkerRecord).count() == 0

"""Requests that wait for executions."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import pytest
import requests
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cfy_cli.contract.states import ExecutionState
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.runtime.waiter import ExecutionWaiter
from cfy_cli.manager.store.models import Execution
from tests.conftest import PASSWORD
from tests.manager.conftest import archive, wait_until

OWNER = {"tenant_name": "default_tenant", "visibility": "tenant", "created_by": "admin"}
REQUESTS = 45  # more than there are threads for requests that do not wait


def test_waiting_requests_do_not_block_other_requests(app: AppContext, port: int):
    """No worker runs that would end the executions."""
    api = f"http://127.0.0.1:{port}/api/v3.1"
    options = {"auth": ("admin", PASSWORD), "headers": {"Tenant": "default_tenant"}, "timeout": 60}
    assert requests.get(f"{api}/status", **options).status_code == 200
    blueprint = archive({"blueprint.yaml": "tosca_definitions_version: cloudify_dsl_1_4\n"})

    def count_executions() -> int:
        with app.database.read() as session:
            return session.scalar(select(func.count()).select_from(Execution)) or 0

    with ThreadPoolExecutor(REQUESTS) as pool:
        waiting = [
            pool.submit(requests.put, f"{api}/blueprints/b{number}", data=blueprint, **options)
            for number in range(REQUESTS)
        ]
        try:
            wait_until(count_executions, lambda count: count == REQUESTS)
            assert requests.get(f"{api}/blueprints", **{**options, "timeout": 10}).status_code == 200
            assert not any(request.done() for request in waiting)
        finally:
            with app.database.write() as session:
                session.execute(update(Execution).values(status=ExecutionState.CANCELLED))
        assert {request.result().status_code for request in waiting} == {201}


def test_wait_returns_at_end_timeout_or_deletion(app: AppContext):
    with app.database.write() as session:
        for name in ("ends", "stays"):
            session.add(Execution(id=name, workflow_id="w", **OWNER))
    returned = threading.Event()
    thread = threading.Thread(target=lambda: (app.service(ExecutionWaiter).wait("ends", 120), returned.set()))
    thread.start()
    app.service(ExecutionWaiter).wait("stays", 0.05)
    app.service(ExecutionWaiter).wait("gone", 120)
    assert not returned.is_set()
    with app.database.write() as session:
        session.execute(update(Execution).where(Execution.id == "ends").values(status=ExecutionState.FAILED))
    thread.join(60)
    assert returned.is_set()


def test_failed_poll_is_repeated(app: AppContext, monkeypatch: pytest.MonkeyPatch):
    with app.database.write() as session:
        session.add(
            Execution(
                id="e",
                workflow_id="w",
                status="terminated",
                tenant_name="default_tenant",
                visibility="tenant",
                created_by="admin",
            )
        )
    original, errors = app.database.read, iter([RuntimeError("unexpected")])

    def read() -> AbstractContextManager[Session]:
        for error in errors:
            raise error
        return original()

    monkeypatch.setattr(app.database, "read", read)
    assert app.service(ExecutionWaiter).wait("e", 30) == "terminated"

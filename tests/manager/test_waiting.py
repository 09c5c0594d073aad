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
from tests.manager.conftest import archive, until

AT_ONCE = 45  # more than there are threads for requests that do not wait


def test_many_who_wait_stand_in_nobodys_way(app: AppContext, port: int):
    """No worker is there to end what they wait for."""
    api = f"http://127.0.0.1:{port}/api/v3.1"
    asker = {"auth": ("admin", PASSWORD), "headers": {"Tenant": "default_tenant"}, "timeout": 60}
    assert requests.get(f"{api}/status", **asker).status_code == 200
    packed = archive({"blueprint.yaml": "tosca_definitions_version: cloudify_dsl_1_4\n"})

    def begun() -> int:
        with app.database.read() as session:
            return session.scalar(select(func.count()).select_from(Execution)) or 0

    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [
            pool.submit(requests.put, f"{api}/blueprints/b{number}", data=packed, **asker) for number in range(AT_ONCE)
        ]
        try:
            until(begun, lambda count: count == AT_ONCE)
            assert requests.get(f"{api}/blueprints", **{**asker, "timeout": 10}).status_code == 200
            assert not any(each.done() for each in waiting)
        finally:
            with app.database.write() as session:
                session.execute(update(Execution).values(status=ExecutionState.CANCELLED))
        assert {each.result().status_code for each in waiting} == {201}


def test_who_waits_is_told_of_the_end_and_when_it_is_gone_and_when_patience_ends(app: AppContext):
    with app.database.write() as session:
        for name in ("ends", "stays"):
            session.add(Execution(id=name, workflow_id="w", tenant_name="default_tenant", created_by="admin"))
    told = threading.Event()
    waiter = threading.Thread(target=lambda: (app.service(ExecutionWaiter).wait("ends", 30), told.set()))
    waiter.start()
    app.service(ExecutionWaiter).wait("stays", 0.05)
    app.service(ExecutionWaiter).wait("gone", 30)
    assert not told.is_set()
    with app.database.write() as session:
        session.execute(update(Execution).where(Execution.id == "ends").values(status=ExecutionState.FAILED))
    waiter.join(10)
    assert told.is_set()


def test_a_look_that_fails_is_repeated(app: AppContext, monkeypatch: pytest.MonkeyPatch):
    with app.database.write() as session:
        session.add(
            Execution(id="e", workflow_id="w", status="terminated", tenant_name="default_tenant", created_by="admin")
        )
    real, broken = app.database.read, iter([RuntimeError("a surprise")])

    def read() -> AbstractContextManager[Session]:
        for error in broken:
            raise error
        return real()

    monkeypatch.setattr(app.database, "read", read)
    assert app.service(ExecutionWaiter).wait("e", 30) == "terminated"

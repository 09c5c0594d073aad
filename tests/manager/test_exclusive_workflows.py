"""Workflows that concern the whole manager and run alone."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cfy_cli.errors import Invalid
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.executions import exclusive_workflows
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.worker import running
from cfy_cli.manager.store.models import Execution
from cfy_cli.manager.store.scope import system_scope
from tests.conftest import Ask
from tests.manager.conftest import Upload, wait_for_end, wait_until

NAME = "create_snapshot"
REFUSED = "Cannot start execution because there are other executions running e.g.: "


class ExclusiveWorkflow:
    """A workflow that runs until `may_end` is set."""

    def __init__(self, app: AppContext) -> None:
        self.app = app
        self.may_end = threading.Event()
        self.concurrent: list[str] = []  # workflows that ran when it started

    def run(self, context: ExecutionContext) -> None:
        with self.app.database.read() as session:
            rows = session.query(Execution).filter(Execution.status == "started", Execution.id != context.execution.id)
            self.concurrent += [row.workflow_id for row in rows]
        self.may_end.wait(120)

    def start(self, *, queue: bool = False) -> str:
        with self.app.writing(system_scope("default_tenant", "admin")) as store:
            execution = exclusive_workflows.start(store, NAME, {}, queue=queue)
            store.after_commit(self.app.work_available.notify)
        return execution.id


@pytest.fixture
def exclusive(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExclusiveWorkflow]:
    workflow = ExclusiveWorkflow(app)
    monkeypatch.setitem(running.MANAGER_WORKFLOW_FUNCTIONS, NAME, workflow.run)
    yield workflow
    workflow.may_end.set()


def status(ask: Ask, execution: str) -> str:
    return str(ask("GET", f"/executions/{execution}").json()["status"])


def wait_until_started(ask: Ask, execution: str) -> None:
    wait_until(lambda: status(ask, execution), lambda found: found == "started")


def start(ask: Ask, **options: object):
    return ask("POST", "/executions", json={"deployment_id": "d", "workflow_id": "install", **options})


@pytest.fixture
def deployment(ask: Ask, upload: Upload) -> str:
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    return "d"


@pytest.mark.usefixtures("deployment")
def test_nothing_starts_while_exclusive_workflow_runs(ask: Ask, exclusive: ExclusiveWorkflow, upload: Upload):
    execution = exclusive.start()
    wait_until_started(ask, execution)
    for refused in (
        start(ask),
        start(ask, force=True),
        ask("PUT", "/deployments/other", json={"blueprint_id": "app"}),
        ask("DELETE", "/deployments/d"),
        upload("another"),
    ):
        assert (refused.status_code, refused.json()["message"]) == (400, REFUSED + execution)
        assert refused.json()["error_code"] == "existing_running_execution_error"
    with pytest.raises(Invalid, match=REFUSED):
        exclusive.start()
    queued = start(ask, queue=True).json()
    assert queued["status"] == "queued"
    exclusive.may_end.set()
    assert wait_for_end(ask, execution)["status"] == "terminated"
    assert wait_for_end(ask, queued["id"])["status"] == "terminated"
    assert start(ask, force=True).status_code == 201


@pytest.mark.usefixtures("deployment")
def test_exclusive_workflow_starts_only_while_nothing_runs(ask: Ask, exclusive: ExclusiveWorkflow, app: AppContext):
    exclusive.may_end.set()
    with app.database.write() as session:  # as if a worker elsewhere ran it
        row = session.query(Execution).filter_by(workflow_id="create_deployment_environment").one()
        row.status, row.worker = "started", "elsewhere"
        other = row.id
    with pytest.raises(Invalid, match=REFUSED + other):
        exclusive.start()
    queued = exclusive.start(queue=True)
    assert status(ask, queued) == "queued"
    assert ask("PATCH", f"/executions/{other}", json={"status": "terminated"}).status_code == 200
    app.work_available.notify()
    assert wait_for_end(ask, queued)["status"] == "terminated"
    assert exclusive.concurrent == []


@pytest.mark.usefixtures("deployment")
def test_scheduled_execution_waits_for_exclusive_workflow(ask: Ask, exclusive: ExclusiveWorkflow, app: AppContext):
    later = (datetime.now(UTC) + timedelta(minutes=2)).strftime("%Y%m%d%H%M+0000")
    scheduled = start(ask, scheduled_time=later).json()["id"]
    execution = exclusive.start()
    wait_until_started(ask, execution)
    with app.database.write() as session:
        session.query(Execution).filter_by(id=scheduled).update({"scheduled_for": "2020-01-01T00:00:00.000Z"})
    app.work_available.notify()
    second = exclusive.start(queue=True)
    assert status(ask, scheduled) == "scheduled"
    exclusive.may_end.set()
    assert wait_for_end(ask, execution)["status"] == "terminated"
    assert wait_for_end(ask, scheduled)["status"] == "terminated"
    assert wait_for_end(ask, second)["status"] == "terminated"
    assert exclusive.concurrent == []


@pytest.mark.usefixtures("deployment")
def test_queued_exclusive_workflows_run_one_by_one(ask: Ask, exclusive: ExclusiveWorkflow):
    first = exclusive.start()
    wait_until_started(ask, first)
    others = [exclusive.start(queue=True) for _ in range(3)]
    workflow = start(ask, queue=True).json()["id"]
    exclusive.may_end.set()
    for execution in (first, *others, workflow):
        assert wait_for_end(ask, execution)["status"] == "terminated"
    assert exclusive.concurrent == []

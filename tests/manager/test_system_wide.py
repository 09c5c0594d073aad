"""Executions about the whole manager run alone."""

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
from tests.manager.conftest import Upload, ended, until

NAME = "create_snapshot"
REFUSED = "Cannot start execution because there are other executions running e.g.: "


class Whole:
    """A workflow about the whole manager, which takes as long as it is let."""

    def __init__(self, app: AppContext) -> None:
        self.app = app
        self.may_end = threading.Event()
        self.beside: list[str] = []  # what ran while it began

    def run(self, work: ExecutionContext) -> None:
        with self.app.database.read() as session:
            rows = session.query(Execution).filter(Execution.status == "started", Execution.id != work.execution.id)
            self.beside += [row.workflow_id for row in rows]
        self.may_end.wait(30)

    def start(self, *, queue: bool = False) -> str:
        with self.app.writing(system_scope("default_tenant", "admin")) as store:
            execution = exclusive_workflows.start(store, NAME, {}, queue=queue)
            store.after_commit(self.app.work_available.notify)
        return execution.id


@pytest.fixture
def whole(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> Iterator[Whole]:
    made = Whole(app)
    monkeypatch.setitem(running.SYSTEM_WORKFLOW_FUNCTIONS, NAME, made.run)
    yield made
    made.may_end.set()


def status(ask: Ask, execution: str) -> str:
    return str(ask("GET", f"/executions/{execution}").json()["status"])


def is_started(ask: Ask, execution: str) -> None:
    until(lambda: status(ask, execution), lambda found: found == "started")


def start(ask: Ask, **how: object):
    return ask("POST", "/executions", json={"deployment_id": "d", "workflow_id": "install", **how})


@pytest.fixture
def deployment(ask: Ask, upload: Upload) -> str:
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    return "d"


@pytest.mark.usefixtures("deployment")
def test_nothing_begins_while_one_runs(ask: Ask, whole: Whole, upload: Upload):
    alone = whole.start()
    is_started(ask, alone)
    for refused in (
        start(ask),
        start(ask, force=True),
        ask("PUT", "/deployments/other", json={"blueprint_id": "app"}),
        ask("DELETE", "/deployments/d"),
        upload("another"),
    ):
        assert (refused.status_code, refused.json()["message"]) == (400, REFUSED + alone)
        assert refused.json()["error_code"] == "existing_running_execution_error"
    with pytest.raises(Invalid, match=REFUSED):
        whole.start()
    queued = start(ask, queue=True).json()
    assert queued["status"] == "queued"
    whole.may_end.set()
    assert ended(ask, alone)["status"] == "terminated"
    assert ended(ask, queued["id"])["status"] == "terminated"
    assert start(ask, force=True).status_code == 201


@pytest.mark.usefixtures("deployment")
def test_one_begins_only_while_nothing_runs(ask: Ask, whole: Whole, app: AppContext):
    whole.may_end.set()
    with app.database.write() as session:  # of a worker far away, which is at work
        row = session.query(Execution).filter_by(workflow_id="create_deployment_environment").one()
        row.status, row.worker = "started", "elsewhere"
        other = row.id
    with pytest.raises(Invalid, match=REFUSED + other):
        whole.start()
    queued = whole.start(queue=True)
    assert status(ask, queued) == "queued"
    assert ask("PATCH", f"/executions/{other}", json={"status": "terminated"}).status_code == 200
    app.work_available.notify()
    assert ended(ask, queued)["status"] == "terminated"
    assert whole.beside == []


@pytest.mark.usefixtures("deployment")
def test_what_is_scheduled_waits_for_its_end(ask: Ask, whole: Whole, app: AppContext):
    later = (datetime.now(UTC) + timedelta(minutes=2)).strftime("%Y%m%d%H%M+0000")
    scheduled = start(ask, scheduled_time=later).json()["id"]
    alone = whole.start()
    is_started(ask, alone)
    with app.database.write() as session:
        session.query(Execution).filter_by(id=scheduled).update({"scheduled_for": "2020-01-01T00:00:00.000Z"})
    app.work_available.notify()
    second = whole.start(queue=True)
    assert status(ask, scheduled) == "scheduled"
    whole.may_end.set()
    assert ended(ask, alone)["status"] == "terminated"
    assert ended(ask, scheduled)["status"] == "terminated"
    assert ended(ask, second)["status"] == "terminated"
    assert whole.beside == []


@pytest.mark.usefixtures("deployment")
def test_those_that_wait_run_one_after_another(ask: Ask, whole: Whole):
    first = whole.start()
    is_started(ask, first)
    others = [whole.start(queue=True) for _ in range(3)]
    workflow = start(ask, queue=True).json()["id"]
    whole.may_end.set()
    for each in (first, *others, workflow):
        assert ended(ask, each)["status"] == "terminated"
    assert whole.beside == []

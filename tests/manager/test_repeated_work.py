"""The manager's own workflows, run once more because the worker died before it could say that they had ended."""

import pytest

from cfy_cli.contract.states import ExecutionState
from cfy_cli.manager.services import running
from cfy_cli.manager.services.manager import Manager
from cfy_cli.manager.store.models import Execution
from tests.conftest import Ask
from tests.manager.conftest import Upload, ended


def run_again(ask: Ask, manager: Manager, execution: str) -> None:
    with manager.database.write() as session:
        session.query(Execution).filter_by(id=execution).update(
            {"status": ExecutionState.STARTED, "worker": "host/x/worker-7", "ended_at": None}
        )
    assert running.recover(manager, ["host/x/worker-7"]) == 1
    manager.bell.ring()
    assert ended(ask, execution)["error"] == ""


@pytest.mark.parametrize("times", [1, 2])
def test_an_environment_is_made_once(ask: Ask, upload: Upload, manager: Manager, times: int):
    upload("app")
    deployment = ask("PUT", "/deployments/d", json={"blueprint_id": "app"}).json()
    before = ask("GET", "/node-instances").json()["items"]
    for _ in range(times):
        run_again(ask, manager, deployment["create_execution"])
    assert ask("GET", "/node-instances").json()["items"] == before
    assert len(ask("GET", "/nodes").json()["items"]) == 1


def test_a_blueprint_is_unpacked_and_compiled_anew(ask: Ask, upload: Upload, manager: Manager):
    blueprint = upload("app").json()
    run_again(ask, manager, blueprint["upload_execution"]["id"])
    assert ask("GET", "/blueprints/app").json()["state"] == "uploaded"
    assert ask("PUT", "/deployments/d", json={"blueprint_id": "app"}).status_code == 201

"""Files that operations elsewhere get from the manager."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from cfy_cli.manager.server import create_app
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.worker_tokens import create_worker_token
from cfy_cli.manager.services.transfer import fetching
from cfy_cli.manager.store.models import Execution, Operation
from tests.conftest import Ask
from tests.manager.conftest import HELLO, wait_for_end


@pytest.mark.sqlite
@pytest.mark.usefixtures("worker")
def test_url_of_a_script_is_streamed_or_refused(
    ask: Ask, app: AppContext, deploy: Any, monkeypatch: pytest.MonkeyPatch
):
    deploy(HELLO, "web")
    body = {"deployment_id": "web", "workflow_id": "install"}
    execution = ask("POST", "/executions", json=body).json()["id"]
    wait_for_end(ask, execution)
    with app.database.write() as store:
        operation = store.scalars(select(Operation.id).limit(1)).one()
        store.execute(update(Execution).where(Execution.id == execution).values(status="started"))
    headers = {"Authentication-Token": create_worker_token(app)}
    client, path = TestClient(create_app(app)), f"/api/v3.1/operations/{operation}/url"
    refused = client.post(path, json={"url": "file:///etc/passwd"}, headers=headers)
    assert (refused.status_code, refused.json()["error"]["type"]) == (424, "Invalid")
    monkeypatch.setattr(fetching, "fetch", lambda url, file, _settings: file.write(url.encode()))
    assert client.post(path, json={"url": "http://far/s.sh"}, headers=headers).content == b"http://far/s.sh"
    assert client.post(path, json={"url": "http://far/s.sh"}, headers={"Authentication-Token": "x"}).status_code == 401
    assert not [*app.files.incoming.iterdir()], "the file is removed"

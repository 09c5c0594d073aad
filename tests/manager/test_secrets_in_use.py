"""Secrets in blueprints: scripts get them; they are neither stored nor logged."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfy_cli.manager.services.context import AppContext
from tests.conftest import Ask
from tests.manager.conftest import Upload, wait_for_end

Run = Callable[..., dict[str, Any]]
PASSWORD = "password-of-a-user"
CANARY = 'canary-7f3a "quoted"'
HEAD = "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml]\n"
USING = (
    HEAD
    + """
inputs: {which: {default: db}}
node_templates:
  web:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create:
          implementation: use.sh
          inputs:
            whole: {get_secret: {get_input: which}}
            part: {get_secret: [login, users, 0, name]}
outputs:
  value: {value: {concat: ["<", {get_secret: db}, ">"]}}
  plain: {value: 1}
capabilities:
  shared: {value: {get_secret: db}}
"""
)
USE = """#!/bin/bash
ctx logger info "it is $whole, by $part"
ctx instance runtime-properties length ${#whole}
ctx instance runtime-properties user ${part:0:2}...
echo "$whole"
"""
FAILING = '#!/bin/bash\necho "no: $whole" >&2\nctx abort-operation "it was $whole"\n'


@pytest.fixture
def deploy(ask: Ask, upload: Upload) -> Callable[..., Any]:
    def deploy(script: str = USE, blueprint: str = USING, **options: Any) -> Any:
        uploaded = upload("app", blueprint, {"use.sh": script}).json()
        assert uploaded["state"] == "uploaded", uploaded["error"]
        return ask("PUT", "/deployments/app", json={"blueprint_id": "app"}, **options)

    return deploy


@pytest.fixture
def stored_secrets(ask: Ask) -> None:
    ask("PUT", "/secrets/db", json={"value": CANARY})
    login = {"users": [{"name": "canary-user"}]}
    ask("PUT", "/secrets/login", json={"value": login, "schema": {"type": "object"}})


def events_of(ask: Ask, execution: dict[str, Any]) -> str:
    query = {"execution_id": execution["id"], "include_logs": "true", "_size": "1000"}
    return ask("GET", "/events", params=query).text


@pytest.mark.usefixtures("stored_secrets")
def test_scripts_get_secrets_that_are_not_stored_or_logged(
    ask: Ask, deploy: Callable[..., Any], run: Run, app: AppContext, tmp_path: Path
):
    created = deploy()
    assert created.status_code == 201, created.text
    installed = run("app", "install")
    assert installed["status"] == "terminated", installed["error"]
    (web,) = ask("GET", "/node-instances", params={"deployment_id": "app"}).json()["items"]
    assert web["runtime_properties"] == {"length": str(len(CANARY)), "user": "ca..."}
    assert "it is ********, by ********" in events_of(ask, installed)
    assert ask("GET", "/deployments/app/outputs").json()["outputs"] == {"value": f"<{CANARY}>", "plain": 1}
    assert ask("GET", "/deployments/app/capabilities").json()["capabilities"] == {"shared": CANARY}
    by_execution = f"execution_id={installed['id']}"
    paths = ("/nodes", "/node-instances", "/deployments/app", "/executions", "/events?include_logs=true",
             "/blueprints/app", f"/tasks_graphs?{by_execution}", f"/operations?{by_execution}")  # fmt: skip
    answers = [ask("GET", path).text for path in paths]
    assert "canary" not in "".join(answers)
    _assert_not_stored(app, tmp_path)


def _assert_not_stored(app: AppContext, folder: Path) -> None:
    """Check all files below the folder, and all rows of another database."""
    for path in folder.rglob("*"):
        if path.is_file():
            assert b"canary" not in path.read_bytes(), path
    if not app.database.is_sqlite:
        with app.database.engine.connect() as connection:
            from cfy_cli.manager.store.models import Base

            for table in Base.metadata.sorted_tables:
                for row in connection.execute(table.select()):
                    assert "canary" not in repr(row), table.name


@pytest.mark.usefixtures("stored_secrets")
def test_errors_of_scripts_are_masked(ask: Ask, deploy: Callable[..., Any], run: Run, app: AppContext, tmp_path: Path):
    deploy(FAILING)
    failed = run("app", "install")
    assert failed["status"] == "failed"
    assert "it was ********" in failed["error"]
    assert "canary" not in events_of(ask, failed) + str(failed)
    _assert_not_stored(app, tmp_path)


def test_deployment_with_missing_secrets_is_refused(ask: Ask, deploy: Callable[..., Any]):
    ask("PUT", "/secrets/login", json={"value": "x"})
    refused = deploy()
    assert refused.status_code == 400
    assert "Required secrets: [db] don't exist in this tenant" in refused.json()["message"]
    assert ask("GET", "/deployments/app").status_code == 404


@pytest.fixture
def una(ask: Ask) -> dict[str, str]:
    for name in ("una", "uwe"):
        ask("PUT", "/users", json={"username": name, "password": PASSWORD})
        ask("PUT", "/tenants/users", json={"username": name, "tenant_name": "default_tenant", "role": "user"})
    return {"user": "una", "password": PASSWORD}


SIMPLE = (
    HEAD
    + """
node_templates:
  web:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: use.sh, max_retries: 0, inputs: {whole: {get_secret: db}}}
outputs: {value: {value: {get_secret: db}}}
"""
)


def test_private_secret_of_another_user_cannot_be_used(ask: Ask, deploy: Callable[..., Any], una: dict[str, str]):
    ask("PUT", "/secrets/db", json={"value": CANARY, "visibility": "private"})
    refused = deploy(blueprint=SIMPLE, **una)
    assert refused.status_code == 400
    assert "[db] don't exist" in refused.json()["message"]
    own = ask("PUT", "/deployments/app", json={"blueprint_id": "app"})  # by its creator
    assert own.status_code == 201, own.text
    started = ask("POST", "/executions", json={"deployment_id": "app", "workflow_id": "install"}, **una)
    execution = wait_for_end(ask, started.json()["id"])
    assert execution["status"] == "failed"
    assert "there is no secret `db`" in execution["error"]


def test_hidden_value_is_used_but_not_shown(ask: Ask, deploy: Callable[..., Any], una: dict[str, str], run: Run):
    ask("PUT", "/secrets/db", json={"value": CANARY, "is_hidden_value": True})
    assert deploy(blueprint=SIMPLE, **una).status_code == 201
    started = ask("POST", "/executions", json={"deployment_id": "app", "workflow_id": "install"}, **una)
    assert wait_for_end(ask, started.json()["id"])["status"] == "terminated"
    (web,) = ask("GET", "/node-instances", params={"deployment_id": "app"}).json()["items"]
    assert web["runtime_properties"]["length"] == str(len(CANARY))
    seen = {name: ask("GET", "/deployments/app/outputs", **by).json()["outputs"]["value"]
            for name, by in (("una", una), ("admin", {}))}  # fmt: skip
    assert seen["admin"] == CANARY
    assert seen["una"].startswith("<ERROR: ")
    assert "hidden from user `una`" in seen["una"]

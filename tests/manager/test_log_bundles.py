"""Log bundles: an archive of logs, settings and state, without any secret of the manager."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from cfy_cli.contract.states import ExecutionState
from cfy_cli.manager.log_file import LOG_FILE
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.log_bundles import content
from cfy_cli.manager.services.log_bundles.content import write_bundle
from cfy_cli.manager.store.models import Execution, LogBundle
from tests.conftest import Ask, Cfy
from tests.manager.conftest import wait_for_end

PLANTED = ("canary-in-env", "canary-of-encryption", "canary-of-database", "canary of a secret", "canary-in-provider")


def add_execution(app: AppContext, status: ExecutionState) -> None:
    with app.database.write() as session:
        common = {"tenant_name": "default_tenant", "created_by": "admin", "visibility": "tenant", "owned_by": "admin"}
        session.add(Execution(id="running", workflow_id="install", status=status, worker="gone", **common))


def test_bundle_has_no_secrets(app: AppContext, ask: Ask, monkeypatch: pytest.MonkeyPatch):
    token = ask("POST", "/tokens", json={}).json()["value"]
    ask("PUT", "/secrets/k", json={"value": PLANTED[3]})
    provider = {"type": "vault", "connection_parameters": {"url": "http://v", "token": PLANTED[4], "path": "p"}}
    assert ask("PUT", "/secrets-providers", json={"name": "v", **provider}).ok
    monkeypatch.setenv("CLOUDIFY_PASSWORD", PLANTED[0])
    app.settings = replace(app.settings, database_password=PLANTED[2], encryption_key=PLANTED[1])
    log = app.settings.data_dir / LOG_FILE
    log.parent.mkdir(parents=True, exist_ok=True)
    lines = [*PLANTED, token, "postgresql://cfy:pw-in-url@db/x", "Authorization: Basic YWRtaW46cGFzc3dvcmQ="]
    log.with_name(f"{log.name}.1").write_text("the log before\n")
    log.write_text("".join(f"before {line} after\n" for line in lines))
    file = io.BytesIO()
    write_bundle(app, file)
    with zipfile.ZipFile(file) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert texts.keys() == {
        "logs/manager.log", "logs/manager.log.1", "logs/executions.jsonl", "settings.json", "state.json",
    }  # fmt: skip
    hidden = (*PLANTED, token, "pw-in-url", "YWRtaW46cGFzc3dvcmQ=")
    assert [text for text in hidden for content_ in texts.values() if text in content_] == []
    assert texts["logs/manager.log"].count("before ") == len(lines)
    settings = json.loads(texts["settings.json"])["settings"]
    assert settings["data_dir"] == str(app.settings.data_dir)
    assert not {"encryption_key", "database_password"} & settings.keys()
    state = json.loads(texts["state.json"])
    assert state["rows"]["secrets"] == 1
    assert state["cluster_status"]["services"].keys() == {"manager", "db", "broker"}


@pytest.mark.usefixtures("worker")
def test_bundle_is_created_downloaded_and_deleted(cfy: Cfy, ask: Ask, app: AppContext, tmp_path: Path):
    execution = json.loads(cfy("log-bundles create first --json"))
    assert (execution["workflow_id"], execution["is_system_workflow"]) == ("create_log_bundle", True)
    wait_for_end(ask, execution["id"])
    assert ask("GET", "/log-bundles/first").json()["status"] == "created"
    assert "first" in cfy("log-bundles list")
    cfy(f"log-bundles download first -o {tmp_path}/b.zip")
    assert "state.json" in zipfile.ZipFile(tmp_path / "b.zip").namelist()
    cfy("log-bundles create first", code=1)
    cfy("log-bundles create 1st", code=2)
    with app.database.read() as session:
        bundle = session.query(LogBundle).one()
    folder = app.files.folder / LogBundle.FOLDER / str(bundle.storage_id)
    assert folder.is_dir()
    assert ask("PATCH", "/log-bundles/first", json={"status": "lost"}).status_code == 400
    assert ask("PATCH", "/log-bundles/first", json={"status": "failed", "error": "x"}).json()["error"] == "x"
    assert ask("GET", "/log-bundles/first/archive").status_code == 400
    assert ask("PATCH", "/log-bundles/first", json={"status": "created"}).json()["status"] == "created"
    assert ask("DELETE", "/log-bundles/first").json()["id"] == "first"
    assert not folder.exists()
    cfy("log-bundles delete first", code=3)


def test_refused_bundle_leaves_nothing(ask: Ask, app: AppContext):
    add_execution(app, ExecutionState.STARTED)
    refused = ask("PUT", "/log-bundles/first", json={})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "existing_running_execution_error")
    assert ask("GET", "/log-bundles").json()["items"] == []
    queued = ask("PUT", "/log-bundles/first", json={"queue": True})
    assert (queued.status_code, queued.json()["status"]) == (201, "queued")
    assert ask("DELETE", "/log-bundles/first").status_code == 400
    assert ask("GET", "/log-bundles/first/archive").status_code == 400
    assert ask("POST", f"/executions/{queued.json()['id']}", json={"action": "cancel"}).ok
    bundle = ask("GET", "/log-bundles/first").json()
    assert (bundle["status"], bundle["visibility"]) == ("failed", "private")
    assert ask("DELETE", "/log-bundles/first").status_code == 200


@pytest.mark.usefixtures("worker")
def test_failed_creation_is_told_by_the_bundle(ask: Ask, app: AppContext, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(content, "_state", fail)
    execution = ask("PUT", "/log-bundles/first", json={}).json()["id"]
    assert wait_for_end(ask, execution)["status"] == "failed"
    bundle = ask("GET", "/log-bundles/first").json()
    assert bundle["status"] == "failed"
    assert "no space" in bundle["error"]
    assert not app.files.storage_ids(LogBundle.FOLDER)
    assert ask("GET", "/log-bundles/first/archive").status_code == 400

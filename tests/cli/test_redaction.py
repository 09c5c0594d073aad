"""Tests that logs, errors and hints hold no credentials."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
import responses

from cfy_cli.config.profiles import Profile
from cfy_cli.shell import follow_execution

from .conftest import PROFILE, Run, page
from .sample_commands import commands, is_local, line

BLUEPRINT = "tosca_definitions_version: cloudify_dsl_1_4\nnode_templates: {}\n"
ANSWER: dict[str, Any] = {
    "id": "x1", "name": "x1", "username": "x1", "status": "terminated", "state": "uploaded", "services": {},
    "workflow_id": "install", "deployment_id": "x1", "blueprint_id": "x1", "token": "canary-token", "plan": {},
    "password": "canary-password", "secret_key": "canary-secret", "labels": [], "outputs": {}, "capabilities": {},
}  # fmt: skip
REMOTE_COMMANDS = [(name, command) for name, command in commands() if not is_local(name)]


@pytest.mark.parametrize("status", [200, 401, 500])
def test_commands_never_log_credentials(
    run: Run, wire: responses.RequestsMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(follow_execution, "LAST_EVENTS_TIMEOUT", 0.0)
    blueprint = tmp_path / "blueprint.yaml"
    blueprint.write_text(BLUEPRINT)
    answer = ANSWER | page({key: value for key, value in ANSWER.items() if key not in ("token", "password")})
    if status != 200:
        answer = {"message": "No", "error_code": "x", "password": "canary-password"}
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        wire.add(
            method,
            re.compile("http://manager/.*"),
            status=status,
            json=answer,
            headers={"Set-Cookie": "session=canary-cookie"},
        )
    assert "canary" not in repr(Profile(name="test", **PROFILE))
    basic = base64.b64encode(b"admin:canary-password").decode()
    for name, command in REMOTE_COMMANDS:
        outcome = run(f"{line(name, command, blueprint)} -vvv", code=None)
        assert "canary" not in outcome.err, name
        assert basic not in outcome.err, name
        assert "Traceback" not in outcome.out, name


def test_token_is_not_logged(run: Run, wire: responses.RequestsMock) -> None:
    wire.get("http://manager/api/v3.1/status", json={"status": "OK"})
    outcome = run("status --json -vvv", profile={"manager_ip": "manager", "manager_token": "canary-token"})
    assert wire.calls[0].request.headers["Authentication-Token"] == "canary-token"
    assert "canary" not in outcome.err


def test_hints_never_suggest_password_options() -> None:
    import cfy_cli

    folder = Path(cfy_cli.__file__).parent
    packages = ("shell", "commands", "config", "client")
    lines = [
        line
        for name in packages
        for file in (folder / name).rglob("*.py")
        for line in file.read_text("utf-8").splitlines()
    ]
    hints = [line for line in lines if "hint=" in line]
    assert hints
    assert [hint for hint in hints if "-p PASSWORD" in hint or "--password PASSWORD" in hint] == []


def test_json_errors_hold_no_credentials(run: Run, wire: responses.RequestsMock) -> None:
    wire.get("http://manager/api/v3.1/sites", status=401, json={"message": "User unauthorized"})
    error = json.loads(run("sites list --json", code=4).err)["error"]
    assert error["status"] == 401
    assert "canary" not in json.dumps(error)

"""Every endpoint of the published specification is reached by a command."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
import requests
import responses

from tests.specification import read_rows

from .conftest import Run
from .sample_commands import commands, is_local, line

API = "http://manager/api/v3.1"
ITEM = {
    "id": "x1", "name": "x1", "key": "x1", "value": "x1", "status": "terminated", "state": "uploaded", "labels": [],
    "workflow_id": "install", "deployment_id": "x1", "blueprint_id": "x1", "hostname": "x1", "version": 1,
    "runtime_properties": {"a": 1}, "plan": {"inputs": {}}, "permission": "x1", "role": "user", "username": "x1",
    "capabilities": {}, "outputs": {}, "services": {}, "workflows": [],
}  # fmt: skip
ANSWER = {**ITEM, "items": [ITEM], "metadata": {"pagination": {"total": 1, "offset": 0, "size": 1000}}}
MAX_REQUESTS = 20  # of one command
MORE = [  # beside one sample of every command
    "executions start install -d x1",
    "permissions list --role user",
    "users get ann",
    "workflows list -d x1",
    "deployments update x1 -b x1",
    "blueprints list -lr a=b",
    "blueprints validate app/blueprint.yaml --on-manager",
    "deployments list -lr a=b",
]
WITHOUT_COMMAND = {  # for clients, workflows, and the completion of values; `cfy api` sends them
    *(("POST", f"/searches/{name}") for name in (
        "capabilities", "node-instances", "node-types", "nodes", "scaling-groups", "secrets", "workflows",
    )),
    ("GET", "/labels/blueprints"), ("GET", "/labels/blueprints/{key}"), ("GET", "/labels/deployments"),
    ("GET", "/labels/deployments/{key}"), ("PUT", "/metrics/{metric_id}"),
    ("GET", "/workflows"), ("GET", "/managers/{hostname}"),
    ("PUT", "/operations/{operation_id}"), ("PATCH", "/operations/{operation_id}"),
    ("DELETE", "/operations/{operation_id}"), ("POST", "/tasks_graphs"), ("PATCH", "/executions/{execution_id}"),
    ("PUT", "/deployments/inter-deployment-dependencies"),
}  # fmt: skip


@pytest.fixture
def blueprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "app" / "blueprint.yaml"
    file.parent.mkdir()
    file.write_text("tosca_definitions_version: cloudify_dsl_1_4\n")
    return file


def lines(blueprint: Path) -> Iterator[str]:
    for name, command in commands():
        if not is_local(name) and name.split(" ")[0] not in {"profiles", "api"}:
            yield line(name, command, blueprint)
    yield from MORE


def test_every_endpoint_of_the_specification_has_a_command(
    run: Run, wire: responses.RequestsMock, blueprint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cfy_cli.shell.polling.UNREACHABLE_TIMEOUT", 0)
    monkeypatch.setattr("cfy_cli.shell.polling.MAX_POLL_INTERVAL", 0.0)
    sent: list[tuple[str, str]] = []

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        sent.append((str(request.method), str(request.url).removeprefix(API).partition("?")[0]))
        if len(sent) - first > MAX_REQUESTS:
            return 403, {}, "{}"  # ends a command that waits for what never comes
        return 200, {"Content-Type": "application/json"}, json.dumps(ANSWER)

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        wire.add_callback(method, re.compile(f"{API}/.*"), answer)
    for text in lines(blueprint):
        first = len(sent)
        run(text, code=None)
    reached = {(method, unquote(path)) for method, path in sent}
    missing = []
    for row in read_rows():
        pattern = re.compile(re.sub(r"{\w+}", "[^/]+", row.path))
        if not any(method == row.method and pattern.fullmatch(path) for method, path in reached):
            missing.append((row.method, row.path))
    lacking = [" ".join(each) for each in sorted(set(missing) - WITHOUT_COMMAND)]
    assert not lacking, "\n".join(lacking)

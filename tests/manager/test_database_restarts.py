"""PostgreSQL restarts while an installation and a group run: nothing is lost, and nothing runs twice."""

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.manager.conftest import archive, wait_until
from tests.manager.processes import RequestOptions, request, start
from tests.manager.several_machines import OwnPostgreSQL

pytestmark = [pytest.mark.slow, pytest.mark.process]
ROUNDS, INSTANCES, MEMBERS = 5, 30, 10
ENDED = ("terminated", "failed", "cancelled")
BLUEPRINT = f"""
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_types:
  one:
    derived_from: cloudify.nodes.Root
    interfaces: {{cloudify.interfaces.lifecycle: {{create: note.sh}}}}
node_templates:
  n: {{type: one, capabilities: {{scalable: {{properties: {{default_instances: {INSTANCES}}}}}}}}}
"""
SCRIPT = """#!/bin/bash
sleep 0.1
id=$(ctx instance id)
ctx instance runtime-properties done yes
echo "$id" >> {folder}/$(ctx deployment id)
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[OwnPostgreSQL]:
    server = OwnPostgreSQL(tmp_path)
    yield server
    server.close()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_work_continues_when_postgresql_restarts(
    data_dir: Path, tmp_path: Path, database: OwnPostgreSQL, stop: signal.Signals
):
    running = start(data_dir, database_url=database.url, workers=2)

    def ask(path: str, method: str = "GET", **options: Any) -> requests.Response:
        """Repeat a request that is answered with 503, as clients do."""

        def attempt() -> requests.Response:
            given: RequestOptions = {**options}  # type: ignore[typeddict-item]
            answer = request(running, data_dir, path, method, **given)
            assert answer.status_code in (200, 201, 409, 503), answer.text
            return answer

        return wait_until(attempt, lambda answer: answer.status_code != 503)

    def status(path: str) -> list[str]:
        return [item["status"] for item in ask(path).json()["items"]]

    files = {"blueprint.yaml": BLUEPRINT, "note.sh": SCRIPT.format(folder=tmp_path)}
    ask("/blueprints/app", "PUT", data=archive(files))
    wait_until(lambda: ask("/blueprints/app").json()["state"], lambda state: state == "uploaded")
    for number in range(ROUNDS):
        ask(f"/deployments/d{number}", "PUT", json={"blueprint_id": "app"})
        body = {"deployment_id": f"d{number}", "workflow_id": "install"}
        execution = ask("/executions", "POST", json=body).json()["id"]
        log = tmp_path / f"d{number}"
        for least in (8, 16):
            wait_until(lambda log=log: log.read_text().count("\n") if log.exists() else 0, lambda n, m=least: n >= m)
            database.restart(stop)
        members = [{"id": f"g{number}-{member}"} for member in range(MEMBERS)]
        ask(f"/deployment-groups/g{number}", "PUT", json={"blueprint_id": "app", "new_deployments": members})
        database.restart(stop)
        installed = f"/executions?id={execution}"
        wait_until(lambda path=installed: status(path), lambda found: found[0] in ENDED)
        assert status(installed) == ["terminated"], ask(installed).text
        assert Counter(Counter(log.read_text().split()).values()) == {1: INSTANCES}
        operations = ask(f"/operations?execution_id={execution}&_size=1000").json()["items"]
        assert {operation["state"] for operation in operations} == {"succeeded"}
        for member in range(MEMBERS):
            path = f"/node-instances?deployment_id=g{number}-{member}&_size=0"
            wait_until(lambda path=path: ask(path).json()["metadata"]["pagination"]["total"], lambda n: n == INSTANCES)

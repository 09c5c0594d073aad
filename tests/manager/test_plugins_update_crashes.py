"""kill -9 while plugins are updated: every deployment moves once, and nothing temporary is left."""

import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cfy_cli.manager import control
from cfy_cli.manager.settings import ManagerSettings
from tests.manager.conftest import archive
from tests.manager.processes import find_free_port, request, wait_until
from tests.manager.test_crash_recovery import kill
from tests.wagons import package

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, 'plugin:tiny-plugin']
node_templates: {it: {type: tiny.Node}}
"""
DEPLOYMENTS = [f"d{number}" for number in range(4)]


def check(data_dir: Path, database_url: str, kills: int) -> None:
    seed = int(os.environ.get("CFY_KILL_SEED", random.randrange(10**6)))
    print(f"seed {seed}")
    chance = random.Random(seed)
    settings = ManagerSettings(data_dir, port=find_free_port(), workers=1, database_url=database_url)
    running = control.start(settings)

    def ask(path: str, method: str = "GET", **more: Any) -> Any:
        answer = request(running, data_dir, path, method, **more)
        answer.raise_for_status()
        return answer.json()

    ask("/plugins", "POST", data=package(version="1.0"))
    ask("/blueprints/app", "PUT", data=archive({"blueprint.yaml": BLUEPRINT}))
    for name in DEPLOYMENTS:
        ask(f"/deployments/{name}", "PUT", json={"blueprint_id": "app"})
    ask("/plugins", "POST", data=package(version="2.0"))
    started = ask("/plugins-updates/app/update/initiate", "POST")

    def state() -> str:
        try:
            return str(ask(f"/executions/{started['execution_id']}")["status"])
        except OSError:
            return "unknown"

    for _ in range(kills):
        time.sleep(chance.uniform(0.05, 1.0))
        kill(data_dir, chance)
        if control.status(data_dir) is None:
            running = control.start(settings)
    wait_until(lambda: state() in ("terminated", "failed", "cancelled"), 120)
    assert state() == "terminated", ask(f"/executions/{started['execution_id']}")["error"]
    record = ask(f"/plugins-updates/{started['id']}")
    assert (record["state"], record["temp_blueprint_id"]) == ("successful", None)
    updates = ask("/deployment-updates?_include=deployment_id,state,new_blueprint_id")["items"]
    assert Counter(each["deployment_id"] for each in updates) == Counter(DEPLOYMENTS)
    assert {(each["state"], each["new_blueprint_id"]) for each in updates} == {("successful", "app")}
    nodes = ask("/nodes?_include=plugins,blueprint_id")["items"]
    assert [(node["plugins"][0]["package_version"], node["blueprint_id"]) for node in nodes] == [("2.0", "app")] * 4
    assert len(ask("/blueprints")["items"]) == 1
    assert len(list((settings.files / "blueprints").iterdir())) == 1, "the files of the temporary blueprint are deleted"


@pytest.mark.sqlite
def test_plugins_are_updated_once_through_a_kill(data_dir: Path, database_url: str):
    check(data_dir, database_url, kills=1)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(20))
def test_plugins_are_updated_once_through_many_kills(data_dir: Path, database_url: str, number: int):
    check(data_dir, database_url, kills=4)

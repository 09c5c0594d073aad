"""kill -9 while components are installed and uninstalled: each deployment and execution exists once in the end."""

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from cfy_cli.manager import control
from cfy_cli.manager.control import RunningManager
from cfy_cli.manager.settings import ManagerSettings
from tests.manager.conftest import archive
from tests.manager.processes import find_free_port, request, wait_until
from tests.manager.test_crash_recovery import fetch_all, run_through_kills
from tests.wagons import package

HEAD = "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml, 'plugin:tiny-plugin']\n"
CHILD = (
    HEAD
    + """
node_templates:
  it:
    type: tiny.Node
    interfaces:
      cloudify.interfaces.lifecycle:
        start: {implementation: log.sh, max_retries: 0}
        stop: {implementation: log.sh, max_retries: 0}
capabilities:
  version: {value: {get_attribute: [it, version]}}
"""
)
COMPONENT = """
  comp{number}:
    type: cloudify.nodes.Component
    properties:
      resource_config:
        blueprint: {{external_resource: true, id: child}}
        deployment: {{id: kid{number}}}
"""
COMPONENTS = 3
PARENT = HEAD + "node_templates:\n" + "".join(COMPONENT.format(number=number) for number in range(COMPONENTS))
LOG_SCRIPT = """#!/bin/bash
me="$(ctx deployment id) $(ctx operation name)" || exit 1
sleep 0.$((RANDOM % 5))
echo "$me" >> '{folder}/lines'
"""


class Scenario:
    """A deployment of components, each with a node of a plugin that is not installed yet."""

    def __init__(self, data_dir: Path, folder: Path, database_url: str, seed: int) -> None:
        print(f"seed {seed}")
        self.chance, self.lines = random.Random(seed), folder / "lines"
        self.settings = ManagerSettings(data_dir, port=find_free_port(), workers=1, database_url=database_url)
        self.running: RunningManager = control.start(self.settings)
        self.ask("/plugins", "POST", data=package()).raise_for_status()
        for name, text in (("child", CHILD), ("parent", PARENT)):
            files = {"blueprint.yaml": text, "log.sh": LOG_SCRIPT.format(folder=folder)}
            self.ask(f"/blueprints/{name}", "PUT", data=archive(files)).raise_for_status()
            wait_until(lambda name=name: self.ask(f"/blueprints/{name}").json()["state"] == "uploaded")
        self.ask("/deployments/parent", "PUT", json={"blueprint_id": "parent"}).raise_for_status()

    def ask(self, path: str, method: str = "GET", **more: object):  # type: ignore[no-untyped-def]
        return request(self.running, self.settings.data_dir, path, method, **more)

    def run(self, workflow: str, kills: int, deployments: set[str]) -> None:
        self.lines.write_text("")
        self.running, _ = run_through_kills(self.running, self.settings, "parent", workflow, kills, self.chance)
        all_deployments = fetch_all(self.running, self.settings.data_dir, "/deployments?_include=id")
        assert {deployment["id"] for deployment in all_deployments} == {"parent", *deployments}
        executions = fetch_all(self.running, self.settings.data_dir, f"/executions?workflow_id={workflow}")
        assert Counter(execution["status"] for execution in executions) == {"terminated": 1 + len(deployments)}
        started = Counter(self.lines.read_text().splitlines())
        assert len(started) == COMPONENTS
        assert max(started.values()) <= 1 + kills


def check(data_dir: Path, folder: Path, database_url: str, kills: int) -> None:
    kids = {f"kid{number}" for number in range(COMPONENTS)}
    seed = int(os.environ.get("CFY_KILL_SEED", random.randrange(10**6)))
    scenario = Scenario(data_dir, folder, database_url, seed)
    scenario.run("install", kills, kids)
    for kid in kids:
        capabilities = scenario.ask(f"/deployments/{kid}/capabilities").json()["capabilities"]
        assert capabilities == {"version": "1.0.0"}
    control.stop(data_dir)  # the supervisor delays the restart of processes that exit often
    scenario.running = control.start(scenario.settings)
    scenario.run("uninstall", kills, set())


@pytest.mark.sqlite
def test_components_and_plugins_exist_once_after_kill(data_dir: Path, tmp_path: Path, database_url: str):
    check(data_dir, tmp_path, database_url, kills=1)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(10))
def test_components_and_plugins_exist_once_after_many_kills(
    data_dir: Path, tmp_path: Path, database_url: str, number: int
):
    check(data_dir, tmp_path, database_url, kills=4)

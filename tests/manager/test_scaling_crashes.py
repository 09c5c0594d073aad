"""kill -9 of workers during scale and heal: the numbers of node instances are right in the end."""

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from cfy_cli.manager import control
from cfy_cli.manager.control import RunningManager
from cfy_cli.manager.settings import ManagerSettings
from tests.manager.conftest import archive
from tests.manager.processes import find_free_port, is_alive, request, wait_until
from tests.manager.test_crash_recovery import fetch_all

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_types:
  logger:
    derived_from: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: log.sh, max_retries: 0}
        start: {implementation: log.sh, max_retries: 0}
        delete: {implementation: log.sh, max_retries: 0}
      cloudify.interfaces.validation:
        check_status: {implementation: fail.sh, max_retries: 0}
node_templates:
  web: {type: logger}
  app:
    type: logger
    relationships: [{type: cloudify.relationships.connected_to, target: web}]
"""
LOG_SCRIPT = """#!/bin/bash
me="$(ctx instance id) $(ctx operation name)" || exit 1
sleep 0.0$((RANDOM % 9))
echo "$me" >> '{folder}/lines'
"""


class Scenario:
    """A manager whose worker is killed while workflows run."""

    def __init__(self, data_dir: Path, folder: Path, database_url: str, seed: int) -> None:
        print(f"seed {seed}")
        self.chance, self.data_dir, self.folder = random.Random(seed), data_dir, folder
        self.settings = ManagerSettings(data_dir, port=find_free_port(), workers=1, database_url=database_url)
        self.running: RunningManager = control.start(self.settings)
        files = {
            "blueprint.yaml": BLUEPRINT,
            "log.sh": LOG_SCRIPT.format(folder=folder),
            "fail.sh": "#!/bin/bash\nexit 1\n",
        }
        request(self.running, data_dir, "/blueprints/b", "PUT", data=archive(files)).raise_for_status()
        wait_until(lambda: request(self.running, data_dir, "/blueprints/b").json()["state"] == "uploaded")
        request(self.running, data_dir, "/deployments/d", "PUT", json={"blueprint_id": "b"}).raise_for_status()
        self.run("install", kills=0)

    def restart(self) -> None:
        """Restart the manager, since the supervisor delays the restart of processes that exit often."""
        control.stop(self.data_dir)
        self.running = control.start(self.settings)

    def run(self, workflow: str, kills: int, **parameters: object) -> None:
        """Run a workflow while the worker is killed."""
        (self.folder / "lines").write_text("")
        body = {"deployment_id": "d", "workflow_id": workflow, "parameters": parameters}
        self.follow(request(self.running, self.data_dir, "/executions", "POST", json=body).json()["id"], kills)

    def follow(self, execution: str, kills: int) -> None:
        """Kill the worker while an execution runs; every operation must succeed once, however often it was started."""
        for _ in range(kills):
            time.sleep(self.chance.uniform(0.02, 0.6))
            self.kill_worker()
        ended = self.wait_for(execution)
        assert ended["status"] == "terminated", ended["error"]
        events = fetch_all(self.running, self.data_dir, f"/events?execution_id={execution}")
        done = Counter(
            f"{event['node_instance_id']} {event['operation']}"
            for event in events
            if event["event_type"] == "task_succeeded" and event["node_instance_id"]
        )
        started = Counter((self.folder / "lines").read_text().splitlines())
        assert set(done.values()) <= {1}
        assert set(started) == set(done)
        assert max(started.values(), default=0) <= 1 + kills

    def wait_for(self, execution: str) -> dict[str, str]:
        execution_json: dict[str, str] = {}

        def has_ended() -> bool:
            execution_json.update(request(self.running, self.data_dir, f"/executions/{execution}").json())
            return execution_json["status"] in ("terminated", "failed", "cancelled")

        wait_until(has_ended, 60)
        return execution_json

    def kill_worker(self) -> None:
        [worker] = (control.status(self.data_dir) or self.running).workers
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: not is_alive(worker))
        wait_until(lambda: (control.status(self.data_dir) or self.running).workers != (worker,))

    def check_instances(self, webs: int) -> None:
        instances = fetch_all(self.running, self.data_dir, "/node-instances?deployment_id=d")
        assert Counter(instance["node_id"] for instance in instances) == {"web": webs, "app": 1}
        assert {instance["state"] for instance in instances} == {"started"}
        web = {instance["id"]: instance for instance in instances if instance["node_id"] == "web"}
        assert len(web) == len({instance["index"] for instance in web.values()}) == webs
        [app] = [instance for instance in instances if instance["node_id"] == "app"]
        assert sorted(relationship["target_id"] for relationship in app["relationships"]) == sorted(web)  # type: ignore[index]
        nodes = fetch_all(self.running, self.data_dir, "/nodes?deployment_id=d")
        assert {
            node["id"]: (node["number_of_instances"], node["planned_number_of_instances"])
            for node in nodes
        } == {"web": (webs, webs), "app": (1, 1)}  # fmt: skip
        assert request(self.running, self.data_dir, "/deployments/d").json()["installation_status"] == "active"


def seed() -> int:
    return int(os.environ.get("CFY_KILL_SEED", random.randrange(10**6)))


@pytest.mark.sqlite
def test_scale_continues_after_worker_is_killed(data_dir: Path, tmp_path: Path, database_url: str):
    scenario = Scenario(data_dir, tmp_path, database_url, seed())
    scenario.run("scale", 1, scalable_entity_name="web", delta=5)
    scenario.check_instances(6)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(10))
def test_scale_continues_after_many_kills(data_dir: Path, tmp_path: Path, database_url: str, number: int):
    scenario = Scenario(data_dir, tmp_path, database_url, seed())
    scenario.run("scale", 3, scalable_entity_name="web", delta=5)
    scenario.check_instances(6)
    scenario.restart()
    scenario.run("scale", 3, scalable_entity_name="web", delta=-5)
    scenario.check_instances(1)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(5))
def test_heal_continues_after_many_kills(data_dir: Path, tmp_path: Path, database_url: str, number: int):
    scenario = Scenario(data_dir, tmp_path, database_url, seed())
    scenario.run("scale", 0, scalable_entity_name="web", delta=3)
    scenario.run("heal", 3)
    scenario.check_instances(4)

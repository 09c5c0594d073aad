"""kill -9 of workers in the middle of scaling, healing and rolling back: the numbers are right in the end."""

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
from tests.manager.test_recovery import pages

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_types:
  teller:
    derived_from: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: tell.sh, max_retries: 0}
        start: {implementation: tell.sh, max_retries: 0}
        delete: {implementation: tell.sh, max_retries: 0}
      cloudify.interfaces.validation:
        check_status: {implementation: fail.sh, max_retries: 0}
node_templates:
  web: {type: teller}
  app:
    type: teller
    relationships: [{type: cloudify.relationships.connected_to, target: web}]
"""
TELL = """#!/bin/bash
me="$(ctx instance id) $(ctx operation name)" || exit 1
sleep 0.0$((RANDOM % 9))
echo "$me" >> '{folder}/lines'
"""


class Scene:
    """A manager whose worker is killed now and then while a workflow runs."""

    def __init__(self, data_dir: Path, folder: Path, database_url: str, seed: int) -> None:
        print(f"seed {seed}")
        self.chance, self.data_dir, self.folder = random.Random(seed), data_dir, folder
        self.settings = ManagerSettings(data_dir, port=find_free_port(), workers=1, database_url=database_url)
        self.running: RunningManager = control.start(self.settings)
        files = {"blueprint.yaml": BLUEPRINT, "tell.sh": TELL.format(folder=folder), "fail.sh": "#!/bin/bash\nexit 1\n"}
        request(self.running, data_dir, "/blueprints/b", "PUT", data=archive(files)).raise_for_status()
        wait_until(lambda: request(self.running, data_dir, "/blueprints/b").json()["state"] == "uploaded")
        request(self.running, data_dir, "/deployments/d", "PUT", json={"blueprint_id": "b"}).raise_for_status()
        self.run("install", kills=0)

    def begin_anew(self) -> None:
        """Whoever has died often is started again later and later."""
        control.stop(self.data_dir)
        self.running = control.start(self.settings)

    def run(self, workflow: str, kills: int, **parameters: object) -> None:
        """Every operation succeeds once, however often it was begun."""
        (self.folder / "lines").write_text("")
        body = {"deployment_id": "d", "workflow_id": workflow, "parameters": parameters}
        execution = request(self.running, self.data_dir, "/executions", "POST", json=body).json()["id"]
        for _ in range(kills):
            time.sleep(self.chance.uniform(0.02, 0.6))
            self.kill_worker()
        state = self.state_of(execution)
        assert state["status"] == "terminated", state["error"]
        events = pages(self.running, self.data_dir, f"/events?execution_id={execution}")
        done = Counter(
            f"{event['node_instance_id']} {event['operation']}"
            for event in events
            if event["event_type"] == "task_succeeded" and event["node_instance_id"]
        )
        began = Counter((self.folder / "lines").read_text().splitlines())
        assert set(done.values()) <= {1}
        assert set(began) == set(done)
        assert max(began.values(), default=0) <= 1 + kills

    def state_of(self, execution: str) -> dict[str, str]:
        found: dict[str, str] = {}

        def has_ended() -> bool:
            found.update(request(self.running, self.data_dir, f"/executions/{execution}").json())
            return found["status"] in ("terminated", "failed", "cancelled")

        wait_until(has_ended, 60)
        return found

    def kill_worker(self) -> None:
        [worker] = (control.status(self.data_dir) or self.running).workers
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: not is_alive(worker))
        wait_until(lambda: (control.status(self.data_dir) or self.running).workers != (worker,))

    def is_right(self, webs: int) -> None:
        instances = pages(self.running, self.data_dir, "/node-instances?deployment_id=d")
        assert Counter(one["node_id"] for one in instances) == {"web": webs, "app": 1}
        assert {one["state"] for one in instances} == {"started"}
        web = {one["id"]: one for one in instances if one["node_id"] == "web"}
        assert len(web) == len({one["index"] for one in web.values()}) == webs
        [app] = [one for one in instances if one["node_id"] == "app"]
        assert sorted(each["target_id"] for each in app["relationships"]) == sorted(web)  # type: ignore[index]
        nodes = pages(self.running, self.data_dir, "/nodes?deployment_id=d")
        assert {
            one["id"]: (one["number_of_instances"], one["planned_number_of_instances"])
            for one in nodes
        } == {"web": (webs, webs), "app": (1, 1)}  # fmt: skip
        assert request(self.running, self.data_dir, "/deployments/d").json()["installation_status"] == "active"


def seed() -> int:
    return int(os.environ.get("CFY_KILL_SEED", random.randrange(10**6)))


def test_a_scaling_goes_on_after_a_kill(data_dir: Path, tmp_path: Path, database_url: str):
    scene = Scene(data_dir, tmp_path, database_url, seed())
    scene.run("scale", 1, scalable_entity_name="web", delta=5)
    scene.is_right(6)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(10))
def test_more_and_fewer_instances_after_many_kills(data_dir: Path, tmp_path: Path, database_url: str, number: int):
    scene = Scene(data_dir, tmp_path, database_url, seed())
    scene.run("scale", 3, scalable_entity_name="web", delta=5)
    scene.is_right(6)
    scene.begin_anew()
    scene.run("scale", 3, scalable_entity_name="web", delta=-5)
    scene.is_right(1)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(5))
def test_what_is_sick_is_healed_after_many_kills(data_dir: Path, tmp_path: Path, database_url: str, number: int):
    scene = Scene(data_dir, tmp_path, database_url, seed())
    scene.run("scale", 0, scalable_entity_name="web", delta=3)
    scene.run("heal", 3)
    scene.is_right(4)

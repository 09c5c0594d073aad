"""kill -9 at random moments: what had succeeded is never run again, what was in flight at most once more."""

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

NODE = """
  node{number}:
    type: cloudify.nodes.Root
    relationships: [{relationships}]
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {{implementation: tell.sh, max_retries: 0, inputs: {{me: node{number} create}}}}
        start: {{implementation: tell.sh, max_retries: 0, inputs: {{me: node{number} start}}}}
"""
BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
"""
# Says that it begins, works a little and says that it has ended; says too when another one of its name still runs.
TELL = """#!/bin/bash
for other in '{folder}'/"$me".*; do
  case "$(cut -d' ' -f3 "/proc/${{other##*.}}/stat" 2>/dev/null)" in
    ''|Z|X) ;;
    *) echo "overlap $me" >> '{folder}/lines' ;;
  esac
done
touch "{folder}/$me.$$"
echo "begin $me" >> '{folder}/lines'
sleep 0.0$((RANDOM % 9))
ctx logger info "$me" || exit 1
echo "end $me" >> '{folder}/lines'
rm "{folder}/$me.$$"
"""


def blueprint(nodes: int) -> str:
    """Every third node leans on the one before it."""
    return BLUEPRINT + "".join(
        NODE.format(
            number=number,
            relationships=f"{{type: cloudify.relationships.depends_on, target: node{number - 1}}}"
            if number % 3
            else "",
        )
        for number in range(nodes)
    )


def victims(running: RunningManager, chance: random.Random) -> list[int]:
    """A worker, the server, the supervisor, or everything."""
    everything = [running.pid, running.server, *running.workers]
    return chance.choice([[running.workers[0]], [running.workers[0]], [running.server], [running.pid], everything])


def kill(data_dir: Path, chance: random.Random) -> None:
    running = control.status(data_dir)
    assert running is not None
    chosen = victims(running, chance)
    for pid in chosen:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, chosen)))


def run_with_kills(data_dir: Path, folder: Path, nodes: int, kills: int, seed: int, database_url: str) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    settings = ManagerSettings(data_dir, port=find_free_port(), workers=1, database_url=database_url)
    running = control.start(settings)
    files = {"blueprint.yaml": blueprint(nodes), "tell.sh": TELL.format(folder=folder)}
    assert request(running, data_dir, "/blueprints/app", "PUT", data=archive(files)).status_code == 201
    wait_until(lambda: request(running, data_dir, "/blueprints/app").json()["state"] == "uploaded")
    assert request(running, data_dir, "/deployments/app", "PUT", json={"blueprint_id": "app"}).status_code == 201
    running, execution = through_kills(running, settings, "app", "install", kills, chance)
    agree(running, data_dir, folder, execution, nodes, kills)


def through_kills(
    running: RunningManager,
    settings: ManagerSettings,
    deployment: str,
    workflow: str,
    kills: int,
    chance: random.Random,
) -> tuple[RunningManager, str]:
    """Run a workflow to its good end, whatever is killed; the manager that then runs, and the execution."""
    data_dir, begin = settings.data_dir, {"deployment_id": deployment, "workflow_id": workflow}
    execution = request(running, data_dir, "/executions", "POST", json=begin).json()["id"]
    for _ in range(kills):
        time.sleep(chance.uniform(0.05, 1.0))
        kill(data_dir, chance)
        if control.status(data_dir) is None:
            running = control.start(settings)  # as somebody would who finds it gone

    def state() -> str:
        try:
            return str(request(running, data_dir, f"/executions/{execution}").json()["status"])
        except OSError:
            return "unknown"

    wait_until(lambda: state() in ("terminated", "failed", "cancelled"), 120)
    assert state() == "terminated", request(running, data_dir, f"/executions/{execution}").json()["error"]
    return running, execution


def agree(running: RunningManager, data_dir: Path, folder: Path, execution: str, nodes: int, kills: int) -> None:
    """The file, the journal, the history and the instances tell the same story."""
    lines = (folder / "lines").read_text().splitlines()
    began = Counter(line.removeprefix("begin ") for line in lines if line.startswith("begin "))
    ended = Counter(line.removeprefix("end ") for line in lines if line.startswith("end "))
    expected = {f"node{number} {what}" for number in range(nodes) for what in ("create", "start")}
    assert set(began) == set(ended) == expected
    assert not [line for line in lines if line.startswith("overlap")]
    operations = pages(running, data_dir, f"/operations?execution_id={execution}")
    assert {one["state"] for one in operations} == {"succeeded"}
    assert len([one for one in operations if one["type"] == "RemoteWorkflowTask"]) == 2 * nodes
    instances = pages(running, data_dir, "/node-instances?deployment_id=app")
    assert {one["state"] for one in instances} == {"started"}
    events = pages(running, data_dir, f"/events?execution_id={execution}&include_logs=true")
    names = {one["id"]: one["node_id"] for one in instances}
    told = {kind: tally(events, kind, names) for kind in ("task_started", "task_succeeded")}
    assert told["task_succeeded"] == Counter(expected), "what had succeeded was never run again"
    said = {event["message"] for event in events if event["type"] == "cloudify_log"}
    assert expected <= said, "what an operation said is stored before its success is"
    for name in expected:
        assert began[name] <= told["task_started"][name], "nothing ran that was not said to start"
        assert began[name] <= 1 + kills
    again = sum(began.values()) - len(expected)
    assert again <= 8 * kills, "at most what was in flight ran once more"
    print(f"{len(expected)} operations, {kills} kills, {again} begun once more")


def tally(events: list[dict[str, str]], kind: str, names: dict[str, str]) -> Counter[str]:
    return Counter(
        f"{names[event['node_instance_id']]} {event['operation'].rpartition('.')[2]}"
        for event in events
        if event.get("event_type") == kind and event["node_instance_id"]
    )


def pages(running: RunningManager, data_dir: Path, path: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    while True:
        page = request(running, data_dir, f"{path}&_offset={len(found)}").json()
        found += page["items"]
        if len(found) >= page["metadata"]["pagination"]["total"]:
            return found


def test_an_install_goes_on_after_every_kill(data_dir: Path, tmp_path: Path, database_url: str):
    run_with_kills(data_dir, tmp_path, 12, 2, random.randrange(10**6), database_url)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(20))
def test_fifty_nodes_and_many_kills(data_dir: Path, tmp_path: Path, database_url: str, number: int):
    seed = int(os.environ.get("CFY_KILL_SEED", random.randrange(10**6)))
    run_with_kills(data_dir, tmp_path, 50, 4, seed, database_url)

"""kill -9 of processes of a manager at random moments of an install.

Operations that had succeeded are never run again, and those that ran at a kill at most once more.
"""

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
        create: {{implementation: log.sh, max_retries: 0, inputs: {{me: node{number} create}}}}
        start: {{implementation: log.sh, max_retries: 0, inputs: {{me: node{number} start}}}}
"""
BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
"""
# Logs its begin and its end, and whether another process of the same operation still runs.
LOG_SCRIPT = """#!/bin/bash
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
    """Return a blueprint in which two of three nodes depend on the one before."""
    return BLUEPRINT + "".join(
        NODE.format(
            number=number,
            relationships=f"{{type: cloudify.relationships.depends_on, target: node{number - 1}}}"
            if number % 3
            else "",
        )
        for number in range(nodes)
    )


def choose_victims(running: RunningManager, chance: random.Random) -> list[int]:
    """Return the pid of a worker, the server or the supervisor, or the pids of all."""
    everything = [running.pid, running.server, *running.workers]
    return chance.choice([[running.workers[0]], [running.workers[0]], [running.server], [running.pid], everything])


def kill(data_dir: Path, chance: random.Random) -> None:
    running = control.status(data_dir)
    assert running is not None
    chosen = choose_victims(running, chance)
    for pid in chosen:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, chosen)))


def run_with_kills(data_dir: Path, folder: Path, nodes: int, kills: int, seed: int, database_url: str) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    settings = ManagerSettings(data_dir, port=find_free_port(), workers=1, database_url=database_url)
    running = control.start(settings)
    files = {"blueprint.yaml": blueprint(nodes), "log.sh": LOG_SCRIPT.format(folder=folder)}
    assert request(running, data_dir, "/blueprints/app", "PUT", data=archive(files)).status_code == 201
    wait_until(lambda: request(running, data_dir, "/blueprints/app").json()["state"] == "uploaded")
    assert request(running, data_dir, "/deployments/app", "PUT", json={"blueprint_id": "app"}).status_code == 201
    running, execution = run_through_kills(running, settings, "app", "install", kills, chance)
    check_consistency(running, data_dir, folder, execution, nodes, kills)


def run_through_kills(
    running: RunningManager,
    settings: ManagerSettings,
    deployment: str,
    workflow: str,
    kills: int,
    chance: random.Random,
) -> tuple[RunningManager, str]:
    """Run a workflow that must succeed although processes are killed.

    Returns the manager that runs afterwards, and the id of the execution.
    """
    data_dir, body = settings.data_dir, {"deployment_id": deployment, "workflow_id": workflow}
    execution = request(running, data_dir, "/executions", "POST", json=body).json()["id"]
    for _ in range(kills):
        time.sleep(chance.uniform(0.05, 1.0))
        kill(data_dir, chance)
        if control.status(data_dir) is None:
            running = control.start(settings)  # as a user would

    def state() -> str:
        try:
            return str(request(running, data_dir, f"/executions/{execution}").json()["status"])
        except OSError:
            return "unknown"

    wait_until(lambda: state() in ("terminated", "failed", "cancelled"), 120)
    assert state() == "terminated", request(running, data_dir, f"/executions/{execution}").json()["error"]
    return running, execution


def check_consistency(
    running: RunningManager,
    data_dir: Path,
    folder: Path,
    execution: str,
    nodes: int,
    kills: int,
    *,
    is_distributed: bool = False,
    deployment: str = "app",
) -> None:
    """Compare the file of the scripts, the journal, the events and the node instances.

    `is_distributed`: workers of Celery begin an attempt again without its event.
    """
    lines = (folder / "lines").read_text().splitlines()
    begun = Counter(line.removeprefix("begin ") for line in lines if line.startswith("begin "))
    ended = Counter(line.removeprefix("end ") for line in lines if line.startswith("end "))
    expected = {f"node{number} {operation}" for number in range(nodes) for operation in ("create", "start")}
    assert set(begun) == set(ended) == expected
    assert not [line for line in lines if line.startswith("overlap")]
    operations = fetch_all(running, data_dir, f"/operations?execution_id={execution}")
    assert {operation["state"] for operation in operations} == {"succeeded"}
    assert len([operation for operation in operations if operation["type"] == "RemoteWorkflowTask"]) == 2 * nodes
    instances = fetch_all(running, data_dir, f"/node-instances?deployment_id={deployment}")
    assert {instance["state"] for instance in instances} == {"started"}
    events = fetch_all(running, data_dir, f"/events?execution_id={execution}&include_logs=true")
    names = {instance["id"]: instance["node_id"] for instance in instances}
    counts = {kind: count_events(events, kind, names) for kind in ("task_started", "task_succeeded")}
    assert counts["task_succeeded"] == Counter(expected), "no operation that succeeded was run again"
    messages = {event["message"] for event in events if event["type"] == "cloudify_log"}
    assert expected <= messages, "the output of an operation is stored before its success"
    for name in expected:
        assert is_distributed or begun[name] <= counts["task_started"][name], "every start of a script has its event"
        assert begun[name] <= 1 + kills
    again = sum(begun.values()) - len(expected)
    assert again <= 8 * kills, "only operations that ran at a kill were run once more"
    print(f"{len(expected)} operations, {kills} kills, {again} run once more")


def count_events(events: list[dict[str, str]], kind: str, names: dict[str, str]) -> Counter[str]:
    return Counter(
        f"{names[event['node_instance_id']]} {event['operation'].rpartition('.')[2]}"
        for event in events
        if event.get("event_type") == kind and event["node_instance_id"]
    )


def fetch_all(running: RunningManager, data_dir: Path, path: str) -> list[dict[str, str]]:
    items: list[dict[str, str]] = []
    while True:
        page = request(running, data_dir, f"{path}&_offset={len(items)}").json()
        items += page["items"]
        if len(items) >= page["metadata"]["pagination"]["total"]:
            return items


def test_install_continues_after_every_kill(data_dir: Path, tmp_path: Path, database_url: str):
    run_with_kills(data_dir, tmp_path, 12, 2, random.randrange(10**6), database_url)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(20))
def test_install_of_fifty_nodes_continues_after_many_kills(
    data_dir: Path, tmp_path: Path, database_url: str, number: int
):
    seed = int(os.environ.get("CFY_KILL_SEED", random.randrange(10**6)))
    run_with_kills(data_dir, tmp_path, 50, 4, seed, database_url)

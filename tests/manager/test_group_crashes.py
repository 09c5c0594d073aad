"""kill -9 while an execution group runs: its concurrency is kept, and each execution ends once."""

import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from cfy_cli.manager import control
from cfy_cli.manager.settings import ManagerSettings
from tests.manager.conftest import archive
from tests.manager.processes import find_free_port, request, wait_until
from tests.manager.test_crash_recovery import fetch_all, kill

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  page:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: run.sh, max_retries: 0}
"""
SCRIPT = "#!/bin/sh\nsleep 0.2\n"
DEPLOYMENTS, CONCURRENCY = 5, 2
ACTIVE = ("pending", "started")


def check(data_dir: Path, database_url: str, kills: int) -> None:
    seed = int(os.environ.get("CFY_KILL_SEED", random.randrange(10**6)))
    print(f"seed {seed}")
    chance = random.Random(seed)
    settings = ManagerSettings(data_dir, port=find_free_port(), workers=2, database_url=database_url)
    running = control.start(settings)

    def ask(path: str, method: str = "GET", **more: object):  # type: ignore[no-untyped-def]
        return request(running, data_dir, path, method, **more)  # type: ignore[arg-type]

    ask("/blueprints/app", "PUT", data=archive({"blueprint.yaml": BLUEPRINT, "run.sh": SCRIPT})).raise_for_status()
    wait_until(lambda: ask("/blueprints/app").json()["state"] == "uploaded")
    names = [f"d{number}" for number in range(DEPLOYMENTS)]
    for name in names:
        ask(f"/deployments/{name}", "PUT", json={"blueprint_id": "app"}).raise_for_status()
    for group, members in (("g", names), ("done", [])):
        ask(f"/deployment-groups/{group}", "PUT", json={"deployment_ids": members}).raise_for_status()
    body = {"deployment_group_id": "g", "workflow_id": "install", "concurrency": CONCURRENCY}
    group = ask("/execution-groups", "POST", json=body).json()["id"]
    ask(f"/execution-groups/{group}", "PATCH", json={"success_group_id": "done"}).raise_for_status()

    def find_states() -> Counter[str]:
        try:
            items = ask(f"/executions?_group_id={group}&_include=status").json()["items"]
        except OSError:
            return Counter()
        return Counter(item["status"] for item in items)

    def is_ended() -> bool:
        states = find_states()
        assert sum(states[state] for state in ACTIVE) <= CONCURRENCY, states
        return sum(states.values()) == DEPLOYMENTS and not states.keys() & {*ACTIVE, "queued"}

    for _ in range(kills):
        until = time.monotonic() + chance.uniform(0.05, 1.0)
        while time.monotonic() < until and not is_ended():
            time.sleep(0.05)
        kill(data_dir, chance)
        if control.status(data_dir) is None:
            running = control.start(settings)
    wait_until(is_ended, 120)
    assert find_states() == {"terminated": DEPLOYMENTS}
    assert {*ask("/deployment-groups/done").json()["deployment_ids"]} == {*names}
    events = fetch_all(running, data_dir, f"/events?execution_group_id={group}")
    ends = Counter(event["message"] for event in events if event["message"].endswith("'terminated'"))
    assert sorted(ends.values()) == [1] * DEPLOYMENTS


def test_group_keeps_its_concurrency_after_kills(data_dir: Path, database_url: str):
    check(data_dir, database_url, kills=1)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(10))
def test_group_keeps_its_concurrency_after_many_kills(data_dir: Path, database_url: str, number: int):
    check(data_dir, database_url, kills=4)

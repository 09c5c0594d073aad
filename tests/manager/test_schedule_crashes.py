"""kill -9 of processes of a manager with two workers while schedules are due: each occurrence runs exactly once."""

import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
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
"""
SECONDLY = 2  # schedules that are due in each second


def start_scheduled(data_dir: Path, database_url: str, *, seconds: int, kills: int, seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    settings = ManagerSettings(data_dir, port=find_free_port(), workers=2, database_url=database_url)
    running = control.start(settings)

    assert request(running, data_dir, "/blueprints/app", "PUT", data=archive({"blueprint.yaml": BLUEPRINT})).ok
    wait_until(lambda: request(running, data_dir, "/blueprints/app").json()["state"] == "uploaded")
    assert request(running, data_dir, "/deployments/app", "PUT", json={"blueprint_id": "app"}).ok
    wanted = SECONDLY * seconds
    begin = datetime.now(UTC) + timedelta(seconds=20)  # until all are stored
    for number in range(wanted):
        body = {
            "workflow_id": "install",
            "since": f"{begin + timedelta(seconds=number // SECONDLY):%Y-%m-%d %H:%M:%S}",
            "count": 1,
            "slip": 30,
            "parameters": {"mark": number},
            "execution_arguments": {"allow_custom_parameters": True},
        }
        path = f"/execution-schedules/s{number}?deployment_id=app"
        assert request(running, data_dir, path, "PUT", json=body).status_code == 201
    for _ in range(kills):
        time.sleep(chance.uniform(0.1, 1.0))
        kill(data_dir, chance)
        if control.status(data_dir) is None:
            running = control.start(settings)  # as a user would

    def is_done() -> bool:
        try:
            return all(
                each["next_occurrence"] is None for each in fetch_all(running, data_dir, "/execution-schedules?")
            )
        except (OSError, KeyError):
            return False

    wait_until(is_done, 300)
    executions = fetch_all(running, data_dir, "/executions?workflow_id=install")
    assert Counter(each["parameters"]["mark"] for each in executions) == Counter(range(wanted))  # type: ignore[index]
    schedules = fetch_all(running, data_dir, "/execution-schedules?")
    assert [each["id"] for each in schedules if each["error"] or not each["latest_execution_status"]] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_occurrences_are_started_once_through_20_kills(data_dir: Path, database_url: str):
    start_scheduled(data_dir, database_url, seconds=60, kills=20, seed=random.randrange(10**6))

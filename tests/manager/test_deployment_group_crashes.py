"""Deployments that are made in a group while the server and the worker are killed: all of a request, or none."""

import random
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from cfy_cli.manager import control
from cfy_cli.manager.control import RunningManager
from tests.manager.conftest import HELLO, SAY, archive
from tests.manager.processes import kill, request, start, wait_until

NEW = 30  # deployments in one request


@pytest.mark.process
@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_group_is_whole_after_kills_of_server_and_worker(data_dir: Path, database_url: str, kills: int) -> None:
    running = start(data_dir, database_url=database_url)
    chance = random.Random(kills)
    ask(running, data_dir, "PUT", "/blueprints/app", data=archive({"blueprint.yaml": HELLO, "say.sh": SAY}))
    wait_until(lambda: get(running, data_dir, "/blueprints/app")["state"] == "uploaded")
    ask(running, data_dir, "PUT", "/deployment-groups/g", json={"blueprint_id": "app", "labels": [{"env": "prod"}]})
    for number in range(kills):
        body = {"add": {"new_deployments": [{}] * NEW}}
        sender = threading.Thread(target=try_patch, args=(control.status(data_dir) or running, data_dir, body))
        sender.start()
        threading.Event().wait(chance.random() * 0.8)
        present = control.status(data_dir) or running
        kill([present.server] if number % 2 else present.workers)
        sender.join()
        wait_until(lambda: control.status(data_dir) is None or is_up(data_dir))
        if control.status(data_dir) is None:  # a server that ends many times in a row is not started again
            start(data_dir, database_url=database_url)
    running = control.status(data_dir) or running
    wait_until(lambda: not waiting(running, data_dir))
    check_whole(running, data_dir)


def check_whole(running: RunningManager, data_dir: Path) -> None:
    group = get(running, data_dir, "/deployment-groups/g")
    members = set(group["deployment_ids"])
    assert len(members) == group["creation_counter"]
    assert len(members) % NEW == 0
    found = fetch_all(running, data_dir, "/deployments?_include=id,labels,workflows")
    assert {each["id"] for each in found} == members
    assert all(each["workflows"] and [label["key"] for label in each["labels"]] == ["env"] for each in found)
    for path in ("nodes", "node-instances"):
        items = fetch_all(running, data_dir, f"/{path}?_include=id,deployment_id")
        assert Counter(each["deployment_id"] for each in items) == dict.fromkeys(members, 1)
    creations = "/executions?workflow_id=create_deployment_environment&_include=id,deployment_id,status"
    executions = fetch_all(running, data_dir, creations)
    assert Counter((each["deployment_id"], each["status"]) for each in executions) == {
        (member, "terminated"): 1 for member in members
    }


def fetch_all(running: RunningManager, data_dir: Path, path: str) -> list[Any]:
    """Return the items of all pages: those with large values are short."""
    items: list[Any] = []
    while page := get(running, data_dir, f"{path}&_sort=id&_offset={len(items)}")["items"]:
        items += page
    return items


def waiting(running: RunningManager, data_dir: Path) -> int:
    path = "/executions?status=queued&status=pending&status=started&_size=1&_include=id"
    total: int = get(running, data_dir, path)["metadata"]["pagination"]["total"]
    return total


def try_patch(running: RunningManager, data_dir: Path, body: object) -> None:
    with suppress(requests.RequestException):
        request(running, data_dir, "/deployment-groups/g", "PATCH", json=body)


def is_up(data_dir: Path) -> bool:
    running = control.status(data_dir)
    with suppress(requests.RequestException):
        return running is not None and request(running, data_dir, "/deployment-groups/g").ok
    return False


def ask(running: RunningManager, data_dir: Path, method: str, path: str, **options: Any) -> None:
    answer = request(running, data_dir, path, method, **options)
    assert answer.ok, answer.text


def get(running: RunningManager, data_dir: Path, path: str) -> Any:
    answer = request(running, data_dir, path)
    assert answer.ok, answer.text
    return answer.json()

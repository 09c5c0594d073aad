"""Each part of a manager on several machines is killed while the main job is done."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.manager.processes import wait_until
from tests.manager.several_machines import ROLES, LoadBalancer, Machines, OwnPostgreSQL, is_installed
from tests.manager.test_celery_crashes import OWN_BROKERS
from tests.manager.tour_of_machines import PARTS, SECRET, Tour

ROUNDS = int(os.environ.get("CFY_MACHINES_ROUNDS", "20"))
BALANCERS = {"rabbitmq": "nginx", "redis": "haproxy"}


@pytest.fixture(params=OWN_BROKERS)
def tour(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tour]:
    balancer_tool = BALANCERS[request.param]
    if not is_installed(balancer_tool):
        pytest.skip(f"{balancer_tool} is not installed")
    (tmp_path / "broker").mkdir()
    database = OwnPostgreSQL(tmp_path)
    broker = OWN_BROKERS[request.param](tmp_path / "broker")
    machines = Machines(tmp_path, database, broker=broker.url)
    balancer = LoadBalancer(balancer_tool, machines.ports, tmp_path)
    try:
        for name in ROLES:
            machines.start(name)
        tour = Tour(machines, balancer, broker, tmp_path)
        yield tour
        machines.stop()
        balancer.kill()
        tour.close()
        broker.close()
        wait_until(lambda: _processes_of(tmp_path) == [])
        for path in (*database.files(), *tmp_path.rglob("*")):
            if path.is_file() and path.name != "files":
                assert SECRET.encode() not in path.read_bytes(), path
    finally:
        balancer.kill()
        machines.stop()
        broker.close()
        database.close()


def _processes_of(folder: Path) -> list[str]:
    """Return the processes that have a folder among their arguments or variables."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if any(str(folder) in word for word in words):
            found.append(" ".join(process.cmdline()))
    return found


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.timeout(7200)
def test_main_job_survives_the_end_of_each_part(tour: Tour) -> None:
    seed = int(os.environ.get("CFY_KILL_SEED", random.randrange(10**6)))
    for number in range(ROUNDS):
        part = PARTS[number % len(PARTS)]
        tour.go_round(number, part, seed + number)
        print(f"round {number} of {ROUNDS}, seed {seed + number}: {part} killed, all right", flush=True)


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.timeout(1800)
def test_status_tells_the_truth_about_each_part(tour: Tour) -> None:
    tour.begin_watch()
    for part in PARTS:
        seconds = tour.watch_the_end(part)
        print(f"{part} was told to be gone after {seconds:.1f} s", flush=True)

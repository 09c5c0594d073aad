"""What operations and environments cost on SQLite and on PostgreSQL, in one run: speed, and time of processors.

    python benchmarks/databases.py --database postgresql://USER@HOST/NAME [--operations N] [--environments N]

The time of processors says more than the speed where other programs run too. That of PostgreSQL is of the connections
which are open before and after.
"""

import argparse
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from engine import CONCURRENCY, HEAD, NOTHING, Api, run_operations

from cfy_cli.manager import control
from cfy_cli.manager.control import RunningManager
from cfy_cli.manager.settings import ManagerSettings


@dataclass(frozen=True, slots=True)
class Cost:
    """Speed, and microseconds of processors for each piece of work."""

    speed: float
    of_worker: float
    of_server: float
    of_database: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", required=True, help="an empty database: postgresql://...")
    parser.add_argument("--operations", type=int, default=2000)
    parser.add_argument("--environments", type=int, default=200)
    args = parser.parse_args()
    costs = {url: measure(url, args.operations, args.environments) for url in ("", args.database)}
    for number, name in enumerate(("operations that do nothing", "environments of three nodes")):
        for url, both in costs.items():
            cost = both[number]
            print(
                f"{name} on {'PostgreSQL' if url else 'SQLite'}: {cost.speed:.0f}/s; microseconds for each: worker "
                f"{cost.of_worker:.0f}, server {cost.of_server:.0f}, database {cost.of_database:.0f}"
            )
        print(f"ratio {costs[args.database][number].speed / costs[''][number].speed:.2f}")


def measure(database: str, operations: int, environments: int) -> tuple[Cost, Cost]:
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        running = control.start(ManagerSettings(data_dir, database_url=database, workers=1))
        try:
            api = Api(running.url, data_dir)
            run_operations(api, "first", NOTHING, 200)
            api.upload(
                "small",
                f"{HEAD}node_templates:\n" + "".join(f"  n{i}: {{type: cloudify.nodes.Root}}\n" for i in range(3)),
            )
            before, started_at = read_times(running, database), time.perf_counter()
            run_operations(api, "nothing", NOTHING, operations)
            between, middle = read_times(running, database), time.perf_counter()
            with ThreadPoolExecutor(CONCURRENCY) as pool:
                list(pool.map(lambda number: api.deploy(f"small-{number}", "small"), range(environments)))
            after, ended_at = read_times(running, database), time.perf_counter()
            return (
                compare(running, before, between, operations, middle - started_at),
                compare(running, between, after, environments, ended_at - middle),
            )
        finally:
            control.stop(data_dir)


def compare(
    running: RunningManager, before: Mapping[int, float], after: Mapping[int, float], count: int, seconds: float
) -> Cost:
    used = {pid: (spent - before.get(pid, spent)) / count * 1e6 for pid, spent in after.items()}
    worker, server = used.pop(running.workers[0]), used.pop(running.server)
    return Cost(count / seconds, worker, server, sum(used.values()))


def read_times(running: RunningManager, database: str) -> dict[int, float]:
    """Return the seconds of processors that the worker, the server and each connection have used."""
    pids = [running.workers[0], running.server]
    if database:
        with psycopg.connect(database) as connection:
            rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
            pids += [pid for (pid,) in rows if pid != connection.info.backend_pid]
    times = {}
    for pid in pids:
        with suppress(psutil.Error):
            spent = psutil.Process(pid).cpu_times()
            times[pid] = spent.user + spent.system
    return times


if __name__ == "__main__":
    main()

"""What operations and environments cost on SQLite and on PostgreSQL, in one run: speed, and time of processors.

    python benchmarks/databases.py --database postgresql://USER@HOST/NAME [--operations N] [--environments N]

A manager on each is measured in turn, in several rounds, and compared in each round: what else the machine does then
counts for both. The medians are printed. The time of PostgreSQL is that of the connections which are open before and
after.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import psutil
import psycopg
from engine import CONCURRENCY, HEAD, NOTHING, Api, run_operations

from cfy_cli.manager import control
from cfy_cli.manager.control import RunningManager
from cfy_cli.manager.settings import ManagerSettings

ROUNDS = 7
SMALL = f"{HEAD}node_templates:\n" + "".join(f"  n{i}: {{type: cloudify.nodes.Root}}\n" for i in range(3))


@dataclass(frozen=True, slots=True)
class Cost:
    """Speed, and microseconds of processors for each piece of work."""

    speed: float
    of_worker: float
    of_server: float
    of_database: float


class Measured:
    """A running manager, and how much work it was given."""

    def __init__(self, running: RunningManager, data_dir: Path, database: str) -> None:
        self._running, self._database, self._count = running, database, 0
        self._api = Api(running.url, data_dir)
        self._api.upload("small", SMALL)

    def run_operations(self, count: int) -> None:
        self._count += 1
        run_operations(self._api, f"nothing-{self._count}", NOTHING, count)

    def make_environments(self, count: int) -> None:
        first = self._count = self._count + count
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            list(pool.map(lambda number: self._api.deploy(f"small-{first}-{number}", "small"), range(count)))

    def measure(self, work: Callable[[int], None], count: int) -> Cost:
        before, started_at = read_times(self._running, self._database), time.perf_counter()
        work(count)
        seconds, after = time.perf_counter() - started_at, read_times(self._running, self._database)
        return compare(self._running, before, after, count, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", required=True, help="an empty database: postgresql://...")
    parser.add_argument("--operations", type=int, default=1500, help="in each round")
    parser.add_argument("--environments", type=int, default=50, help="in each round")
    args = parser.parse_args()
    with ExitStack() as stack:
        managers = {url: stack.enter_context(started(url)) for url in ("", args.database)}
        for name, work, count in (
            ("operations that do nothing", Measured.run_operations, args.operations),
            ("environments of three nodes", Measured.make_environments, args.environments),
        ):
            for manager in managers.values():
                work(manager, count)
            rounds = [
                [manager.measure(partial(work, manager), count) for manager in managers.values()] for _ in range(ROUNDS)
            ]
            for label, costs in zip(("SQLite", "PostgreSQL"), zip(*rounds, strict=True), strict=True):
                print(
                    f"{name} on {label}: {median(each.speed for each in costs):.0f}/s; microseconds for each: worker "
                    f"{median(each.of_worker for each in costs):.0f}, server "
                    f"{median(each.of_server for each in costs):.0f}, database "
                    f"{median(each.of_database for each in costs):.0f}"
                )
            ratios = sorted(postgresql.speed / sqlite.speed for sqlite, postgresql in rounds)
            print(f"ratio {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


@contextmanager
def started(database: str) -> Iterator[Measured]:
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        running = control.start(ManagerSettings(data_dir, database_url=database, workers=1))
        try:
            yield Measured(running, data_dir, database)
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

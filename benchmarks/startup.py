"""What it costs to start `cfy`: CPU time of --help and of one TAB, as ratios to `import click` in the same run."""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    command: tuple[str, ...]
    reach: float | None = None  # the ratio to reach
    environment: Mapping[str, str] = field(default_factory=dict)  # added to that of every case


def cases(cfy: str, python: str) -> tuple[Case, ...]:
    """The floor comes first; the others are compared with it."""
    tab = {"_CFY_COMPLETE": "bash_complete", "COMP_WORDS": "cfy dep", "COMP_CWORD": "1"}
    return (
        Case("python -c 'import click'", (python, "-c", "import click")),
        Case("cfy --help", (cfy, "--help"), 1.5),
        Case("cfy deployments create --help", (cfy, "deployments", "create", "--help"), 1.8),
        Case("cfy dep<TAB>", (cfy,), 1.5, tab),
    )


def cpu_seconds(case: Case, environment: Mapping[str, str]) -> float:
    """User and system time of one run; a run that fails or says nothing ends the benchmark."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    settings = {**environment, **case.environment}
    run = subprocess.run(case.command, env=settings, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode or (case.reach and not run.stdout):
        sys.exit(
            f"`{case.name}` does not work: exit code {run.returncode}, output: {run.stderr or run.stdout or 'none'}"
        )
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def best(measured: Sequence[Case], environment: Mapping[str, str], runs: int) -> list[float]:
    """The least of each case. They take turns, so that what else the machine does falls on all alike."""
    for case in measured:
        cpu_seconds(case, environment)  # the first run writes the byte code
    rounds = [[cpu_seconds(case, environment) for case in measured] for _ in range(runs)]
    return [min(times) for times in zip(*rounds, strict=True)]


@contextmanager
def somebody() -> Iterator[dict[str, str]]:
    """The environment of somebody with a profile and no other settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CFY_", "CLOUDIFY_", "PYTHON"))}
    with tempfile.TemporaryDirectory() as home:
        profile = Path(home, ".cloudify/profiles/here/context.json")
        profile.parent.mkdir(parents=True)
        profile.write_text('{"profile_name": "here", "manager_ip": "127.0.0.1"}', "utf-8")
        Path(home, ".cloudify/active.profile").write_text("here", "utf-8")
        yield {**kept, "HOME": home, "CFY_WORKDIR": home, "CFY_AUTOSTART": "0"}


def arguments() -> argparse.Namespace:
    venv = Path(sys.executable).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cfy", default=str(venv / "cfy"), help="the program to measure (default: %(default)s)")
    parser.add_argument("--python", default=sys.executable, help="its Python, for the floor (default: %(default)s)")
    parser.add_argument(
        "--runs", type=int, default=10, help="how many, of which the best counts (default: %(default)s)"
    )
    given = parser.parse_args()
    if given.runs < 1:
        parser.error("--runs must be at least 1")
    for program in (given.cfy, given.python):
        if not os.access(program, os.X_OK):
            parser.error(f"there is no program {program}")
    return given


def main() -> None:
    given = arguments()
    measured = cases(given.cfy, given.python)
    with somebody() as environment:
        times = best(measured, environment, given.runs)
    print(f"{'user + system time, best of ' + str(given.runs):34}{'seconds':>8}{'ratio':>8}{'reach':>8}")
    for case, seconds in zip(measured, times, strict=True):
        reach = f"{case.reach:8.2f}" if case.reach else ""
        print(f"{case.name:34}{seconds:8.3f}{seconds / times[0]:8.2f}{reach}")


if __name__ == "__main__":
    main()

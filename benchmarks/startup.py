"""CPU time of starting `cfy` for --help and for one TAB, as ratios to `import click` in the same run."""

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
    max_ratio: float | None = None  # to the time of the baseline
    environment: Mapping[str, str] = field(default_factory=dict)  # added to that of every case


def cases(cfy: str, python: str) -> tuple[Case, ...]:
    """Return the cases; the first one is the baseline of the others."""
    tab = {"_CFY_COMPLETE": "bash_complete", "COMP_WORDS": "cfy dep", "COMP_CWORD": "1"}
    return (
        Case("python -c 'import click'", (python, "-c", "import click")),
        Case("cfy --help", (cfy, "--help"), 1.5),
        Case("cfy deployments create --help", (cfy, "deployments", "create", "--help"), 1.8),
        Case("cfy dep<TAB>", (cfy,), 1.5, tab),
    )


def cpu_seconds(case: Case, environment: Mapping[str, str]) -> float:
    """Return user and system time of one run; exit if it fails or prints nothing."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    settings = {**environment, **case.environment}
    run = subprocess.run(case.command, env=settings, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode or (case.max_ratio and not run.stdout):
        sys.exit(
            f"`{case.name}` does not work: exit code {run.returncode}, output: {run.stderr or run.stdout or 'none'}"
        )
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def best_times(measured: Sequence[Case], environment: Mapping[str, str], runs: int) -> list[float]:
    """Return the least time of each case. They take turns, so that other load of the machine affects all alike."""
    for case in measured:
        cpu_seconds(case, environment)  # the first run writes the byte code
    rounds = [[cpu_seconds(case, environment) for case in measured] for _ in range(runs)]
    return [min(times) for times in zip(*rounds, strict=True)]


@contextmanager
def user_environment() -> Iterator[dict[str, str]]:
    """Yield environment variables of a user with a profile and no other settings."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("CFY_", "CLOUDIFY_", "PYTHON"))
    }
    with tempfile.TemporaryDirectory() as home:
        profile = Path(home, ".cloudify/profiles/here/context.json")
        profile.parent.mkdir(parents=True)
        profile.write_text('{"profile_name": "here", "manager_ip": "127.0.0.1"}', "utf-8")
        Path(home, ".cloudify/active.profile").write_text("here", "utf-8")
        yield {**inherited, "HOME": home, "CFY_WORKDIR": home, "CFY_AUTOSTART": "0"}


def parse_arguments() -> argparse.Namespace:
    venv = Path(sys.executable).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cfy", default=str(venv / "cfy"), help="the program to measure (default: %(default)s)")
    parser.add_argument("--python", default=sys.executable, help="its Python, for the baseline (default: %(default)s)")
    parser.add_argument(
        "--runs", type=int, default=10, help="number of runs; the best one counts (default: %(default)s)"
    )
    args = parser.parse_args()
    if args.runs < 1:
        parser.error("--runs must be at least 1")
    for program in (args.cfy, args.python):
        if not os.access(program, os.X_OK):
            parser.error(f"there is no program {program}")
    return args


def main() -> None:
    args = parse_arguments()
    measured = cases(args.cfy, args.python)
    with user_environment() as environment:
        times = best_times(measured, environment, args.runs)
    print(f"{'user + system time, best of ' + str(args.runs):34}{'seconds':>8}{'ratio':>8}{'limit':>8}")
    for case, seconds in zip(measured, times, strict=True):
        limit = f"{case.max_ratio:8.2f}" if case.max_ratio else ""
        print(f"{case.name:34}{seconds:8.3f}{seconds / times[0]:8.2f}{limit}")


if __name__ == "__main__":
    main()

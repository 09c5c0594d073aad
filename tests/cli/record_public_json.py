"""Record the JSON of the public cfy, run against the embedded manager.

    python -m tests.cli.record_public_json [--check]

CFY_PUBLIC_TOOL names the `cfy` of a virtual environment with `cloudify==7.0.5`. With `--check`, write nothing; report
what differs from the record.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.cli.json_story import Json, differences, tell, write_files

RECORD = Path(__file__).with_name("public_json.json")
TIMEOUT = 300  # seconds, of one command


def record(public: str) -> list[Json]:
    """Return each command of the story with what the public tool printed."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "ours"), Path(folder, "theirs")
        ours.mkdir()
        theirs.mkdir()
        write_files(theirs)
        environ = {**os.environ, "CFY_WORKDIR": str(ours)}
        cfy = [sys.executable, "-m", "cfy_cli"]
        subprocess.run(
            [*cfy, "manager", "start", "--workers", "1"],
            env=environ,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=TIMEOUT,
        )
        try:
            profile = json.loads((ours / ".cloudify/profiles/local/context.json").read_text("utf-8"))
            return _record(public, theirs, profile)
        finally:
            subprocess.run(
                [*cfy, "manager", "stop"], env=environ, check=True, stdout=subprocess.DEVNULL, timeout=TIMEOUT
            )


def _record(public: str, folder: Path, profile: Json) -> list[Json]:
    environ = {**os.environ, "HOME": str(folder), "CFY_WORKDIR": str(folder)}

    def run(line: str) -> tuple[int, str]:
        done = subprocess.run(
            [public, *shlex.split(line)], cwd=folder, env=environ, capture_output=True, text=True, timeout=TIMEOUT,
            check=False,
        )  # fmt: skip
        if done.returncode:
            print(f"{line}: exit {done.returncode}\n{done.stdout}{done.stderr}", file=sys.stderr)
        return done.returncode, done.stdout

    address = f"{profile['manager_ip']} --rest-port {profile['rest_port']} -t default_tenant"
    run(f"profiles use {address} -u {profile['manager_username']} -p {profile['manager_password']}")
    return [{"command": command, **outcome.to_json()} for command, outcome in tell(run, profile["manager_ip"])]


def main(public: str, *, check: bool) -> int:
    found = record(public)
    if not check:
        lines = ",\n".join(json.dumps(step, ensure_ascii=False) for step in found)
        RECORD.write_text(f"[\n{lines}\n]\n", "utf-8")
        return 0
    problems = list(differences(json.loads(RECORD.read_text("utf-8")), found))
    print("\n".join(problems) or f"{len(found)} commands as recorded")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main(os.environ["CFY_PUBLIC_TOOL"], check="--check" in sys.argv))

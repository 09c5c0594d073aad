"""Run the same command lines with this program and another one, and print the output and exit code of both."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

LINES = (
    "status", "sites create side", "sites list", "sites get side", "sites get nowhere",
    "sites update side --location 1,2",
    "sites delete side", "tenants list", "tenants get default_tenant", "tenants create side", "tenants delete side",
    "users list", "users get admin", "users delete nobody", "tokens list", "blueprints list", "blueprints get hello",
    "blueprints inputs hello", "blueprints get nothere", "blueprints labels list hello", "deployments list",
    "deployments get hello", "deployments inputs hello", "deployments outputs hello", "deployments capabilities hello",
    "deployments labels add a:b hello", "deployments labels list hello", "deployments labels delete a hello",
    "deployments get nothere", "executions list -d hello", "nodes list -d hello", "node-instances list -d hello",
    "workflows list -d hello", "workflows get install -d hello", "profiles list", "profiles show-current",
    "managers list", "plugins list", "executions start nosuch -d hello", "deployments delete nothere",
    "sites create 'a b'", "plugins set-global nothere", "plugins validate nothere.wgn",
    "plugins blueprint-labels list nothere", "plugins resource-tags add a:b nothere",
    "executions start install -d nothere", "events list nothere",
    "profiles set -t default_tenant", "nodes get app",
)  # fmt: skip


def run(program: str, line: str) -> str:
    words = [program, *line.replace("'a b'", "a\0b").split(" ")]
    words = [word.replace("\0", " ") for word in words]
    process = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})
    errors = "".join(f"! {part}\n" for part in process.stderr.splitlines())
    return f"{process.stdout}{errors}[exit {process.returncode}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cfy", default=str(Path(sys.executable).parent / "cfy"), help="(default: %(default)s)")
    parser.add_argument("--peer", required=True, help="the other program")
    args = parser.parse_args()
    for line in LINES:
        print(f"{'=' * 100}\n$ cfy {line}\n--- peer\n{run(args.peer, line)}\n--- ours\n{run(args.cfy, line)}")


if __name__ == "__main__":
    main()

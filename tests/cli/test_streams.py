"""Closed and full standard streams, and users without a home folder: exit codes and messages without tracebacks."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from .canned_manager import canned
from .conftest import Run
from .sample_commands import commands, line
from .test_completion import environment, write_profile

# Runs each command line in a child with the given streams, after importing everything once, and prints the exit codes.
DRIVER = """
import importlib, json, os, sys
from cfy_cli.main import SUMMARIES, main
import cfy_cli.client.client, cfy_cli.output.render, cfy_cli.output.formats
for name in SUMMARIES:
    importlib.import_module("cfy_cli.commands." + name.replace("-", "_"))
lines, streams, errors = json.load(sys.stdin)
codes = []
for words in lines:
    child = os.fork()
    if child == 0:
        log = os.open(errors, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(log, 2)
        for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
            if streams.get(name) == "closed":
                os.close(descriptor)
                setattr(sys, name, None)
            else:
                path = streams.get(name) or ("/dev/null" if name != "stderr" else None)
                if path:
                    os.dup2(os.open(path, os.O_RDWR), descriptor)
        sys.argv[1:] = words
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        except BaseException as error:
            os.write(log, f"Traceback of {words}: {error!r}".encode())
            code = 99
        os._exit(code)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
json.dump(codes, sys.stdout)
"""
ANSWERS = {
    "sites": [{"name": "tlv"}], "status": {"status": "OK", "services": {}}, "version": {"version": "7.0.0"},
    "deployments": [{"id": "web"}], "blueprints": [{"id": "web"}],
}  # fmt: skip
SKIPPED = ("manager", "quickstart")  # they start a manager
OTHERS = ("--help", "sites -h", "nosuch", "sites", "sites get", "sites list --json", "profiles list", "users create x")
CLOSED = ("stdin", "stdout", "stderr", "stdin stdout stderr")

pytestmark = pytest.mark.process


@dataclass(frozen=True)
class Outcome:
    codes: dict[str, int]  # exit codes, by command line
    errors: str  # what all command lines wrote to stderr


def run_all(home: Path, lines: Sequence[str], **streams: str) -> Outcome:
    errors = home / "errors"
    errors.write_text("")
    words = [shlex.split(line) for line in lines]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER], input=json.dumps([words, streams, str(errors)]), env=environment(home),
        capture_output=True, text=True, check=True, timeout=100, cwd=home,
    )  # fmt: skip
    return Outcome(dict(zip(lines, json.loads(done.stdout), strict=True)), errors.read_text())


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Outcome]]:
    """Home folder with a profile, and the outcome of a command of each group with open streams."""
    home = tmp_path_factory.mktemp("home")
    blueprint = home / "app/blueprint.yaml"
    blueprint.parent.mkdir()
    blueprint.write_text("tosca_definitions_version: cloudify_dsl_1_4\n")
    samples = {name.split(" ")[0]: line(name, command, blueprint) for name, command in commands()}
    lines = [*(sample for group, sample in samples.items() if group not in SKIPPED), *OTHERS]
    with canned(ANSWERS) as (address, _):
        write_profile(home, address)
        yield home, run_all(home, lines)


@pytest.mark.parametrize("closed", CLOSED)
def test_closed_streams_change_no_exit_code(usual: tuple[Path, Outcome], closed: str) -> None:
    home, expected = usual
    outcome = run_all(home, list(expected.codes), **dict.fromkeys(closed.split(), "closed"))
    assert outcome.codes == expected.codes
    assert "Traceback" not in outcome.errors
    assert "Unexpected error" not in outcome.errors


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is absent")
def test_full_disk_is_an_error_of_commands_with_output(usual: tuple[Path, Outcome]) -> None:
    home, expected = usual
    outcome = run_all(home, list(expected.codes), stdout="/dev/full")
    changes = {pair for pair in zip(expected.codes.values(), outcome.codes.values(), strict=True) if len({*pair}) > 1}
    assert changes == {(0, 1)}
    assert {outcome.codes[line] for line in ("sites list --json", "profiles list", "--help")} == {1}
    assert "Error: Cannot write the output: No space left on device\n" in outcome.errors
    assert '"message": "Cannot write the output' in outcome.errors
    assert "Traceback" not in outcome.errors
    assert run_all(home, list(expected.codes), stderr="/dev/full").codes == expected.codes


@pytest.mark.parametrize("words", ["sites list", "profiles list", "doctor", "manager status", "manager start"])
def test_user_without_home_is_told_what_to_set(words: str) -> None:
    code = (
        "import pwd, sys\ndef absent(_): raise KeyError\npwd.getpwuid = absent\nfrom cfy_cli.main import main; main()"
    )
    environ = {name: value for name, value in os.environ.items() if name not in ("HOME", "CFY_WORKDIR")}
    done = subprocess.run(
        [sys.executable, "-c", code, *words.split()],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: There is no home folder: HOME is not set")
    assert "Hint: Set HOME, or set CFY_WORKDIR to a folder" in done.stderr


def test_unusable_home_is_an_error(run: Run, workdir: Path) -> None:
    workdir.write_text("a file, not a folder")
    error = run("profiles use http://m --skip-credentials-validation", code=1, profile=None).err
    assert "Not a directory\nHint: `cfy doctor` checks the folder; to use another one, set CFY_WORKDIR." in error
    assert "Not a directory" in run("doctor", code=1, profile=None).err


@pytest.mark.parametrize("line", ["users create x --password-stdin", "secrets create x -s -",
                                  "secrets export --passphrase-stdin"])  # fmt: skip
def test_empty_stdin_gives_no_secret(run: Run, line: str) -> None:
    assert "Error: Stdin contains no " in run(line, code=2, stdin="").err

"""Completion: offered names, timeouts, and real shells."""

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cfy_cli.shell.completion import SHELLS, completion_script

from .canned_manager import canned

BIN = Path(sys.executable).parent
ANSWERS = {
    "sites": [{"name": "tlv"}, {"name": "tel-aviv"}, {"name": "oslo"}],
    "deployments": [{"id": "web-1"}, {"id": "web-2"}],
    "deployments/web-1": {"id": "web-1", "workflows": [{"name": "install"}, {"name": "uninstall"}]},
    "tenants": [{"name": "red"}],
    "nodes": [{"id": "vm"}],
    "executions": [{"id": "3c2b"}],
    "secrets": [{"key": "db"}],
}


def environment(home: Path, **more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CFY_", "CLOUDIFY_"))}
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return {**inherited, "PATH": path, "HOME": str(home), "CFY_WORKDIR": str(home), "CFY_AUTOSTART": "0", **more}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Home folder with a profile of a manager with fixed answers."""
    with canned(ANSWERS) as (address, _):
        write_profile(tmp_path, address)
        yield tmp_path


def write_profile(home: Path, address: str) -> None:
    folder = home / ".cloudify/profiles/here"
    folder.mkdir(parents=True)
    host, _, port = address.removeprefix("http://").partition(":")
    context = {"manager_ip": host, "rest_port": int(port), "manager_username": "a", "manager_password": "b"}
    (folder / "context.json").write_text(json.dumps(context))
    (home / ".cloudify/active.profile").write_text("here")


def complete(home: Path, words: str, word: str, **more: str) -> list[str]:
    """Return the names offered by bash completion for `word` after `words`."""
    line = {"COMP_WORDS": f"{words} {word}", "COMP_CWORD": str(len(words.split()))}
    environ = environment(home, _CFY_COMPLETE="bash_complete", **line, **more)
    done = subprocess.run([BIN / "cfy"], env=environ, capture_output=True, text=True, check=True, timeout=30)
    assert done.stderr == ""
    return [line.split(",", 1)[1] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "word", "names"),
    [
        ("cfy", "dep", ["deployments"]),
        ("cfy sites", "c", ["create"]),
        ("cfy sites create x", "--if", ["--if-exists"]),
        ("cfy sites list --format", "j", ["json", "jsonl"]),
        ("cfy sites list --format =", "y", ["yaml"]),
        ("cfy sites get", "t", ["tel-aviv", "tlv"]),
        ("cfy sites create", "t", []),
        ("cfy deployments delete", "", ["web-1", "web-2"]),
        ("cfy deployments labels list", "web-2", ["web-2"]),
        ("cfy executions start install -d", "web", ["web-1", "web-2"]),
        ("cfy executions wait 3c2b", "3", ["3c2b"]),
        ("cfy executions start -d web-1", "i", ["install"]),
        ("cfy nodes get -d web-1", "v", ["vm"]),
        ("cfy sites list -t", "r", ["red"]),
        ("cfy profiles delete", "h", ["here"]),
        ("cfy sites list --profile", "h", ["here"]),
        ("cfy secrets get", "d", ["db"]),
        ("cfy secrets create", "d", []),
    ],
)
def test_completion_offers_names_of_the_right_kind(home: Path, words: str, word: str, names: list[str]) -> None:
    assert complete(home, words, word) == names


def test_completion_requests_names_once_and_caches_them(tmp_path: Path) -> None:
    with canned(ANSWERS) as (address, requests):
        write_profile(tmp_path, address)
        for word in ("t", "o", ""):
            complete(tmp_path, "cfy sites get", word)
    assert len(requests) == 1
    assert "_include=name" in requests[0]
    (cached,) = (tmp_path / ".cloudify/cache").iterdir()
    assert cached.stat().st_mode & 0o777 == 0o600


def test_completion_gives_up_on_unresponsive_manager(tmp_path: Path) -> None:
    with canned(ANSWERS, delay=5) as (address, _):
        write_profile(tmp_path, address)
        start = time.monotonic()
        assert complete(tmp_path, "cfy sites get", "t") == []
        assert time.monotonic() - start < 3.5


def test_completion_starts_no_manager_and_prints_no_error(tmp_path: Path) -> None:
    assert complete(tmp_path, "cfy sites get", "t", CFY_AUTOSTART="1") == []
    assert not (tmp_path / ".cloudify").exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_command_prints_script(shell: str) -> None:
    done = subprocess.run([BIN / "cfy", "completion", shell], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.rstrip("\n") == completion_script(shell).rstrip("\n")


START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
READY = {
    "bash": "PS1='$ '; source {script}; echo rea''dy\n",
    "zsh": "PS1='$ '; autoload -Uz compinit; compinit -u -D; source {script}; echo rea''dy\n",
    "fish": "source {script}; echo rea''dy\n",
}


class InteractiveShell:
    """A shell in a pseudo-terminal."""

    def __init__(self, shell: str, environ: dict[str, str]) -> None:
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.execvpe(START[shell][0], START[shell], environ)
        self.output = ""

    def type_and_expect(self, text: str, expected: str) -> bool:
        """Type the text; tell whether the expected output follows within the timeout."""
        self.output = ""
        os.write(self.terminal, text.encode())
        deadline = time.monotonic() + 20
        while expected not in self.output and time.monotonic() < deadline:
            if select.select([self.terminal], [], [], 0.1)[0]:
                self.output += os.read(self.terminal, 65536).decode(errors="replace")
        return expected in self.output

    def close(self) -> None:
        os.kill(self.process, 9)
        os.waitpid(self.process, 0)
        os.close(self.terminal)


@pytest.mark.parametrize("shell", list(START))
def test_shell_completes_groups_commands_and_names(home: Path, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is absent")
    script = home / f"cfy.{shell}"
    script.write_text(completion_script(shell))
    interactive = InteractiveShell(shell, environment(home, TERM="xterm", COLUMNS="200"))
    try:
        assert interactive.type_and_expect(READY[shell].format(script=script), "ready")
        for typed, expected in (
            ("cfy depl", "oyments"),
            (" del", "ete"),
            (" web-1", " "),
            ("\x15cfy sites get o", "slo"),
        ):
            assert interactive.type_and_expect(f"{typed}\t", expected), interactive.output
    finally:
        interactive.close()

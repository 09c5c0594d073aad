"""TAB: what is offered, how soon, and in shells as they are."""

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
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CFY_", "CLOUDIFY_"))}
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return {**kept, "PATH": path, "HOME": str(home), "CFY_WORKDIR": str(home), "CFY_AUTOSTART": "0", **more}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Somebody's home, whose profile leads to a manager that gives always the same names."""
    with canned(ANSWERS) as (address, _):
        use(tmp_path, address)
        yield tmp_path


def use(home: Path, address: str) -> None:
    folder = home / ".cloudify/profiles/here"
    folder.mkdir(parents=True)
    host, _, port = address.removeprefix("http://").partition(":")
    context = {"manager_ip": host, "rest_port": int(port), "manager_username": "a", "manager_password": "b"}
    (folder / "context.json").write_text(json.dumps(context))
    (home / ".cloudify/active.profile").write_text("here")


def offered(home: Path, words: str, word: str, **more: str) -> list[str]:
    environ = environment(home, _CFY_COMPLETE="bash_complete", CFY_WORDS=words, CFY_WORD=word, **more)
    done = subprocess.run([BIN / "cfy"], env=environ, capture_output=True, text=True, check=True, timeout=30)
    assert done.stderr == ""
    return [line.split("\t")[1] for line in done.stdout.splitlines() if line]


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
def test_names_are_offered_where_they_are_meant(home: Path, words: str, word: str, names: list[str]) -> None:
    assert offered(home, words, word) == names


def test_live_names_are_asked_for_sparingly_and_kept_for_a_moment(tmp_path: Path) -> None:
    with canned(ANSWERS) as (address, asked):
        use(tmp_path, address)
        for word in ("t", "o", ""):
            offered(tmp_path, "cfy sites get", word)
    assert len(asked) == 1
    assert "_include=name" in asked[0]
    (kept,) = (tmp_path / ".cloudify/cache").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_manager_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    with canned(ANSWERS, delay=5) as (address, _):
        use(tmp_path, address)
        began = time.monotonic()
        assert offered(tmp_path, "cfy sites get", "t") == []
        assert time.monotonic() - began < 3.5


def test_no_manager_is_started_and_no_error_told_for_a_tab(tmp_path: Path) -> None:
    assert offered(tmp_path, "cfy sites get", "t", CFY_AUTOSTART="1") == []
    assert not (tmp_path / ".cloudify").exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_printed(shell: str) -> None:
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


class Typist:
    """Somebody at a shell in a terminal."""

    def __init__(self, shell: str, environ: dict[str, str]) -> None:
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.execvpe(START[shell][0], START[shell], environ)
        self.seen = ""

    def types(self, text: str, until: str) -> bool:
        """Whether that is seen within some seconds of typing."""
        self.seen = ""
        os.write(self.terminal, text.encode())
        deadline = time.monotonic() + 20
        while until not in self.seen and time.monotonic() < deadline:
            if select.select([self.terminal], [], [], 0.1)[0]:
                self.seen += os.read(self.terminal, 65536).decode(errors="replace")
        return until in self.seen

    def leaves(self) -> None:
        os.kill(self.process, 9)
        os.waitpid(self.process, 0)
        os.close(self.terminal)


@pytest.mark.parametrize("shell", list(START))
def test_a_shell_completes_nouns_verbs_and_live_names(home: Path, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is absent")
    script = home / f"cfy.{shell}"
    script.write_text(completion_script(shell))
    typist = Typist(shell, environment(home, TERM="xterm", COLUMNS="200"))
    try:
        assert typist.types(READY[shell].format(script=script), "ready")
        for typed, meant in (("cfy depl", "oyments"), (" del", "ete"), (" web-1", " "), ("\x15cfy sites get o", "slo")):
            assert typist.types(f"{typed}\t", meant), typist.seen
    finally:
        typist.leaves()

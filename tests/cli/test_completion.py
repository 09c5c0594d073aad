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
    "deployments/web-1": {
        "id": "web-1", "workflows": [{"name": "install", "parameters": {"node_ids": {}, "wait": {}}}, {"name": "heal"}],
    },
    "tenants": [{"name": "red"}],
    "config": [{"scope": "rest", "name": "default_page_size", "is_editable": True},
               {"scope": "rest", "name": "public_ip", "is_editable": False}],
    "nodes": [{"id": "vm"}],
    "executions": [{"id": "3c2b"}],
    "filters/blueprints": [{"id": "core"}],
    "filters/deployments": [{"id": "production"}],
    "labels/deployments": ["env", "team"],
    "labels/deployments/team": ["core", "web"],
    "searches/secrets": [{"key": "db"}],
    "searches/nodes": [{"id": "vm"}],
    "secrets": [{"key": "db"}],
    "blueprints": [{"id": "web"}],
    "blueprints/web": {"id": "web", "plan": {
        "inputs": {"port": {"type": "integer", "description": "Where it listens, and more"},
                   "tls": {"type": "boolean"}, "size": {"constraints": [{"valid_values": ["small", "large"]}]},
                   "login": {"type": "secret_key"}, "node": {"type": "node_id"}},
        "workflows": {"install": {"parameters": {"node_ids": {"default": []}}}},
    }},
}  # fmt: skip
BLUEPRINT = """\
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, inputs.yaml]
inputs: {region: {type: string}}
"""


def environment(home: Path, **more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CFY_", "CLOUDIFY_"))}
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return {**inherited, "PATH": path, "HOME": str(home), "CFY_WORKDIR": str(home), "CFY_AUTOSTART": "0", **more}


PATIENT = """
import os, sys
from cfy_cli.shell import completion_values
completion_values.REQUEST_TIMEOUT = float(os.environ.get("PATIENCE", 10))  # on a busy machine
sys.argv = ["cfy"]
from cfy_cli.main import main
main()
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Home folder with a profile of a manager with fixed answers."""
    with canned(ANSWERS) as (address, _):
        write_profile(tmp_path, address)
        yield tmp_path


def write_profile(home: Path, address: str, name: str = "here") -> None:
    folder = home / ".cloudify/profiles" / name
    folder.mkdir(parents=True)
    host, _, port = address.removeprefix("http://").partition(":")
    context = {
        "manager_ip": host,
        "rest_port": int(port),
        "manager_username": "a",
        "manager_password": "b",
        "embedded": {},
    }
    (folder / "context.json").write_text(json.dumps(context))
    (home / ".cloudify/active.profile").write_text(name)


def complete(home: Path, words: str, word: str, **more: str) -> list[str]:
    """Return the names offered by bash completion for `word` after `words`."""
    return [value for kind, value in items(home, "bash", words, word, **more) if kind != "file"]


def items(home: Path, shell: str, words: str, word: str, **more: str) -> list[tuple[str, str]]:
    """Return types and values of the completion of `word` after `words`, as the scripts of shells get them."""
    count = word if shell == "fish" else str(len(words.split()))
    line = {"COMP_WORDS": f"{words} {word}", "COMP_CWORD": count, "_CFY_COMPLETE": f"{shell}_complete"}
    environ = environment(home, **line, **more)
    cfy = [sys.executable, "-c", PATIENT]
    done = subprocess.run(cfy, env=environ, capture_output=True, text=True, check=True, timeout=60, cwd=home)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    if shell == "zsh":
        found = zip(lines[::3], lines[1::3], lines[2::3], strict=True)
        return [(kind, value if help_text == "_" else f"{value}\t{help_text}") for kind, value, help_text in found]
    return [(kind, value) for kind, _, value in (text.partition(",") for text in lines if text)]


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
        ("cfy manager start --limit", "request_b", ["request_body="]),
        ("cfy secrets get", "d", ["db"]),
        ("cfy secrets create", "d", []),
        ("cfy deployments create -b web -i", "p", ["port="]),
        ("cfy deployments create -b web -i port = 80 -i", "t", ["tls="]),
        ("cfy deployments create -b web -i tls", "=", ["true", "false"]),
        ("cfy deployments create -b web -i tls =", "t", ["true"]),
        ("cfy deployments create -b web -i size =", "l", ["large"]),
        ("cfy deployments create -b web -i login", "=", ["db"]),
        ("cfy deployments create -b web -i node =", "v", ["vm"]),
        ("cfy config update", "rest.", ["rest.default_page_size="]),
        ("cfy blueprints list --filter-id", "", ["core"]),
        ("cfy deployments filters get", "p", ["production"]),
        ("cfy deployments filters create", "p", []),
        ("cfy deployments list -lr", "t", ["team="]),
        ("cfy deployments list -lr team =", "c", ["core"]),
        ("cfy deployments labels add", "e", ["env:"]),
        ("cfy deployments create -i x = 1 -b", "w", ["web"]),
        ("cfy executions start install -d web-1 -p", "w", ["wait="]),
        ("cfy executions start heal -d web-1 -p", "w", []),
        ("cfy install blueprint.yaml -i", "r", ["region="]),
        ("cfy install blueprint.yaml -i", "z", ["zone="]),
        ("cfy install blueprint.yaml -p", "node_ids", ["node_ids="]),
        ("cfy sites list --columns", "name,cre", ["name,created_at", "name,created_by"]),
        ("cfy sites list --sort-by", "loc", ["location"]),
    ],
)
def test_completion_offers_names_of_the_right_kind(home: Path, words: str, word: str, names: list[str]) -> None:
    (home / "blueprint.yaml").write_text(BLUEPRINT)
    (home / "inputs.yaml").write_text("inputs: {zone: {type: string}}\n")
    assert complete(home, words, word) == names


@pytest.mark.parametrize(
    "words",
    ["cfy install", "cfy blueprints upload", "cfy blueprints validate", "cfy blueprints lint", "cfy plugins upload",
     "cfy deployments create -b web -i", "cfy install b.yaml -i", "cfy executions start install -d web-1 -p",
     "cfy secrets create x -f", "cfy secrets import -i", "cfy profiles import", "cfy plugins upload x -y",
     "cfy plugins bundle-upload -p"],
)  # fmt: skip
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_asks_the_shell_for_files(home: Path, shell: str, words: str) -> None:
    assert ("file", "bl") in items(home, shell, words, "bl")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_offers_keys_with_descriptions(home: Path, shell: str) -> None:
    found = items(home, shell, "cfy deployments create -b web -i", "po")
    help_text = "" if shell == "bash" else "\tWhere it listens, and more"
    assert found == [("part", f"port={help_text}"), ("file", "po")]


def test_completion_uses_the_embedded_manager_without_profile(tmp_path: Path) -> None:
    with canned(ANSWERS) as (address, _):
        write_profile(tmp_path, address, name="local")
        (tmp_path / ".cloudify/active.profile").unlink()
        assert complete(tmp_path, "cfy deployments delete", "web") == ["web-1", "web-2"]
    assert complete(tmp_path, "cfy sites get", "t") == []


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
        assert complete(tmp_path, "cfy sites get", "t", PATIENCE="1.5") == []


def test_completion_starts_no_manager_and_prints_no_error(tmp_path: Path) -> None:
    assert complete(tmp_path, "cfy sites get", "t", CFY_AUTOSTART="1") == []
    assert not (tmp_path / ".cloudify").exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_command_prints_script(shell: str) -> None:
    done = subprocess.run([BIN / "cfy", "completion", shell], capture_output=True, text=True, check=True, timeout=60)
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
            os.chdir(environ["HOME"])
            os.execvpe(START[shell][0], START[shell], environ)
        self.output = ""

    def type_and_expect(self, text: str, expected: str) -> bool:
        """Type the text; tell whether the expected output follows within the timeout."""
        self.output = ""
        os.write(self.terminal, text.encode())
        deadline = time.monotonic() + 60
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
    for name in ("blueprint.yaml", "inputs.yaml"):
        (home / name).touch()
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
            ("\x15cfy deployments create x -b web -i po", "rt="),
            ("\x15cfy install bluep", "rint.yaml"),
            ("\x15cfy deployments create x -b web -i inp", "uts.yaml"),
        ):
            assert interactive.type_and_expect(f"{typed}\t", expected), interactive.output
    finally:
        interactive.close()

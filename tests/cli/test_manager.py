"""The manager on this machine: started when a command needs it, shown, stopped."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cfy_cli.main import main, start_embedded
from cfy_cli.shell.app import App

Run = Callable[..., Result]


@pytest.fixture
def cfy(tmp_path: Path) -> Iterator[Run]:
    """Run commands as outside of tests: with no profile, and with autostart."""

    def run(*words: str, **environ: str) -> Result:
        app = App(autostart=start_embedded, environ={"CFY_WORKDIR": str(tmp_path), **environ})
        return CliRunner().invoke(main, words, obj=app)

    yield run
    run("manager", "stop")


@pytest.mark.process
def test_manager_starts_when_needed_and_stops_on_request(cfy: Run, tmp_path: Path) -> None:
    first = cfy("sites", "create", "tlv")
    assert first.stdout == "Site `tlv` created\n"
    assert first.stderr.startswith("Started a manager on this machine (http://127.0.0.1:")
    assert "to stop it: cfy manager stop" in first.stderr
    second = cfy("sites", "list", "--json")
    assert ([site["name"] for site in json.loads(second.stdout)], second.stderr) == (["tlv"], "")
    running = json.loads(cfy("manager", "status", "--json").stdout)
    assert running["data_dir"] == str(tmp_path / ".cloudify/manager")
    assert cfy("manager", "start").exit_code == 1
    assert cfy("manager", "logs", "-n", "1").stdout.count("\n") == 1
    context = tmp_path / ".cloudify/profiles/local/context.json"
    assert context.stat().st_mode & 0o777 == 0o600
    password = json.loads(context.read_text())["manager_password"]
    assert len(password) > 12
    assert cfy("manager", "stop").stdout == "Manager stopped\n"
    assert cfy("manager", "stop").stdout == "No manager is running\n"
    assert cfy("manager", "status").exit_code == 9
    assert cfy("manager", "start").exit_code == 0
    assert json.loads(context.read_text())["manager_password"] == password
    assert json.loads(cfy("sites", "list", "--json").stdout)[0]["name"] == "tlv"


@pytest.mark.process
def test_new_password_of_the_administrator_keeps_access(cfy: Run) -> None:
    cfy("sites", "create", "tlv")
    assert "Profile `local` logs in with it" in cfy("users", "set-password", "admin", "-p", "another-one").stderr
    assert cfy("manager", "stop").exit_code == 0
    assert json.loads(cfy("sites", "list", "--json").stdout)[0]["name"] == "tlv"


@pytest.mark.process
def test_manager_keeps_its_port_while_nobody_else_uses_it(cfy: Run, tmp_path: Path) -> None:
    def start(*options: str) -> Result:
        outcome = cfy("manager", "start", "--workers", "1", "--json", *options)
        cfy("manager", "stop")
        return outcome

    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        context = tmp_path / ".cloudify/profiles/local/context.json"
        port = json.loads(start().stdout)["port"]
        assert json.loads(start().stdout)["port"] == port
        context.write_text(json.dumps(json.loads(context.read_text()) | {"rest_port": taken}))
        moved = start()
        assert json.loads(moved.stdout)["port"] != taken
        assert f"Another program listens on port {taken}, which the manager had before" in moved.stderr
        assert json.loads(moved.stdout)["port"] == json.loads(start().stdout)["port"]
        refused = cfy("manager", "start", "--port", str(taken))
        assert refused.exit_code == 1
        assert "another program listens there\nHint: Stop that program, or give another port: " in refused.stderr


def test_autostart_can_be_disabled(cfy: Run, tmp_path: Path) -> None:
    outcome = cfy("sites", "list", CFY_AUTOSTART="0")
    assert outcome.exit_code == 9
    assert "CFY_AUTOSTART forbids starting it" in outcome.stderr
    assert not (tmp_path / ".cloudify").exists()


def test_missing_manager_package_error_has_a_hint(cfy: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cfy_cli.commands.manager.find_spec", lambda _name: None)
    outcome = cfy("sites", "list")
    assert outcome.exit_code == 9
    assert "pip install 'cfy-cli[manager]'" in outcome.stderr
    assert "cfy profiles use ADDRESS" in outcome.stderr


def test_commands_that_need_no_manager_start_none(cfy: Run, tmp_path: Path) -> None:
    for words in (["profiles", "list"], ["completion", "bash"], ["manager", "stop"]):
        assert cfy(*words).exit_code == 0
    assert not (tmp_path / ".cloudify/manager").exists()

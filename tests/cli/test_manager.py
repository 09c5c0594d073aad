"""The manager on this machine: started when needed, looked at, stopped."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cfy_cli.main import main, start_embedded
from cfy_cli.shell.app import App

Typed = Callable[..., Result]


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[Typed]:
    """A command line as it is outside of tests: with no profile, and a manager that starts by itself."""

    def run(*words: str, **environ: str) -> Result:
        app = App(autostart=start_embedded, environ={"CFY_WORKDIR": str(tmp_path), **environ})
        return CliRunner().invoke(main, words, obj=app)

    yield run
    run("manager", "stop")


def test_a_manager_starts_when_it_is_needed_and_stops_when_told(typed: Typed, tmp_path: Path) -> None:
    first = typed("sites", "create", "tlv")
    assert first.stdout == "Site `tlv` created\n"
    assert first.stderr.startswith("Started a manager on this machine (http://127.0.0.1:")
    assert "to stop it: cfy manager stop" in first.stderr
    second = typed("sites", "list", "--json")
    assert ([site["name"] for site in json.loads(second.stdout)], second.stderr) == (["tlv"], "")
    running = json.loads(typed("manager", "status", "--json").stdout)
    assert running["data_dir"] == str(tmp_path / ".cloudify/manager")
    assert typed("manager", "start").exit_code == 1
    assert typed("manager", "logs", "-n", "1").stdout.count("\n") == 1
    context = tmp_path / ".cloudify/profiles/local/context.json"
    assert context.stat().st_mode & 0o777 == 0o600
    password = json.loads(context.read_text())["manager_password"]
    assert len(password) > 12
    assert typed("manager", "stop").stdout == "Manager stopped\n"
    assert typed("manager", "stop").stdout == "No manager is running\n"
    assert typed("manager", "status").exit_code == 9
    assert typed("manager", "start").exit_code == 0
    assert json.loads(context.read_text())["manager_password"] == password
    assert json.loads(typed("sites", "list", "--json").stdout)[0]["name"] == "tlv"


def test_starting_by_itself_can_be_forbidden(typed: Typed, tmp_path: Path) -> None:
    outcome = typed("sites", "list", CFY_AUTOSTART="0")
    assert outcome.exit_code == 9
    assert "CFY_AUTOSTART forbids starting it" in outcome.stderr
    assert not (tmp_path / ".cloudify").exists()


def test_without_the_manager_installed_the_error_says_what_to_do(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cfy_cli.commands.manager.find_spec", lambda _name: None)
    outcome = typed("sites", "list")
    assert outcome.exit_code == 9
    assert "pip install 'cfy-cli[manager]'" in outcome.stderr
    assert "cfy profiles use ADDRESS" in outcome.stderr


def test_nothing_is_started_for_what_needs_no_manager(typed: Typed, tmp_path: Path) -> None:
    for words in (["profiles", "list"], ["completion", "bash"], ["manager", "stop"]):
        assert typed(*words).exit_code == 0
    assert not (tmp_path / ".cloudify/manager").exists()

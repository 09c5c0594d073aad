"""The manager on this machine: started when a command needs it, shown, stopped."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cfy_cli.contract.limits import parse_limit
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


@pytest.mark.process
def test_limits_are_kept_from_start_to_start(cfy: Run) -> None:
    def start(*options: str) -> dict[str, int]:
        assert cfy("manager", "start", "--workers", "1", *options).exit_code == 0
        cfy("manager", "stop")
        limits = json.loads(cfy("manager", "limits", "--json").stdout)
        return {limit["name"]: limit["value"] for limit in limits if limit["value"] != limit["default"]}

    changed = {"request_body": 64 * 1024**2, "idle_connection": 120}
    assert start("--limit", "request_body=64M", "--limit", "idle_connection=2 min") == changed
    assert start() == changed
    assert start("--limit", "request_body=default") == {"idle_connection": 120}
    listed = cfy("manager", "limits").stdout
    assert all(text in listed for text in ("idle_connection", "120 seconds", "60 seconds", "8 MiB"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nosuch=1", "There is no limit `nosuch`\nHint: Limits: request_body, "),
        ("upload", "`upload` is not a limit\nHint: Give NAME=VALUE, such as "),
        ("upload=many", "The limit `upload` must be a positive number of bytes, not `many`\nHint: A size may"),
        ("upload=0", "The limit `upload` must be a positive number of bytes, not `0`"),
        ("upload=9999999T", "The limit `upload` must be a positive number of bytes, not `9999999T`"),
        ("upload=5 min", "The limit `upload` must be a positive number of bytes, not `5 min`"),
        ("json_depth=1k", "The limit `json_depth` must be a positive number of levels, not `1k`\n"),
        ("idle_connection=1G", "not `1G`\nHint: A time may have a unit: 90s, 5min or 1h"),
        ("pattern_time=-1s", "not `-1s`\nHint: A time may have a unit: 500ms or 2s"),
    ],
)
def test_limit_that_is_not_one_is_refused(cfy: Run, text: str, message: str) -> None:
    outcome = cfy("manager", "start", "--limit", text)
    assert (outcome.exit_code, message in outcome.stderr) == (2, True), outcome.stderr


@pytest.mark.parametrize(("content", "reason"), [(None, "There is no certificate"), ("PEM", "cannot be read")])
def test_certificate_that_is_not_one_is_refused(cfy: Run, tmp_path: Path, content: str | None, reason: str) -> None:
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    outcome = cfy("manager", "start", "--broker", "amqps://h", "--broker-ca-certificate", str(file))
    assert (outcome.exit_code, reason in outcome.stderr) == (2, True), outcome.stderr


@pytest.mark.parametrize("url", ["rabbit.example.com", "http://u:p4ss@host", "amqp://", "redis:///"])
def test_broker_that_is_not_one_is_refused(cfy: Run, url: str) -> None:
    outcome = cfy("manager", "start", "--broker", url)
    assert (outcome.exit_code, "Give RabbitMQ (--broker amqp://" in outcome.stderr) == (2, True), outcome.stderr
    assert "p4ss" not in outcome.stderr


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("upload=5", 5),
        ("upload=5 bytes", 5),
        ("upload=5B", 5),
        ("upload=5k", 5 * 1024),
        ("upload=5MB", 5 * 1024**2),
        ("upload=5GiB", 5 * 1024**3),
        ("idle_connection=90s", 90),
        ("idle_connection=1 hour", 3600),
        ("pattern_time=250ms", 250),
        ("pattern_time=250", 250),
        ("pattern_time=2s", 2000),
        ("events=7 events", 7),
    ],
)
def test_limit_may_have_a_unit(text: str, value: int) -> None:
    assert parse_limit(text) == (text.partition("=")[0], value)


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


def test_a_role_alone_without_postgresql_is_refused(cfy: Run, tmp_path: Path) -> None:
    for words in (
        ["--role", "worker"],
        ["--role", "server", "--role", "worker"],
        ["--role", "scheduler", "--foreground"],
    ):
        refused = cfy("manager", "start", *words)
        assert refused.exit_code == 2
        assert "PostgreSQL" in refused.stderr
        assert "--role all" in refused.stderr
    assert cfy("manager", "start", "--role", "broker").exit_code == 2
    assert not (tmp_path / ".cloudify/manager/manager.db").exists()

"""Choice of the manager, credentials sent to it, and errors when it is unreachable."""

import errno
import os
import stat
from pathlib import Path

import pytest
import requests
import responses
from click.testing import CliRunner
from urllib3.exceptions import NameResolutionError

from cfy_cli.client.http import Http
from cfy_cli.config.profiles import LOCAL, Profile
from cfy_cli.main import main
from cfy_cli.shell.app import App

from .conftest import Run, page
from .test_profiles import write_profile

SITES = "http://elsewhere/api/v3.1/sites"


def fail_autostart(_app: App) -> Profile:
    raise AssertionError("a manager on this machine was started")


def test_manager_variable_prevents_autostart(workdir: Path, wire: responses.RequestsMock) -> None:
    wire.get(SITES, json=page())
    environ = {"CFY_WORKDIR": str(workdir), "CLOUDIFY_MANAGER": "elsewhere", "CLOUDIFY_TOKEN": "t"}
    done = CliRunner().invoke(main, ["sites", "list"], obj=App(autostart=fail_autostart, environ=environ))
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("flag", [True, False])
def test_embedded_password_is_sent_to_no_other_manager(
    run: Run, workdir: Path, wire: responses.RequestsMock, flag: bool
) -> None:
    write_profile(workdir, LOCAL, manager_ip="127.0.0.1", rest_port=8100)
    wire.get(SITES, json=page())
    if flag:
        run("sites list --manager http://elsewhere", profile=None)
    else:
        run("sites list", profile=None, CLOUDIFY_MANAGER="http://elsewhere")
    assert "Authorization" not in wire.calls[0].request.headers
    wire.get("http://127.0.0.1:8100/api/v3.1/sites", json=page())
    run("sites list --manager http://127.0.0.1:8100", profile=None)
    assert "Authorization" in wire.calls[1].request.headers


@pytest.mark.parametrize("typed", ["http://ann:canary-password@mgr", "http://mgr/console", "mgr?x=1"])
def test_url_with_credentials_is_refused_without_echo(run: Run, typed: str) -> None:
    outcome = run(f"profiles use {typed} --profile-name x -T t --skip-credentials-validation", profile=None, code=2)
    assert "holds more than host and port" in outcome.err
    assert "canary" not in outcome.err


def test_unresolvable_host_name_is_reported(run: Run, wire: responses.RequestsMock) -> None:
    cause = NameResolutionError("manager", None, OSError("x"))  # type: ignore[arg-type]
    wire.get("http://manager/api/v3.1/sites", body=requests.ConnectionError(cause))
    outcome = run("sites list", code=9)
    assert "The host name of http://manager cannot be resolved" in outcome.err
    assert "cfy doctor" in outcome.err


def test_unknown_tenant_hints_at_other_tenant(run: Run, wire: responses.RequestsMock) -> None:
    message = "Authorization failed: Tried to authenticate with invalid tenant name: red"
    wire.get("http://manager/api/v3.1/sites", status=403, json={"message": message, "error_code": "forbidden_error"})
    assert "cfy profiles set -t TENANT" in run("sites list -t red", code=4).err


def test_long_retry_after_is_noted(run: Run, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Http.__init__.__kwdefaults__, "sleep", lambda _seconds: None)
    waits = {"Retry-After": "20"}
    wire.get("http://manager/api/v3.1/sites", status=503, json={"message": "Busy"}, headers=waits)
    wire.get("http://manager/api/v3.1/sites", json=page())
    outcome = run("sites list --json")
    assert outcome.err == "The manager is busy; retrying in 20 seconds\n"


def test_folders_are_private_and_full_disk_names_the_file(
    run: Run, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("profiles use mgr -T t --skip-credentials-validation", profile=None)
    assert stat.S_IMODE((workdir / ".cloudify").stat().st_mode) == 0o700

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    outcome = run("profiles set -t red", profile=None, code=1)
    assert f"Cannot write {workdir}/.cloudify/profiles/mgr/context.json: No space left on device" in outcome.err

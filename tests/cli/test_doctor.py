"""`cfy doctor`: problems of profile, network, login, manager and data folder."""

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import responses

from cfy_cli.client.version_check import version_warning
from cfy_cli.config.profiles import LOCAL
from cfy_cli.shell import diagnostics
from tests.conftest import Cfy

from .conftest import Run
from .test_profiles import write_profile

STATUS = {"status": "OK", "services": {"Webserver": {"status": "Active"}, "RabbitMQ": {"status": "Inactive"}}}
API = "http://mgr/api/v3.1"


def checks(data: list[dict[str, Any]]) -> dict[str, str]:
    return {row["check"]: row["result"] for row in data}


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every address leads to something that answers."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    ours, _theirs = socket.socketpair()
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: ours)


@pytest.mark.usefixtures("answering")
def test_all_is_well_but_for_a_service(run: Run, workdir: Path, wire: responses.RequestsMock) -> None:
    write_profile(workdir)
    wire.get(f"{API}/status", json=STATUS)
    wire.get(f"{API}/version", json={"version": "7.0.5", "edition": "premium"})
    wire.get(f"{API}/sites", json={"items": [], "metadata": {"pagination": {"total": 0}}})
    found = checks(run("doctor --json", profile=None).data)
    assert found["login"] == found["network"] == found["version"] == found["folder"] == "ok"
    assert found["services"] == "warning"
    assert found["profiles"] == "warning"  # the profile written above can be read by others
    assert "chmod 600" in run("doctor", profile=None).out


@pytest.mark.usefixtures("answering")
@pytest.mark.parametrize(
    ("answer", "check", "words"),
    [
        ({"status": 401, "json": {"message": "User unauthorized"}}, "login", "User unauthorized"),
        ({"body": "<html>", "content_type": "text/html"}, "answer", "is not a manager"),
    ],
)
def test_what_is_wrong_is_named(
    run: Run, workdir: Path, wire: responses.RequestsMock, answer: Any, check: str, words: str
) -> None:
    write_profile(workdir)
    wire.get(f"{API}/status", **answer)
    outcome = run("doctor --json", profile=None, code=1)
    assert checks(outcome.data)[check] == "error"
    assert words in outcome.err


def test_doctor_distinguishes_dns_and_connection_failure(
    run: Run, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_profile(workdir, manager_ip="127.0.0.1", rest_port=1)
    assert "cannot connect to 127.0.0.1:1" in run("doctor", profile=None, code=1).err
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: (_ for _ in ()).throw(socket.gaierror(-2, "unknown")))
    assert "the host name 127.0.0.1 cannot be resolved: unknown" in run("doctor", profile=None, code=1).err


def test_doctor_finds_missing_certificate_and_low_disk_space(
    run: Run, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_profile(workdir, rest_certificate="/nowhere.pem")
    monkeypatch.setattr(diagnostics, "MIN_FREE_SPACE", 2**62)
    found = checks(run("doctor --json", profile=None, code=1).data)
    assert (found["settings"], found["folder"]) == ("error", "warning")


def test_doctor_without_profile_reports_ok(run: Run) -> None:
    found = checks(run("doctor --json", profile=None).data)
    assert found["manager"] == found["manager here"] == "ok"


def test_manager_list_is_managers_list(cfy: Cfy) -> None:
    assert cfy("managers list --columns hostname,version") == cfy("manager list --columns hostname,version")
    assert "hostname" in cfy("managers list")


@pytest.mark.parametrize(
    ("version", "words"),
    [("4.6", "older than supported"), ("9.0.1", "newer than supported"), ("7.0.5", None), ("5.1", None),
     ("1.2.0", None), ("1.9.0", "upgrade the older one"), ("odd", None)],
)  # fmt: skip
def test_version_warning_for_unsupported_versions(version: str, words: str | None) -> None:
    sentence = version_warning(version, "1.2.3")
    assert (words is None) == (sentence is None)
    assert words is None or words in str(sentence)


def test_version_notice_is_shown_once(run: Run, workdir: Path, wire: responses.RequestsMock) -> None:
    write_profile(workdir)
    wire.get(f"{API}/status", json={"status": "OK"})
    wire.get(f"{API}/version", json={"version": "99.1"})
    assert "newer than supported" in run("status --json", profile=None).err
    assert run("status --json", profile=None).err == ""


def test_server_error_names_the_request_id(run: Run, wire: responses.RequestsMock) -> None:
    wire.get("http://manager/api/v3.1/sites", status=500, json={"message": "Broken"}, headers={"X-Request-Id": "r42"})
    assert "The manager's log has more details: request r42" in run("sites list", code=1).err


def test_doctor_finds_folder_that_is_not_writable(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    outcome = run("doctor --json", code=1, profile=None)
    assert checks(outcome.data)["folder"] == "error"
    assert "is not writable: No space left on device" in outcome.err


def test_doctor_accepts_stopped_embedded_manager(run: Run, workdir: Path) -> None:
    write_profile(workdir, LOCAL, manager_ip="127.0.0.1", rest_port=1, embedded={})
    assert checks(run("doctor --json", profile=None).data)["manager"] == "ok"
    elsewhere = run("doctor --json", profile=None, code=1, CLOUDIFY_MANAGER="http://127.0.0.1:1")
    assert checks(elsewhere.data)["network"] == "error"


@pytest.mark.usefixtures("answering")
def test_doctor_distinguishes_unknown_tenant_and_login(run: Run, workdir: Path, wire: responses.RequestsMock) -> None:
    write_profile(workdir)
    message = "Authorization failed: Tried to authenticate with invalid tenant name: red"
    wire.get(f"{API}/status", status=403, json={"message": message})
    assert checks(run("doctor --json", profile=None, code=1).data)["tenant"] == "error"

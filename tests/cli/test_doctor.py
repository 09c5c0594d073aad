"""What is wrong is found and explained, from the profile to the manager."""

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


def test_a_name_without_an_address_and_a_port_without_a_program_are_told_apart(
    run: Run, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_profile(workdir, manager_ip="127.0.0.1", rest_port=1)
    assert "nothing answers at 127.0.0.1:1" in run("doctor", profile=None, code=1).err
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: (_ for _ in ()).throw(socket.gaierror(-2, "unknown")))
    assert "127.0.0.1 has no address: unknown" in run("doctor", profile=None, code=1).err


def test_a_certificate_that_is_gone_and_a_full_disk_are_found(
    run: Run, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_profile(workdir, rest_certificate="/nowhere.pem")
    monkeypatch.setattr(diagnostics, "SCARCE", 2**62)
    found = checks(run("doctor --json", profile=None, code=1).data)
    assert (found["settings"], found["folder"]) == ("error", "warning")


def test_without_a_profile_there_is_nothing_to_ask(run: Run) -> None:
    found = checks(run("doctor --json", profile=None).data)
    assert found["manager"] == found["manager here"] == "ok"


def test_the_machines_of_a_manager_are_listed_by_its_beginning_too(cfy: Cfy) -> None:
    assert cfy("managers list") == cfy("manager list")
    assert "hostname" in cfy("managers list")


@pytest.mark.parametrize(
    ("version", "words"),
    [("4.6", "older than supported"), ("9.0.1", "newer than supported"), ("7.0.5", None), ("5.1", None),
     ("1.2.0", None), ("1.9.0", "upgrade the older one"), ("odd", None)],
)  # fmt: skip
def test_versions_that_are_not_expected_are_told(version: str, words: str | None) -> None:
    sentence = version_warning(version, "1.2.3")
    assert (words is None) == (sentence is None)
    assert words is None or words in str(sentence)


def test_a_version_is_told_of_once(run: Run, workdir: Path, wire: responses.RequestsMock) -> None:
    write_profile(workdir)
    wire.get(f"{API}/status", json={"status": "OK"})
    wire.get(f"{API}/version", json={"version": "99.1"})
    assert "newer than supported" in run("status --json", profile=None).err
    assert run("status --json", profile=None).err == ""


def test_the_request_is_named_where_the_log_tells_more(run: Run, wire: responses.RequestsMock) -> None:
    wire.get("http://manager/api/v3.1/sites", status=500, json={"message": "Broken"}, headers={"X-Request-Id": "r42"})
    assert "The manager's log tells more about request r42." in run("sites list", code=1).err


def test_a_folder_that_takes_nothing_is_found_by_writing_to_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    outcome = run("doctor --json", code=1, profile=None)
    assert checks(outcome.data)["folder"] == "error"
    assert "cannot be written to: No space left on device" in outcome.err


def test_a_manager_of_this_machine_that_sleeps_is_no_error(run: Run, workdir: Path) -> None:
    write_profile(workdir, LOCAL, manager_ip="127.0.0.1", rest_port=1)
    assert checks(run("doctor --json", profile=None).data)["manager"] == "ok"
    elsewhere = run("doctor --json", profile=None, code=1, CLOUDIFY_MANAGER="http://127.0.0.1:1")
    assert checks(elsewhere.data)["network"] == "error"


@pytest.mark.usefixtures("answering")
def test_a_tenant_that_is_not_there_is_told_from_a_login(run: Run, workdir: Path, wire: responses.RequestsMock) -> None:
    write_profile(workdir)
    message = "Authorization failed: Tried to authenticate with invalid tenant name: red"
    wire.get(f"{API}/status", status=403, json={"message": message})
    assert checks(run("doctor --json", profile=None, code=1).data)["tenant"] == "error"

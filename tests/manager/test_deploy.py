"""The examples of deploy/: real tools read them where they are installed, and options are those of the commands."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from cfy_cli.main import main

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICE_KEYS = {
    "image", "build", "restart", "stop_grace_period", "environment", "volumes", "depends_on", "command", "healthcheck",
    "ports",
}  # fmt: skip


def needs(tool: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")


def check(*command: str | Path) -> None:
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def parse_start(arguments: list[str]) -> dict[str, Any]:
    """Return the options of `cfy manager start`, as the command parses them."""
    group = main.get_command(click.Context(main), "manager")
    assert isinstance(group, click.Group)
    command = group.get_command(click.Context(group), "start")
    assert command is not None
    return command.make_context("start", arguments).params


def compose() -> dict[str, Any]:
    text = re.sub(r"\$\{(\w+)(:\?|:-\w*)?\}", "value", (DEPLOY / "compose.yaml").read_text())
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def test_compose_file_has_only_known_keys_and_references() -> None:
    document = compose()
    services, volumes = document["services"], document["volumes"]
    assert set(document) == {"name", "networks", "services", "volumes", "x-manager", "x-server", "x-worker"}
    for name, service in services.items():
        assert set(service) <= SERVICE_KEYS, name
        assert set(service.get("depends_on", ())) <= set(services), name
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in volumes or (DEPLOY / source).exists(), volume
    assert (DEPLOY.parent / services["server-1"]["build"]["dockerfile"]).exists()
    named = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    assert named == {
        line.partition("=")[0] for line in (DEPLOY / "example.env").read_text().splitlines() if "=" in line
    }


def test_commands_of_the_containers_are_commands() -> None:
    pytest.importorskip("celery")
    services = compose()["services"]
    roles = [
        parse_start(list(service["command"]))["roles"] for name, service in services.items() if "command" in service
    ]
    assert roles == [("server", "scheduler")] * 2 + [("worker",)] * 2
    for line in (DEPLOY / "Dockerfile").read_text().splitlines():
        if line.startswith("ENTRYPOINT"):
            assert parse_start(yaml.safe_load(line.partition(" ")[2])[3:])["foreground"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_unit_is_valid_and_its_command_is_one(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text()
    values = {
        "CFY_TRUSTED_PROXY": "10.0.0.8",
        "CFY_BROKER": "redis://h",
        "CFY_BROKER_CA_CERTIFICATE": "",
        "CFY_STORAGE": "/srv/cfy",
        "CFY_DATABASE": "postgresql://h/cfy",
    }
    words = shlex.split(text.split("ExecStart=")[1].splitlines()[0])
    words = [re.sub(r"\$\{(\w+)\}", lambda match: values.get(match[1], "name"), word) for word in words]
    pytest.importorskip("celery")
    assert parse_start(words[3:])["database_url"] == "postgresql://h/cfy"
    if shutil.which("systemd-analyze"):
        copy = tmp_path / unit.name
        copy.write_text(text.replace("/usr/local/bin/cfy", sys.executable).replace("User=cfy", "User=root"))
        check("systemd-analyze", "verify", "--man=no", copy)


@needs("nginx")
def test_nginx_reads_its_configuration(tmp_path: Path) -> None:
    copy = tmp_path / "nginx.conf"
    copy.write_text(re.sub(r"server-\d", "127.0.0.1", (DEPLOY / "nginx" / "nginx.conf").read_text()))
    check("nginx", "-t", "-q", "-c", copy, "-g", f"pid {tmp_path}/pid; error_log stderr;")


@needs("haproxy")
def test_haproxy_reads_its_configuration() -> None:
    check("haproxy", "-c", "-q", "-f", DEPLOY / "haproxy" / "haproxy.cfg")

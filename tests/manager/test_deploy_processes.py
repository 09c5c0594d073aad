"""The commands of the systemd units and of the containers in deploy/ run, and do the main job together."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.brokers import broker_url
from tests.databases import POSTGRESQL
from tests.manager.agent_host import kill_trees
from tests.manager.processes import find_free_port, wait_until
from tests.manager.several_machines import DEPLOY, KEY, PASSWORD, SharedDatabase
from tests.manager.test_several_machines import BLUEPRINT, SCRIPT, cfy

Variables = dict[str, str]
SERIOUS = re.compile("WARNING|ERROR|Traceback")


def substitute(text: str, variables: Variables) -> str:
    return re.sub(r"\$\{(\w+)(:\?|:-\w*)?\}", lambda match: variables[match[1]], text)


def of_systemd(role: str, variables: Variables) -> list[str]:
    """Return the arguments of `cfy` in a unit; one for each word, though the variable is empty, as systemd does it."""
    unit = (DEPLOY / "systemd" / f"cfy-{role}.service").read_text()
    words = shlex.split(unit.split("ExecStart=")[1].splitlines()[0])
    return [substitute(word, variables) for word in words[1:]]


def of_compose(role: str, variables: Variables) -> list[str]:
    """Return the arguments of `cfy` in a container: its entry point and its command."""
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    entry = (DEPLOY / "Dockerfile").read_text().split("ENTRYPOINT ")[1].splitlines()[0]
    replaced = {
        "postgresql://cfy@postgres/cfy": variables["CFY_DATABASE"],
        f"amqp://cfy:{variables['RABBITMQ_PASSWORD']}@rabbitmq": variables["CFY_BROKER"],
        "/srv/cfy": variables["CFY_STORAGE"],
    }
    words = [substitute(word, variables) for word in document["services"][f"{role}-1"]["command"]]
    named = (word.partition("=") for word in words)
    return [*json.loads(entry)[1:], *(f"{name}={replaced.get(value, value)}" for name, _, value in named)]


@pytest.mark.process
@pytest.mark.parametrize("arguments_of", [of_systemd, of_compose])
def test_commands_of_deploy_run_the_parts_of_a_manager(
    arguments_of: Callable[[str, Variables], list[str]], tmp_path: Path
) -> None:
    if not POSTGRESQL:
        pytest.skip("CFY_TEST_POSTGRESQL names no server")
    database, port = SharedDatabase(), find_free_port()
    (tmp_path / "files").mkdir(mode=0o700)
    variables = {
        "CFY_DATABASE": database.url,
        "CFY_BROKER": broker_url("rabbitmq"),
        "CFY_STORAGE": str(tmp_path / "files"),
        "CFY_SERVER_NAME": "cfy.example.com",
        "CFY_TRUSTED_PROXY": "",
        "CFY_BROKER_CA_CERTIFICATE": "",
        "RABBITMQ_PASSWORD": "password",
    }
    parts: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for role in ("server", "worker"):
            words = " ".join(arguments_of(role, variables)).replace("/var/lib/cfy", str(tmp_path))
            arguments = words.replace("0.0.0.0", "127.0.0.1").replace("8100", str(port)).split(" ")
            work = {"CFY_WORKDIR": str(tmp_path / "home" / role), "HOME": str(tmp_path / "home" / role)}
            secrets = {"CFY_ENCRYPTION_KEY": KEY, "CFY_ADMIN_PASSWORD": PASSWORD}
            command = [sys.executable, "-m", "cfy_cli", *arguments]
            with (tmp_path / f"{role}.log").open("wb") as log:
                parts[role] = subprocess.Popen(command, env=os.environ | work | secrets, stdout=log, stderr=log)
            wait_until(lambda role=role: role == "worker" or is_answering(port))  # type: ignore[misc]
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "go").touch()
        (tmp_path / "blueprint.yaml").write_text(BLUEPRINT)
        (tmp_path / "do.sh").write_text(SCRIPT)
        cfy(port, f"install {tmp_path}/blueprint.yaml -b app -d app -i folder={tmp_path}/folder")
        assert json.loads(cfy(port, "deployments outputs app --json"))["done"]["value"] == "create"
        assert json.loads(cfy(port, "cluster status --json"))["status"] == "OK"
        for part in parts.values():
            part.send_signal(signal.SIGTERM)  # as systemd and Docker do
        assert {role: part.wait(60) for role, part in parts.items()} == {"server": 0, "worker": 0}
        logs = {role: (tmp_path / f"{role}.log").read_text() for role in parts}
        assert f"http://127.0.0.1:{port}" in logs["server"]
        assert not [line for log in logs.values() for line in log.splitlines() if SERIOUS.search(line)], logs
    finally:
        kill_trees([part.pid for part in parts.values() if part.poll() is None])
        database.drop()


def is_answering(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

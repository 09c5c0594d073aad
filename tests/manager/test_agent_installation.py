"""Installing agents: over SSH, by a script of the host, and what is refused."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import paramiko
import pytest
from sqlalchemy.orm import Session

from cfy_cli.agent.configuration import read_configuration
from cfy_cli.contract.agents import HEARTBEAT_INTERVAL
from cfy_cli.errors import Busy, Invalid, Unreachable
from cfy_cli.manager.services.agents import agents, remote
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import Agent
from tests.conftest import Ask, Cfy
from tests.manager.conftest import archive, wait_until
from tests.manager.processes import find_free_port
from tests.manager.ssh_server import PASSWORD, USER, SshServer, run_in_shell

pytestmark = pytest.mark.sqlite
HOST = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  vm:
    type: cloudify.nodes.Compute
    properties:
      ip: 127.0.0.1
      agent_config: CONFIG
"""
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def key() -> paramiko.RSAKey:
    return paramiko.RSAKey.generate(2048)


def text_of(key: paramiko.PKey) -> str:
    file = io.StringIO()
    key.write_private_key(file)
    return file.getvalue()


class Host:
    """A host whose agent reports as soon as the script has run, and obeys."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.scripts: list[str] = []
        self._stopped = threading.Event()
        self._last: threading.Thread | None = None

    def run(self, script: str) -> tuple[str, int]:
        self.scripts.append(script)
        configuration = json.loads(script.split("END_OF_CONFIGURATION'\n")[1].split("\nEND_OF_CONFIGURATION")[0])
        self._last = threading.Thread(target=self._report, args=(configuration,))
        self._last.start()
        return "it runs\n", 0

    def _report(self, configuration: dict[str, str]) -> None:
        state = "started"
        while not self._stopped.wait(HEARTBEAT_INTERVAL / 20):
            answer = self._session.post(
                f"http://manager/api/v3.1/agents/{configuration['name']}/heartbeat",
                headers={"Authentication-Token": configuration["token"]},
                json={"state": state, "version": "1", "system": "test"},
            )
            if answer.status_code != 200 or state == "stopped":
                return
            state = "stopped" if answer.json()["state"] == "stopping" else "started"

    def close(self) -> None:
        self._stopped.set()
        if self._last:
            self._last.join()


@pytest.fixture
def host(session: Any) -> Iterator[Host]:
    host = Host(session)
    yield host
    host.close()


def deploy(app: AppContext, ask: Ask, config: str) -> str:
    """Make a deployment with a host, and return the id of the host."""
    app.settings = replace(app.settings, broker="memory://")
    uploaded = ask("PUT", "/blueprints/b", data=archive({"blueprint.yaml": HOST.replace("CONFIG", config)}))
    assert uploaded.status_code < 300, uploaded.text
    wait_until(lambda: ask("GET", "/blueprints/b").json()["state"], lambda state: state == "uploaded")
    assert ask("PUT", "/deployments/d", json={"blueprint_id": "b"}).status_code == 201
    return str(ask("GET", "/node-instances").json()["items"][0]["id"])


@pytest.mark.usefixtures("worker")
def test_agent_is_installed_over_ssh_and_ends(
    app: AppContext, ask: Ask, run: Run, host: Host, key: paramiko.RSAKey, monkeypatch: pytest.MonkeyPatch
):
    server = SshServer(host.run, key)
    ask("PUT", "/secrets/key", json={"value": text_of(key)})
    config = (
        f"{{install_method: remote, user: {USER}, port: {server.port}, key: {{get_secret: key}}, env: {{A: 'x y'}}}}"
    )
    vm = deploy(app, ask, config)
    find, failures = agents.find_of_host, iter((True, False, True))

    def find_of_host(session: Session, storage_id: int) -> Agent | None:
        if next(failures, False):
            raise Busy("The database does not answer")
        return find(session, storage_id)

    monkeypatch.setattr(agents, "find_of_host", find_of_host)
    installed = run("d", "install")
    assert installed["status"] == "terminated", installed["error"]
    assert "venv" in host.scripts[0]
    assert "export A='x y'" in host.scripts[0]
    agent = ask("GET", f"/agents/{vm}").json()
    assert (agent["state"], agent["install_method"], agent["ip"]) == ("started", "remote", "127.0.0.1")
    shown = ask("GET", f"/node-instances/{vm}").json()["runtime_properties"]["cloudify_agent"]
    assert (shown["name"], shown["install_method"]) == (vm, "remote")
    assert "token" not in shown
    for workflow in ("validate_agents", "install_new_agents"):
        assert run("d", workflow)["status"] == "terminated"
    assert len(host.scripts) == 2
    messages = json.dumps(ask("GET", "/events").json())
    assert "Agent created" in messages
    assert not any(secret in messages for secret in ("cagt-", "PRIVATE"))
    assert run("d", "uninstall")["status"] == "terminated"
    assert ask("GET", "/agents").json()["items"] == []
    server.close()


@pytest.mark.usefixtures("worker")
def test_wrong_settings_of_agents_fail_with_a_sentence(app: AppContext, ask: Ask, run: Run, key: paramiko.RSAKey):
    server = SshServer(lambda _: ("", 0), key)
    for number, (config, reason) in enumerate((
        ("{install_method: by_hand}", "no install method of agents"),
        (f"{{install_method: remote, user: {USER}}}", "Give `user`, and `key` or `password`"),
        (f"{{install_method: remote, user: {USER}, password: wrong, port: {server.port}}}", "cannot be logged in to"),
        (f"{{install_method: remote, user: {USER}, key: /no/such/key, port: {server.port}}}", "cannot be read"),
    )):  # fmt: skip
        deploy_again(app, ask, config, number)
        failed = run(f"d{number}", "install")
        assert failed["status"] == "failed"
        assert reason in failed["error"]
    server.close()


def deploy_again(app: AppContext, ask: Ask, config: str, number: int) -> None:
    app.settings = replace(app.settings, broker="memory://")
    ask("PUT", f"/blueprints/b{number}", data=archive({"blueprint.yaml": HOST.replace("CONFIG", config)}))
    wait_until(lambda: ask("GET", f"/blueprints/b{number}").json()["state"], lambda state: state == "uploaded")
    assert ask("PUT", f"/deployments/d{number}", json={"blueprint_id": f"b{number}"}).status_code == 201


def test_hosts_are_recognized_by_their_keys(app: AppContext, tmp_path: Path, key: paramiko.RSAKey):
    server = SshServer(lambda script: run_in_shell(script, tmp_path), key)
    config = {"user": USER, "password": PASSWORD, "port": server.port}
    assert remote.run_script(app.settings, "127.0.0.1", config, "echo $HOME", 30).strip() == str(tmp_path)
    with pytest.raises(Unreachable, match="installs the agent failed"):
        remote.run_script(app.settings, "127.0.0.1", {**config, "key": text_of(key)}, "echo no; exit 3", 30)
    server.host_key = paramiko.RSAKey.generate(1024)
    with pytest.raises(Invalid, match="cannot be logged in to"):
        remote.run_script(app.settings, "127.0.0.1", config, "echo", 30)
    remote.forget_host(app.settings, "127.0.0.1")
    assert remote.run_script(app.settings, "127.0.0.1", config, "echo", 30) == "\n"
    server.close()
    with pytest.raises(Unreachable, match="cannot be reached"):
        remote.run_script(app.settings, "127.0.0.1", {**config, "port": find_free_port()}, "echo", 30)


@pytest.mark.usefixtures("worker")
def test_script_of_an_agent_has_its_token(app: AppContext, ask: Ask, cfy: Cfy, host: Host, tmp_path: Path):
    vm = deploy(
        app,
        ask,
        "{install_method: init_script, extra: {index_url: 'https://i/s', package: p.whl, ca_certificate: /ca.pem}}",
    )
    script = cfy(f"agents script {vm}")
    assert script.startswith("#!/bin/sh\n")
    assert "--index-url https://i/s p.whl" in script
    (tmp_path / "agent.json").write_text(script.split("END_OF_CONFIGURATION'\n")[1].split("\nEND_OF_CONFIGURATION")[0])
    assert read_configuration(tmp_path / "agent.json", {}).ca_certificate == "/ca.pem"
    host.run(script)
    wait_until(lambda: ask("GET", f"/agents/{vm}").json()["state"], lambda state: state == "started")
    assert cfy(f"agents script {vm}") != script  # the token of the former one has ended
    cfy("agents script none", code=3)

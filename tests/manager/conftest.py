"""Small blueprints and what is done with them, over HTTP."""

import io
import json
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
import requests
import uvicorn

from cfy_cli.contract.states import ENDED
from cfy_cli.manager import control
from cfy_cli.manager.server import create_app
from cfy_cli.manager.services.context import AppContext
from tests.conftest import Ask

HELLO = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs:
  greeting: {type: string, default: hello}
  port: {type: integer, default: 80}
node_templates:
  web:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create:
          implementation: say.sh
          inputs: {greeting: {get_input: greeting}}
outputs:
  said: {value: {get_attribute: [web, said]}}
capabilities:
  port: {value: {get_input: port}}
"""
SAY = '#!/bin/bash\nctx logger info "$greeting"\nctx instance runtime-properties said "$greeting, world"\n'
SLEEPER = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  slow:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: sleep.sh}
"""
SLEEP = '#!/bin/bash\ntouch "$MARK" 2>/dev/null\nsleep 30\n'


@pytest.fixture(autouse=True)
def no_package_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip fetch nothing when plugins are installed."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data folder; what is started on it is stopped."""
    folder = tmp_path / "a folder"
    yield folder
    control.stop(folder)


def archive(files: Mapping[str, str | bytes], root: str = "app/") -> bytes:
    """A tar.gz of a folder, as clients send it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            content = text if isinstance(text, bytes) else text.encode()
            member = tarfile.TarInfo(root + name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


class Upload(Protocol):
    def __call__(
        self,
        name: str,
        blueprint: str = HELLO,
        files: Mapping[str, str | bytes] = {"say.sh": SAY, "sleep.sh": SLEEP},
        **params: Any,
    ) -> requests.Response: ...


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker has one execution at work; name it before what starts the worker."""
    monkeypatch.setattr("cfy_cli.manager.worker.Worker._find_limit", lambda _worker: 1)


@pytest.fixture
def plugins_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cfy_cli.manager.rest.plugins.ensure_plugin_venv", lambda *_: None)


@pytest.fixture
def upload(ask: Ask, worker: object) -> Upload:
    def upload(
        name: str,
        blueprint: str = HELLO,
        files: Mapping[str, str | bytes] = {"say.sh": SAY, "sleep.sh": SLEEP},
        **params: Any,
    ) -> requests.Response:
        body = archive({"blueprint.yaml": blueprint, **files})
        return ask(
            "PUT",
            f"/blueprints/{name}",
            files={
                "params": (None, json.dumps({"application_file_name": "blueprint.yaml", **params})),
                "blueprint_archive": ("a.tar.gz", body),
            },
        )

    return upload


@pytest.fixture
def port(app: AppContext) -> Iterator[int]:
    """Where the manager listens on a socket."""
    with listening(app) as port:
        yield port


@contextmanager
def listening(app: AppContext, **options: Any) -> Iterator[int]:
    """Let a manager listen on a socket, with options of uvicorn."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(app), log_level="error", **options))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.fixture
def deploy(ask: Ask, upload: Upload) -> Callable[..., None]:
    def deploy(blueprint: str, name: str = "parent", **inputs: Any) -> None:
        uploaded = upload(name, blueprint, {"say.sh": SAY}).json()
        assert uploaded["state"] == "uploaded", uploaded["error"]
        made = ask("PUT", f"/deployments/{name}", json={"blueprint_id": name, "inputs": inputs})
        assert made.status_code == 201, made.text

    return deploy


@pytest.fixture
def run(ask: Ask) -> Callable[..., dict[str, Any]]:
    """Start a workflow, wait for its end and return the execution."""

    def run(deployment: str, workflow: str, **body: Any) -> dict[str, Any]:
        started = ask("POST", "/executions", json={"deployment_id": deployment, "workflow_id": workflow, **body})
        assert started.status_code == 201, started.text
        return wait_for_end(ask, started.json()["id"])

    return run


def wait_for_end(ask: Ask, execution_id: str, seconds: float = 60) -> dict[str, Any]:
    return wait_until(
        lambda: ask("GET", f"/executions/{execution_id}").json(), lambda found: found["status"] in ENDED, seconds
    )


def wait_until(read: Callable[[], Any], is_done: Callable[[Any], bool], seconds: float = 60) -> Any:
    limit = time.monotonic() + seconds
    while not is_done(found := read()):
        assert time.monotonic() < limit, f"it stays {found}"
        time.sleep(0.02)
    return found

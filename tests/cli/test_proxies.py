"""Proxies that the environment names: used for other machines, never for this one."""

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import cfy_cli.manager.engine
from cfy_cli.client.http import Http
from cfy_cli.contract.connection import Connection

UNREACHABLE = "http://127.0.0.1:9"
VERSION = {"version": "7.0.5"}


class VersionServer(BaseHTTPRequestHandler):
    paths: list[str] = []

    def do_GET(self) -> None:
        self.paths.append(self.path)
        body = json.dumps(VERSION).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    VersionServer.paths.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), VersionServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def no_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def get_version(url: str) -> object:
    return Http(Connection((url,))).request("GET", "version")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_manager_on_loopback_is_reached_without_proxy(port: int, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", UNREACHABLE)
    monkeypatch.setenv("all_proxy", UNREACHABLE)
    assert get_version(f"http://{host}:{port}") == VERSION


def test_manager_elsewhere_is_reached_through_the_proxy(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    assert get_version("http://manager.invalid") == VERSION
    assert VersionServer.paths == ["http://manager.invalid/api/v3.1/version"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_operations_reach_the_manager_without_proxy(port: int, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(cfy_cli.manager.engine.__file__).parent / "python"))
    monkeypatch.setenv("http_proxy", UNREACHABLE)
    from cloudify_rest_client.client import CloudifyClient

    try:
        client = CloudifyClient(host=host, port=port, protocol="http")
        assert client.manager.get_version() == VERSION
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] in ("cloudify", "cloudify_rest_client")]:
            del sys.modules[name]

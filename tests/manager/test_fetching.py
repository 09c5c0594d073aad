"""What the manager fetches because a blueprint names it: from where, with which credentials, and what it tells."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cfy_cli.manager.services.context import AppContext
from tests.conftest import Ask
from tests.manager.conftest import HELLO, Upload

pytestmark = pytest.mark.sqlite

SECRET = "TOP-SECRET-KEY"
FILES = {"/types.yaml": b"", "/broken.yaml": f"{SECRET}: [\n".encode(), "/secret.yaml": f"{SECRET}: {{}}\n".encode()}
Requests = list[tuple[str, dict[str, str]]]


@contextmanager
def listening(redirect: str = "") -> Iterator[tuple[str, Requests]]:
    """Run a web server with FILES, or one that redirects; yield its address and the requests it got."""
    requests: Requests = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(302 if redirect else 200)
            if redirect:
                self.send_header("Location", redirect)
            self.end_headers()
            self.wfile.write(FILES.get(self.path, b""))

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def fetch(ask: Ask, upload: Upload) -> Any:
    """Upload a blueprint that imports a URL; return the state and the error of the blueprint."""

    def fetch(url: str) -> tuple[str, str]:
        upload("b", HELLO.replace("imports: [", f"imports: ['{url}', "))
        blueprint = ask("GET", "/blueprints/b").json()
        return blueprint["state"], blueprint["error"] or ""

    return fetch


def set_settings(app: AppContext, **changed: object) -> None:
    for name, value in changed.items():
        object.__setattr__(app.settings, name, value)


def test_credentials_of_the_owner_are_not_sent(fetch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login owner password netrc-password\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with listening() as (proxy, proxied), listening() as (address, requests):
        monkeypatch.setenv("HTTP_PROXY", proxy.replace("://", "://owner:proxy-password@"))
        monkeypatch.setenv("http_proxy", proxy.replace("://", "://owner:proxy-password@"))
        assert fetch(f"{address}/types.yaml") == ("uploaded", "")
        assert proxied == []
        [(_, headers)] = requests
        assert not {"authorization", "proxy-authorization", "cookie"} & set(headers)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x"])
def test_redirect_to_another_scheme_is_refused(target: str, fetch: Any) -> None:
    with listening(redirect=target) as (address, _):
        state, error = fetch(f"{address}/x")
    assert (state, "redirects to another scheme" in error) == ("invalid", True), error


def test_redirects_without_end_are_refused(fetch: Any) -> None:
    with listening(redirect="/again") as (address, requests):
        state, error = fetch(f"{address}/x")
    assert (state, "redirects more than 5 times" in error, len(requests)) == ("invalid", True, 5), error


def test_redirect_to_a_refused_address_is_refused(fetch: Any) -> None:
    with listening(redirect="http://169.254.169.254/latest/meta-data/") as (address, _):
        state, error = fetch(f"{address}/x")
    assert (state, "never fetched from" in error) == ("invalid", True), error


def test_own_address_of_the_manager_is_refused(fetch: Any, app: AppContext) -> None:
    with listening() as (address, requests):
        set_settings(app, port=int(address.rpartition(":")[2]))
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
            state, error = fetch(address.replace("127.0.0.1", host) + "/types.yaml")
            assert (state, "is the manager itself" in error) == ("invalid", True), error
    assert requests == []


ALWAYS = ["169.254.169.254", "169.254.1.1", "fe80::1", "100.100.100.200", "0.0.0.0", "224.0.0.1", "fd00:ec2::254",
          "::ffff:169.254.169.254", "2002:a9fe:a9fe::"]  # fmt: skip
PRIVATE = ["10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1", "::1", "fd00::1", "100.64.0.1", "::ffff:10.0.0.1"]


def answer_names(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Let names of the domain `test` resolve to the next answer each time; return the names that were asked for."""
    asked, original = [], socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        if not str(host).endswith(".test"):
            return original(host, port, *arguments, **options)
        asked.append(host)
        return original(answers[min(len(asked), len(answers)) - 1], port, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("address", ALWAYS)
def test_addresses_of_the_cloud_are_always_refused(
    address: str, fetch: Any, app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_names(monkeypatch, address)
    set_settings(app, fetch_from=("0.0.0.0/0", "::/0"))
    state, error = fetch("http://harmless.test/x")
    assert (state, "never fetched from" in error) == ("invalid", True), error


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused_for_others(
    address: str, fetch: Any, app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_names(monkeypatch, address)
    set_settings(app, host="0.0.0.0")
    state, error = fetch("http://inside.test/x")
    assert (state, "is not a public address" in error) == ("invalid", True), error


def test_private_address_of_an_allowed_network_is_fetched(fetch: Any, app: AppContext) -> None:
    set_settings(app, host="0.0.0.0", fetch_from=("127.0.0.0/8",))
    with listening() as (address, _):
        assert fetch(f"{address}/types.yaml") == ("uploaded", "")


def test_name_that_changes_its_address_is_resolved_once(fetch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer_names(monkeypatch, "127.0.0.1", "169.254.169.254")
    with listening() as (address, requests):
        assert fetch(address.replace("127.0.0.1", "changing.test") + "/types.yaml") == ("uploaded", "")
    assert (len(asked), len(requests)) == (1, 1)


@pytest.mark.parametrize("name", ["broken", "secret"])
def test_error_about_private_content_has_none_of_it(name: str, fetch: Any) -> None:
    with listening() as (address, _):
        state, error = fetch(f"{address}/{name}.yaml")
    assert (state, f"{address}/{name}.yaml" in error) == ("invalid", True), error
    assert SECRET not in error

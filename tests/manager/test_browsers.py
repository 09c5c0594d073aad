"""What pages of other sites can do with a manager through the browser of one of its users: nothing."""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from cfy_cli.manager.rest.browsers import HEADERS, ServedNames
from cfy_cli.manager.server import permissions
from cfy_cli.manager.settings import ManagerSettings
from tests.conftest import PASSWORD, Ask

pytestmark = pytest.mark.sqlite

OTHER_PATHS = ("/docs", "/openapi.json", "/health", "/nothing", "/", "/web/style.css", "/web/session")
FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},  # another port of localhost
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    {"Origin": "http://evil.example"},
    {"Origin": "http://manager:8080"},
    {"Origin": "http://manager.evil.example"},
    {"Origin": "null"},
    {"Origin": "http://["},
]
OWN = [
    {},
    {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Origin": "http://manager"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://proxy.example"},  # the proxy changes Host
    {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
    {"Origin": "http://MANAGER"},
]


def every_request() -> Iterator[tuple[str, str]]:
    """Yield method and path of every operation, and of what lies beside the API."""
    for method, template, _ in permissions():
        yield method, "/api/v3.1" + re.sub(r"{.*?}", "x", template)
    yield from (("GET", path) for path in OTHER_PATHS)


def refused(session: requests.Session, status: int, headers: dict[str, str]) -> list[str]:
    """Return the operations that do not refuse requests with these headers with the status."""
    wrong = []
    for method, path in every_request():
        answer = session.request(method, f"http://manager{path}", auth=("admin", PASSWORD), headers=headers)
        if answer.status_code != status or not answer.json()["hint"]:
            wrong.append(f"{method} {path}: {answer.status_code}")
    return wrong


@pytest.mark.parametrize("headers", FOREIGN, ids=lambda headers: "-".join(headers.values()))
def test_foreign_page_can_request_nothing(session: requests.Session, headers: dict[str, str]):
    assert not refused(session, 403, headers)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8100", "manager.evil.example", "203.0.113.5", "[::2]:80", ""]
)
def test_request_to_another_host_is_refused(session: requests.Session, host: str):
    assert not refused(session, 421, {"Host": host})


@pytest.mark.parametrize("headers", OWN, ids=lambda headers: "-".join(headers.values()))
def test_own_page_and_other_clients_are_served(ask: Ask, session: requests.Session, headers: dict[str, str]):
    answer = session.put("http://manager/api/v3.1/sites/s", auth=("admin", PASSWORD), json={}, headers=headers)
    assert answer.status_code == 200
    assert ask("GET", "/sites/s").ok


def test_link_of_another_site_can_be_followed(session: requests.Session):
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert session.get("http://manager/docs", headers=link).status_code == 200
    posted = session.post("http://manager/api/v3.1/tenants/t", auth=("admin", PASSWORD), headers=link)
    assert posted.status_code == 403


@pytest.mark.parametrize(
    "options",
    [
        {"data": {"name": "x"}},
        {"data": b"PK", "headers": {"Content-Type": "text/plain"}},
        {"files": {"plugin_archive": b"PK"}},
        {},
    ],
    ids=["form", "text", "multipart", "empty"],
)
def test_form_of_another_site_changes_nothing(ask: Ask, session: requests.Session, options: dict[str, dict[str, str]]):
    headers = {"Origin": "http://evil.example", **options.pop("headers", {})}
    for path in ("/plugins", "/tenants/t", "/users/unlock/admin"):
        url = f"http://manager/api/v3.1{path}"
        assert session.post(url, auth=("admin", PASSWORD), headers=headers, **options).status_code == 403  # type: ignore[arg-type]
    assert ask("GET", "/tenants/t").status_code == 404


def test_browser_is_not_asked_for_a_password(session: requests.Session):
    url = "http://manager/api/v3.1/status"
    browser = session.get(url, headers={"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"})
    assert (browser.status_code, browser.headers.get("WWW-Authenticate")) == (401, None)
    assert session.get(url).headers["WWW-Authenticate"].startswith("Basic")


def test_every_answer_has_the_headers_for_browsers(session: requests.Session):
    """Answers of the API are checked by the client of all tests."""
    for path in OTHER_PATHS:
        assert {name.decode() for name, _ in HEADERS} <= {
            name.lower() for name in session.get(f"http://manager{path}").headers
        }


@pytest.mark.parametrize("path", ["/sites/", "/sites/s/", "/blueprints/?_size=1"])
def test_path_with_a_slash_at_its_end_is_served(ask: Ask, path: str):
    ask("PUT", "/sites/s/", json={})
    answer = ask("GET", path, allow_redirects=False)
    assert answer.status_code == 200
    assert "Location" not in answer.headers


def test_documentation_runs_only_its_own_script(session: requests.Session):
    page = session.get("http://manager/docs")
    policy = page.headers["Content-Security-Policy"]
    elements = re.findall(r"<(?:script|style)>(.*?)</(?:script|style)>", page.text, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in elements]
    assert re.findall(r"'sha256-(.*?)'", policy) == list(reversed(hashes))
    assert "unsafe" not in policy
    assert not re.findall(r"\son\w+=|\sstyle=|src=", page.text)


LOCAL = ManagerSettings(Path("data"), server_names=("Cfy.Example.", "10.0.0.9"))
PUBLIC = replace(LOCAL, host="0.0.0.0")


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST:8100", "localhost.:8100", "app.localhost", "127.0.0.1", "127.0.0.1:80", "127.9.9.9",
        "[::1]:8100", "[::1]", "cfy.example", "cfy.EXAMPLE:443", "10.0.0.9:8100",
    ],
)  # fmt: skip
def test_name_of_the_manager_is_served(host: str):
    assert ServedNames(LOCAL).have(host)
    assert ServedNames(PUBLIC).have(host)


@pytest.mark.parametrize(
    "host", ["", ":", "evil.example", "localhost.evil.example", "evil.example:127", "127.0.0.1.evil.example", "[evil]"]
)
def test_name_of_another_site_is_not_served(host: str):
    assert not ServedNames(LOCAL).have(host)
    assert not ServedNames(PUBLIC).have(host)


@pytest.mark.parametrize("host", ["10.1.2.3", "192.168.1.5:8100", "[2001:db8::1]:8100", "0.0.0.0:8100"])
def test_address_is_served_where_others_can_connect(host: str):
    assert ServedNames(PUBLIC).have(host)
    assert not ServedNames(LOCAL).have(host)


def test_name_of_the_machine_is_served_where_others_can_connect(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("socket.gethostname", lambda: "box.lan")
    monkeypatch.setattr("socket.getfqdn", lambda: "box.example")
    assert all(ServedNames(PUBLIC).have(name) for name in ("box", "box.lan:8100", "box.example"))
    assert not ServedNames(LOCAL).have("box.lan")


def test_answer_to_a_failure_has_the_headers(session: requests.Session, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("cfy_cli.manager.store.store.Store.list", fail)
    answer = session.get("http://manager/api/v3.1/sites", auth=("admin", PASSWORD))
    assert answer.status_code == 500
    assert {name.decode() for name, _ in HEADERS} | {"x-request-id"} <= {name.lower() for name in answer.headers}

"""Sessions of browsers: who gets one, what it is good for, and when it ends."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
import requests

from cfy_cli.manager.rest import web
from cfy_cli.manager.services.identity import web_sessions
from tests.conftest import PASSWORD, Ask

SESSION = "http://manager/web/session"
PLAIN = {"Accept-Encoding": "identity"}
SITE = "http://manager/api/v3.1/sites/tlv"


class Browser:
    """A client that sends the cookie of its session, and the CSRF token."""

    def __init__(self, session: requests.Session) -> None:
        self._session, self.cookie = session, ""
        self.csrf: str | bytes | None = None

    def log_in(self, **credential: str) -> requests.Response:
        answer = self._session.post(SESSION, json=credential)
        if answer.ok:
            self.cookie = SimpleCookie(answer.headers["Set-Cookie"])["cfy_session"].value
            self.csrf = str(answer.json()["csrf_token"])
        return answer

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        headers = {"Cookie": f"other=1; cfy_session={self.cookie}", "X-CSRF-Token": self.csrf}
        return self._session.request(method, url, headers=headers, **options)

    def get(self, url: str, **options: Any) -> requests.Response:
        return self.request("GET", url, **options)


NewBrowser = Callable[[], Browser]


@pytest.fixture
def new_browser(session: requests.Session) -> NewBrowser:
    return lambda: Browser(session)


def logged_in(new_browser: NewBrowser, username: str = "admin", password: str = PASSWORD) -> Browser:
    browser = new_browser()
    assert browser.log_in(username=username, password=password).status_code == 200
    return browser


def make_link(ask: Ask, session: requests.Session, **login: str) -> str:
    answer = session.post(
        "http://manager/web/links", auth=(login.get("user", "admin"), login.get("password", PASSWORD))
    )
    return str(answer.json()["code"])


def test_session_does_what_its_user_may(new_browser: NewBrowser, ask: Ask):
    ask("PUT", "/users", json={"username": "vera", "password": "vera-of-tests"})
    ask("PUT", "/tenants/users", json={"username": "vera", "tenant_name": "default_tenant", "role": "viewer"})
    browser = logged_in(new_browser, "vera", "vera-of-tests")
    about = browser.get(SESSION).json()
    assert (about["username"], about["tenant"]) == ("vera", "default_tenant")
    assert "deployment_list" in about["permissions"]
    assert "execution_start" not in about["permissions"]
    assert browser.request("PUT", SITE, json={}).status_code == 403
    assert "site_create" in browser.request("PUT", SITE, json={}).json()["message"]
    assert logged_in(new_browser).request("PUT", SITE, json={}).status_code == 200


@pytest.mark.sqlite
def test_cookie_is_for_this_manager_alone(session: requests.Session):
    given = {"username": "admin", "password": PASSWORD}
    cookie = SimpleCookie(session.post(SESSION, json=given).headers["Set-Cookie"])["cfy_session"]
    assert (cookie["httponly"], cookie["samesite"].lower(), cookie["path"]) == (True, "strict", "/")
    assert (cookie["secure"], cookie["domain"], cookie["max-age"]) == ("", "", "43200")
    secure = session.post(SESSION, json=given, headers={"Origin": "https://proxy", "Sec-Fetch-Site": "same-origin"})
    assert SimpleCookie(secure.headers["Set-Cookie"])["cfy_session"]["secure"]


@pytest.mark.sqlite
def test_cookies_of_two_ports_do_not_meet(session: requests.Session):
    given = {"username": "admin", "password": PASSWORD}
    hosts = ("manager", "manager:8100", "[::1]:8101")
    set_by = {host: session.post(SESSION, json=given, headers={"Host": host}).headers["Set-Cookie"] for host in hosts}
    names = [next(iter(SimpleCookie(cookie))) for cookie in set_by.values()]
    assert names == ["cfy_session", "cfy_session_8100", "cfy_session_8101"]
    cookie = set_by["manager:8100"].partition(";")[0]
    for host, status in (("manager:8100", 200), ("manager", 401), ("[::1]:8101", 401)):
        assert session.get(SESSION, headers={"Host": host, "Cookie": cookie}).status_code == status


@pytest.mark.sqlite
@pytest.mark.parametrize("token", [None, "", "x" * 64, "\u00e9"])
def test_cookie_without_its_csrf_token_changes_nothing(new_browser: NewBrowser, ask: Ask, token: str | None):
    browser = logged_in(new_browser)
    browser.csrf = token and token.encode()
    for method, url in (("PUT", SITE), ("DELETE", SESSION), ("POST", "http://manager/web/links")):
        answer = browser.request(method, url)
        assert (answer.status_code, "X-CSRF-Token" in answer.json()["message"]) == (403, True)
    assert browser.get("http://manager/api/v3.1/sites").status_code == 200
    assert ask("GET", "/sites/tlv").status_code == 404


@pytest.mark.sqlite
def test_csrf_token_of_another_session_is_refused(new_browser: NewBrowser):
    one, other = logged_in(new_browser), logged_in(new_browser)
    one.csrf = other.csrf
    assert one.request("PUT", SITE, json={}).status_code == 403


@pytest.mark.sqlite
def test_header_with_a_password_counts_before_the_cookie(new_browser: NewBrowser):
    browser = logged_in(new_browser)
    browser.csrf = None
    assert browser.request("PUT", SITE, json={}, auth=("admin", PASSWORD)).status_code == 200
    assert browser.get(SITE, auth=("admin", "wrong")).status_code == 401
    assert browser.get(SESSION, auth=("admin", PASSWORD)).status_code == 401


def test_session_that_is_logged_out_has_ended(new_browser: NewBrowser, ask: Ask):
    browser = logged_in(new_browser)
    assert ask("GET", "/tokens").json()["items"][0]["description"] == "Session of the web page"
    ended = browser.request("DELETE", SESSION)
    assert (ended.status_code, SimpleCookie(ended.headers["Set-Cookie"])["cfy_session"]["max-age"]) == (204, "0")
    assert browser.get(SITE).status_code == 401
    assert not ask("GET", "/tokens").json()["items"]


@pytest.mark.sqlite
def test_new_password_ends_sessions_and_links(new_browser: NewBrowser, ask: Ask, session: requests.Session):
    browser, code = logged_in(new_browser), make_link(ask, session)
    assert ask("POST", "/users/admin", json={"password": "another-of-tests"}).ok
    assert browser.get(SESSION).status_code == 401
    assert new_browser().log_in(code=code).status_code == 401


@pytest.mark.sqlite
def test_session_ends_at_its_time(new_browser: NewBrowser, monkeypatch: pytest.MonkeyPatch):
    browser = logged_in(new_browser)
    monkeypatch.setattr("cfy_cli.manager.services.identity.credentials.now", lambda: "9999-01-01T00:00:00.000Z")
    assert browser.get(SESSION).status_code == 401


def test_link_is_good_for_one_login(new_browser: NewBrowser, ask: Ask, session: requests.Session):
    code = make_link(ask, session)
    browsers = [new_browser() for _ in range(4)]
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda each: each.log_in(code=code), browsers))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    refused = next(answer.json() for answer in answers if answer.status_code == 401)
    assert "cfy manager open" in refused["hint"]
    (browser,) = [each for each in browsers if each.cookie]
    assert browser.get(SESSION).json()["username"] == "admin"


@pytest.mark.sqlite
def test_link_that_has_expired_is_refused(
    new_browser: NewBrowser, ask: Ask, session: requests.Session, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(web_sessions, "LINK_LIFETIME", 0)
    code = make_link(ask, session)
    assert new_browser().log_in(code=code).status_code == 401
    assert session.get(SITE, headers={"Authentication-Token": code}).status_code == 401


@pytest.mark.sqlite
def test_session_of_a_token_ends_with_it(new_browser: NewBrowser, ask: Ask, session: requests.Session):
    token = ask("POST", "/tokens", json={"expiration_date": "+1h"}).json()
    code = session.post("http://manager/web/links", headers={"Authentication-Token": token["value"]}).json()["code"]
    browser = new_browser()
    assert browser.log_in(code=code).json()["expires_at"] <= token["expiration_date"]
    assert browser.get(SESSION).status_code == 200
    ask("DELETE", f"/tokens/{token['id']}")
    assert browser.get(SESSION).status_code == 401


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"username": "admin"}, 400),
        ({"username": "admin", "password": "wrong"}, 401),
        ({"username": "nobody\0", "password": "\ud800"}, 400),
        ({"username": "admin", "password": PASSWORD, "tenant": "x"}, 400),
        ({"code": "x.y"}, 401),
        ({"code": ["x"]}, 400),
        ([], 400),
        ({"username": "x" * 9000, "password": ""}, 413),
    ],
)
def test_wrong_login_is_refused_with_a_sentence(session: requests.Session, body: object, status: int):
    answer = session.post(SESSION, json=body)
    assert (answer.status_code, bool(answer.json()["message"])) == (status, True)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.sqlite
def test_wrong_passwords_are_counted_as_elsewhere(session: requests.Session, ask: Ask):
    for _ in range(6):
        answer = session.post(SESSION, json={"username": "admin", "password": "wrong"})
    assert "wait" in answer.json()["message"]
    assert answer.headers["Retry-After"]


@pytest.mark.sqlite
def test_root_is_a_page_for_browsers_alone(session: requests.Session):
    plain = session.get("http://manager/", headers={"Accept": "*/*"})
    assert (plain.status_code, plain.json()["error_code"]) == (404, "not_found_error")
    page = session.get("http://manager/", headers={"Accept": "text/html,*/*;q=0.8", **PLAIN})
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<script" in page.text


@pytest.mark.sqlite
def test_files_of_the_page_run_nothing_inline(session: requests.Session):
    for path in web.load_files():
        answer = session.get(f"http://manager/web/{path}", headers=PLAIN)
        assert answer.headers["Content-Security-Policy"] == web.POLICY
        again = session.get(f"http://manager/web/{path}", headers={"If-None-Match": answer.headers["ETag"]})
        assert (answer.status_code, again.status_code, again.content) == (200, 304, b"")
        text = answer.text
        assert "innerHTML" not in text
        assert "<style" not in text
        assert not [word for word in ("onclick=", "onload=", "javascript:", "eval(", "style=") if word in text]
    assert "unsafe" not in web.POLICY


@pytest.mark.sqlite
@pytest.mark.parametrize("path", ["../rest/web.py", "..%2fserver.py", "/etc/passwd", "nothing.js", "", "screens"])
def test_nothing_but_files_of_the_page_is_served(session: requests.Session, path: str):
    assert session.get(f"http://manager/web/{path}").status_code == 404


def test_every_file_of_the_page_is_in_the_package():
    names = {path.name for path in Path(web.FOLDER).rglob("*") if path.is_file()}
    assert {"index.html", "style.css", "main.js", "api.js"} <= names
    assert not [name for name in names if Path(name).suffix not in web.MEDIA_TYPES]


def test_first_modules_are_loaded_at_once():
    """So the browser need not read one module to find out which others it needs."""
    files = {path: file.content.decode() for path, file in web.load_files().items()}
    needed = {"main.js"}
    while found := {name for path in needed for name in re.findall(r'from "\./(.*?)"', files[path])} - needed:
        needed |= found
    assert needed - {"main.js"} == set(re.findall(r'modulepreload" href="/web/(.*?)"', files["index.html"]))

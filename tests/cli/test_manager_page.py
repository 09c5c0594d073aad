"""`cfy manager open`: a link that logs in once, and is seen by nobody else."""

import json
import re
import stat
from pathlib import Path

import pytest
import requests

from tests.conftest import Cfy

SESSION = "http://manager/web/session"


def test_printed_link_logs_its_user_in_once(cfy: Cfy, session: requests.Session):
    cfy("users create ann -p anns-password")
    link = cfy("manager open --print", user="ann", password="anns-password").strip()
    address, _, code = link.partition("/#login=")
    answers = [session.post(SESSION, json={"code": code}) for _ in range(2)]
    assert (address, [answer.status_code for answer in answers]) == ("http://manager", [200, 401])
    assert answers[0].json()["username"] == "ann"
    assert json.loads(cfy("manager open --print --json"))["url"].startswith("http://manager/#login=")


def test_link_is_opened_without_being_an_argument(cfy: Cfy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    (tmp_path / ".cloudify").mkdir()
    assert cfy("manager open").strip() == "http://manager opened in the browser"
    (page,) = tmp_path.rglob("open.html")
    assert opened == [page.as_uri()]
    assert re.search(r'url=http://manager/#login=[\w.-]+"', page.read_text())
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_page_without_a_browser_is_an_error_with_a_hint(cfy: Cfy, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("webbrowser.open", lambda url: False)
    cfy("manager open", code=1)
    assert "No browser" in cfy.errors
    assert "cfy manager open --print" in cfy.errors

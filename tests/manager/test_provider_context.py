"""The provider context: one for the whole manager, which everybody reads and administrators write."""

from typing import Any

import pytest

from tests.conftest import Ask

PATH = "/provider/context"
FIRST: dict[str, Any] = {"name": "cloud", "context": {"cloudify": {"workflows": {"retries": 1}}, "sizes": [1, None]}}
SECOND: dict[str, Any] = {"name": "cloud", "context": {}}


def test_context_is_created_once_and_replaced_on_request(ask: Ask):
    ask("POST", "/tenants/red")
    assert ask("GET", PATH).status_code == 404
    assert ask("POST", f"{PATH}?update=true", json=FIRST).status_code == 404
    created = ask("POST", PATH, json=FIRST)
    assert (created.status_code, created.json()) == (201, {"status": "ok"})
    again = ask("POST", PATH, json=SECOND)
    assert again.status_code == 409
    assert "update=true" in again.json()["hint"]
    assert ask("GET", PATH, tenant="red").json() == FIRST
    assert ask("GET", f"{PATH}?_include=name").json() == {"name": "cloud"}
    assert ask("POST", f"{PATH}?update=yes", json=SECOND, tenant="red").status_code == 200
    assert ask("GET", PATH).json() == SECOND
    assert [each["name"] for each in ask("GET", "/config").json()["items"]].count("context") == 0


def test_only_administrators_write_what_everybody_reads(ask: Ask):
    login: dict[str, str] = {"user": "mia", "password": "password-of-mia"}
    ask("PUT", "/users", json={"username": "mia", "password": "password-of-mia"})
    ask("PUT", "/tenants/users", json={"username": "mia", "tenant_name": "default_tenant", "role": "manager"})
    assert ask("POST", PATH, json=FIRST, **login).status_code == 403
    ask("POST", PATH, json=FIRST)
    assert ask("POST", f"{PATH}?update=true", json=SECOND, **login).status_code == 403
    assert ask("GET", PATH, **login).json() == FIRST
    ask("PUT", "/permissions/manager/provider_context_create")
    assert ask("POST", f"{PATH}?update=true", json=SECOND, **login).status_code == 200


@pytest.mark.parametrize("body", [
    {}, {"name": "cloud"}, {"context": {}}, {"name": "", "context": {}}, {"name": 1, "context": {}},
    {"name": "cloud", "context": []}, {"name": "cloud", "context": None}, {"name": "x" * 300, "context": {}},
    {"name": "cloud", "context": {}, "more": 1},
])  # fmt: skip
def test_context_of_another_form_is_refused_whole(ask: Ask, body: dict[str, Any]):
    answer = ask("POST", PATH, json=body)
    assert answer.status_code == 400, answer.text
    assert ask("GET", PATH).status_code == 404

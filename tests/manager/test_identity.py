"""Authentication with passwords and tokens, and the accounts that cannot be removed."""

from datetime import UTC, datetime, timedelta

import pytest

from cfy_cli.contract.timestamps import parse_timestamp
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity import passwords
from cfy_cli.manager.store.models import Token
from tests.conftest import PASSWORD, Ask


def test_request_without_credentials_is_unauthorized(session):
    answer = session.get("http://manager/api/v3.1/sites")
    assert (answer.status_code, answer.json()["error_code"]) == (401, "unauthorized_error")
    assert answer.json()["message"] == "User unauthorized: No authentication info provided"


def test_changed_password_replaces_the_old_one_at_once(ask: Ask):
    ask("PUT", "/users", json={"username": "ann", "password": "first-password", "role": "sys_admin"})
    assert ask("GET", "/sites", user="ann", password="first-password").status_code == 200
    ask("POST", "/users/ann", json={"password": "second-password"})
    assert ask("GET", "/sites", user="ann", password="first-password").status_code == 401
    assert ask("GET", "/sites", user="ann", password="second-password").status_code == 200


def test_account_is_locked_after_failures_until_unlocked(ask: Ask):
    ask("PUT", "/users", json={"username": "ann", "password": "right-password", "role": "sys_admin"})
    for _ in range(5):
        assert ask("GET", "/sites", user="ann", password="wrong-password").status_code == 401
    assert ask("GET", "/sites", user="ann", password="right-password").status_code == 401
    assert ask("GET", "/users/ann").json()["is_locked"]
    assert ask("POST", "/users/unlock/ann").status_code == 200
    assert ask("GET", "/sites", user="ann", password="right-password").status_code == 200


def test_password_changed_while_it_is_verified_is_not_cached(ask: Ask, monkeypatch: pytest.MonkeyPatch):
    ask("PUT", "/users", json={"username": "ann", "password": "first-password", "role": "sys_admin"})
    matches, during = passwords.matches, [{"password": "second-password"}]

    def change_password_meanwhile(stored: str, password: str) -> bool:
        is_correct = matches(stored, password)
        if password == "first-password" and during:
            assert ask("POST", "/users/ann", json=during.pop()).status_code == 200
        return is_correct

    monkeypatch.setattr(passwords, "matches", change_password_meanwhile)
    ask("GET", "/sites", user="ann", password="first-password")
    assert ask("GET", "/sites", user="ann", password="first-password").status_code == 401


def test_token_authenticates_until_it_is_deleted(ask: Ask, session):
    token = ask("POST", "/tokens", json={"description": "ci"}).json()
    by_token = {"Authentication-Token": token["value"]}
    assert session.get("http://manager/api/v3.1/sites", headers=by_token).status_code == 200
    assert token["value"] not in ask("GET", "/tokens").text
    ask("DELETE", f"/tokens/{token['id']}")
    assert session.get("http://manager/api/v3.1/sites", headers=by_token).status_code == 401


def test_token_list_has_a_signed_token_of_the_user(ask: Ask, session):
    answer = ask("GET", "/tokens").json()
    assert answer["role"] == "admin"
    assert (
        session.get("http://manager/api/v3.1/sites", headers={"Authentication-Token": answer["value"]}).status_code
        == 200
    )
    forged = answer["value"][:-2] + "AA"
    assert session.get("http://manager/api/v3.1/sites", headers={"Authentication-Token": forged}).status_code == 401


def test_token_that_expires_in_the_past_is_refused(ask: Ask):
    answer = ask("POST", "/tokens", json={"expiration_date": "2001-01-01T00:00:00Z"})
    assert answer.status_code == 400
    assert "past" in answer.json()["message"]


def test_removed_member_loses_access_at_once(ask: Ask):
    ask("PUT", "/users", json={"username": "bob", "password": "bobs-password"})
    ask("POST", "/tenants/red")
    ask("PUT", "/tenants/users", json={"username": "bob", "tenant_name": "red", "role": "viewer"})
    assert ask("GET", "/sites", user="bob", password="bobs-password", tenant="red").status_code == 200
    ask("DELETE", "/tenants/users", json={"username": "bob", "tenant_name": "red"})
    assert ask("GET", "/sites", user="bob", password="bobs-password", tenant="red").status_code == 403


def test_passwords_are_never_stored_or_answered(app, ask: Ask):
    ask("PUT", "/users", json={"username": "ann", "password": "canary-password"})
    assert "canary" not in ask("GET", "/users").text
    from sqlalchemy import text

    with app.database.read() as session:
        assert "canary" not in str(session.execute(text("SELECT * FROM users")).all())
    assert PASSWORD not in ask("GET", "/users/admin?_get_data=true").text


def test_first_administrator_cannot_be_removed(ask: Ask):
    assert ask("DELETE", "/users/admin").status_code == 409
    assert ask("POST", "/users/admin", json={"role": "default"}).status_code == 409
    assert ask("POST", "/users/active/admin", json={"action": "deactivate"}).status_code == 409


def test_expired_tokens_are_deleted_with_the_next_one(ask: Ask, app: AppContext):
    old, fresh = (ask("POST", "/tokens", json={"description": name}).json()["id"] for name in ("old", "fresh"))
    with app.database.write() as session:
        session.query(Token).filter_by(id=old).update({"expiration_date": "2001-01-01T00:00:00.000Z"})
        session.query(Token).filter_by(id=fresh).update({"expiration_date": "2999-01-01T00:00:00.000Z"})
    another = ask("POST", "/tokens", json={}).json()["id"]
    assert {token["id"] for token in ask("GET", "/tokens").json()["items"]} == {fresh, another}


@pytest.mark.parametrize(
    ("text", "days"), [("+1d", 1), ("+30", 30), ("+2W", 14), ("+48h", 2), ("+2 weeks", 14), ("2 days ago", None)]
)
def test_token_expires_after_a_duration(ask: Ask, text: str, days: int | None):
    answer = ask("POST", "/tokens", json={"expiration_date": text})
    if days is None:
        assert answer.status_code == 400
        return
    expected = datetime.now(UTC) + timedelta(days=days)
    assert abs(parse_timestamp(answer.json()["expiration_date"]) - expected) < timedelta(minutes=1)


@pytest.mark.parametrize("text", ["+1x", "soon", "+99999999y", "5 days"])
def test_token_with_an_invalid_expiration_is_refused(ask: Ask, text: str):
    answer = ask("POST", "/tokens", json={"expiration_date": text})
    assert (answer.status_code, answer.json()["message"].startswith(f"`{text}` is not a time")) == (400, True)

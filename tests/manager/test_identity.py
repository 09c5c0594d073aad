"""Who may come in, and what they are told when they may not."""

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import Token
from tests.conftest import PASSWORD, Ask


def test_nobody_comes_in_without_a_name(session):
    answer = session.get("http://manager/api/v3.1/sites")
    assert (answer.status_code, answer.json()["error_code"]) == (401, "unauthorized_error")
    assert answer.json()["message"] == "User unauthorized: No authentication info provided"


def test_a_changed_password_works_at_once_and_the_old_one_no_more(ask: Ask):
    ask("PUT", "/users", json={"username": "ann", "password": "first-password", "role": "sys_admin"})
    assert ask("GET", "/sites", user="ann", password="first-password").status_code == 200
    ask("POST", "/users/ann", json={"password": "second-password"})
    assert ask("GET", "/sites", user="ann", password="first-password").status_code == 401
    assert ask("GET", "/sites", user="ann", password="second-password").status_code == 200


def test_an_account_locks_after_failures_and_an_administrator_unlocks_it(ask: Ask):
    ask("PUT", "/users", json={"username": "ann", "password": "right-password", "role": "sys_admin"})
    for _ in range(5):
        assert ask("GET", "/sites", user="ann", password="wrong-password").status_code == 401
    assert ask("GET", "/sites", user="ann", password="right-password").status_code == 401
    assert ask("GET", "/users/ann").json()["is_locked"]
    assert ask("POST", "/users/unlock/ann").status_code == 200
    assert ask("GET", "/sites", user="ann", password="right-password").status_code == 200


def test_a_token_stands_for_its_user_until_it_is_deleted(ask: Ask, session):
    token = ask("POST", "/tokens", json={"description": "ci"}).json()
    by_token = {"Authentication-Token": token["value"]}
    assert session.get("http://manager/api/v3.1/sites", headers=by_token).status_code == 200
    assert token["value"] not in ask("GET", "/tokens").text
    ask("DELETE", f"/tokens/{token['id']}")
    assert session.get("http://manager/api/v3.1/sites", headers=by_token).status_code == 401


def test_the_list_of_tokens_carries_a_short_lived_value_of_the_caller(ask: Ask, session):
    answer = ask("GET", "/tokens").json()
    assert answer["role"] == "sys_admin"
    assert (
        session.get("http://manager/api/v3.1/sites", headers={"Authentication-Token": answer["value"]}).status_code
        == 200
    )
    forged = answer["value"][:-2] + "AA"
    assert session.get("http://manager/api/v3.1/sites", headers={"Authentication-Token": forged}).status_code == 401


def test_an_expired_token_is_refused_when_it_is_made(ask: Ask):
    answer = ask("POST", "/tokens", json={"expiration_date": "2001-01-01T00:00:00Z"})
    assert answer.status_code == 400
    assert "past" in answer.json()["message"]


def test_a_removed_member_is_out_at_once(ask: Ask):
    ask("PUT", "/users", json={"username": "bob", "password": "bobs-password"})
    ask("POST", "/tenants/red")
    ask("PUT", "/tenants/users", json={"username": "bob", "tenant_name": "red", "role": "viewer"})
    assert ask("GET", "/sites", user="bob", password="bobs-password", tenant="red").status_code == 200
    ask("DELETE", "/tenants/users", json={"username": "bob", "tenant_name": "red"})
    assert ask("GET", "/sites", user="bob", password="bobs-password", tenant="red").status_code == 403


def test_passwords_are_never_stored_or_shown(app, ask: Ask):
    ask("PUT", "/users", json={"username": "ann", "password": "canary-password"})
    assert "canary" not in ask("GET", "/users").text
    from sqlalchemy import text

    with app.database.read() as session:
        assert "canary" not in str(session.execute(text("SELECT * FROM users")).all())
    assert PASSWORD not in ask("GET", "/users/admin?_get_data=true").text


def test_the_first_administrator_cannot_be_lost(ask: Ask):
    assert ask("DELETE", "/users/admin").status_code == 409
    assert ask("POST", "/users/admin", json={"role": "default"}).status_code == 409
    assert ask("POST", "/users/active/admin", json={"action": "deactivate"}).status_code == 409


def test_expired_tokens_go_when_another_is_made(ask: Ask, app: AppContext):
    old, fresh = (ask("POST", "/tokens", json={"description": name}).json()["id"] for name in ("old", "fresh"))
    with app.database.write() as session:
        session.query(Token).filter_by(id=old).update({"expiration_date": "2001-01-01T00:00:00.000Z"})
        session.query(Token).filter_by(id=fresh).update({"expiration_date": "2999-01-01T00:00:00.000Z"})
    another = ask("POST", "/tokens", json={}).json()["id"]
    assert {token["id"] for token in ask("GET", "/tokens").json()["items"]} == {fresh, another}

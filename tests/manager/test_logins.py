"""Ends of logins: each kind of credential, each event that ends it, in the process of the event and in another one."""

import dataclasses
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests

from cfy_cli.contract.limits import Limits
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.server import create_app
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity import client_addresses, passwords
from cfy_cli.manager.store.models import FailedLogins, Token
from tests.conftest import Ask
from tests.in_process import InProcess
from tests.manager.processes import start

ANN = "anns-password"
API = "http://manager/api/v3.1"


@pytest.fixture
def other(app: AppContext) -> Iterator[requests.Session]:
    """Another server process on the same database and data folder."""
    second = AppContext(app.settings)
    with requests.Session() as session:
        session.mount("http://", InProcess(create_app(second)))
        yield session
    second.close()


def by_token(value: str) -> dict[str, Any]:
    return {"headers": {"Authentication-Token": value, "Tenant": "red"}}


def signed(session: requests.Session, credential: dict[str, Any]) -> str:
    return str(session.get(f"{API}/tokens", **credential).json()["value"])


def by_password() -> dict[str, Any]:
    return {"auth": ("ann", ANN), "headers": {"Tenant": "red"}}


def stored_token(ask: Ask, **fields: str) -> str:
    answer = ask("POST", "/tokens", user="ann", password=ANN, json={"description": "t", **fields})
    return str(answer.json()["value"])


def credential_of(kind: str, ask: Ask, session: requests.Session) -> dict[str, Any]:
    if kind == "password":
        return by_password()
    if kind == "signed by password":
        return by_token(signed(session, by_password()))
    credential = by_token(stored_token(ask, expiration_date="+1d"))
    for _ in range({"stored": 0, "signed": 1, "signed by signed": 2}[kind]):
        credential = by_token(signed(session, credential))
    return credential


def revoke(ask: Ask, app: AppContext) -> None:
    for token in ask("GET", "/tokens").json()["items"]:
        assert ask("DELETE", f"/tokens/{token['id']}").ok


def expire(ask: Ask, app: AppContext) -> None:
    """Let the clock of the manager go on by two days."""


def change_password(ask: Ask, app: AppContext) -> None:
    assert ask("POST", "/users/ann", json={"password": "another-password"}).ok


def recreate(ask: Ask, app: AppContext) -> None:
    ask("DELETE", "/tenants/users", json={"username": "ann", "tenant_name": "red"})
    assert ask("DELETE", "/users/ann").ok
    assert ask("PUT", "/users", json={"username": "ann", "password": "another-password"}).ok
    ask("PUT", "/tenants/users", json={"username": "ann", "tenant_name": "red", "role": "user"})


def deactivate(ask: Ask, app: AppContext) -> None:
    assert ask("POST", "/users/active/ann", json={"action": "deactivate"}).ok


def lower_role(ask: Ask, app: AppContext) -> None:
    assert ask("PATCH", "/tenants/users", json={"username": "ann", "tenant_name": "red", "role": "viewer"}).ok


def remove(ask: Ask, app: AppContext) -> None:
    assert ask("DELETE", "/tenants/users", json={"username": "ann", "tenant_name": "red"}).ok


EVENTS = (revoke, expire, change_password, recreate, deactivate, lower_role, remove)
OF_TOKENS = (revoke, expire)  # events that end only what came from a stored token
KINDS = ("password", "signed by password", "stored", "signed", "signed by signed")
PAIRS = [(kind, event) for kind in KINDS for event in EVENTS if event not in OF_TOKENS or kind in KINDS[2:]]


@pytest.mark.parametrize(("kind", "event"), PAIRS)
def test_credential_ends_at_once_in_every_process(
    kind: str,
    event: Callable[[Ask, AppContext], None],
    ask: Ask,
    app: AppContext,
    session: requests.Session,
    other: requests.Session,
    monkeypatch: pytest.MonkeyPatch,
):
    ask("POST", "/tenants/red")
    ask("PUT", "/users", json={"username": "ann", "password": ANN})
    ask("PUT", "/tenants/users", json={"username": "ann", "tenant_name": "red", "role": "user"})
    credential = credential_of(kind, ask, session)
    processes = {"same": session, "other": other}
    for process in processes.values():  # each of them remembers the login
        assert process.put(f"{API}/sites/tlv", json={}, **credential).status_code in (200, 201, 409)
        assert process.get(f"{API}/sites", **credential).status_code == 200
    if event is expire:
        monkeypatch.setattr("cfy_cli.manager.services.identity.credentials.now", lambda: "2999" + now()[4:])
    event(ask, app)
    for name, process in processes.items():
        refused = [401] if event not in (lower_role, remove) else [401, 403]
        if event is not lower_role:
            assert process.get(f"{API}/sites", **credential).status_code in refused, name
        assert process.delete(f"{API}/sites/tlv", **credential).status_code in refused, name
        if event not in (lower_role, remove):  # who is no member may still list the own tokens
            assert process.get(f"{API}/tokens", **credential).status_code == 401, name


GROUP, IN_RED = {"group_name": "ops"}, {"group_name": "ops", "tenant_name": "red"}
RIGHT = "/permissions/user/site_delete"
# What ends the right of ann to delete sites, which she has through a group: and what gives it back.
LOSSES = {
    "group leaves the tenant": (("DELETE", "/tenants/user-groups", IN_RED), ("PUT", "/tenants/user-groups", IN_RED)),
    "group has another role": (
        ("PATCH", "/tenants/user-groups", {**IN_RED, "role": "viewer"}),
        ("PATCH", "/tenants/user-groups", {**IN_RED, "role": "user"}),
    ),
    "user leaves the group": (
        ("DELETE", "/user-groups/users", {"username": "ann", **GROUP}),
        ("PUT", "/user-groups/users", {"username": "ann", **GROUP}),
    ),
    "role loses the permission": (("DELETE", RIGHT, None), ("PUT", RIGHT, None)),
    "group is deleted": (("DELETE", "/user-groups/ops", None), None),
}


@pytest.mark.parametrize("kind", ["password", "signed by password", "stored"])
def test_right_through_a_group_ends_at_once_in_every_process(
    kind: str, ask: Ask, session: requests.Session, other: requests.Session
):
    ask("POST", "/tenants/red")
    ask("PUT", "/users", json={"username": "ann", "password": ANN})
    ask("POST", "/user-groups", json=GROUP)
    ask("PUT", "/user-groups/users", json={"username": "ann", **GROUP})
    ask("PUT", "/tenants/user-groups", json=IN_RED)
    for name, (loss, gain) in LOSSES.items():
        credential = credential_of(kind, ask, session)
        for process in (session, other):
            assert process.delete(f"{API}/sites/none", **credential).status_code == 404, name
        method, path, body = loss
        assert ask(method, path, json=body).ok, name
        for process in (session, other):
            assert process.delete(f"{API}/sites/none", **credential).status_code in (401, 403), name
        if gain is not None:
            method, path, body = gain
            assert ask(method, path, json=body).ok, name


def test_role_that_grows_is_seen_at_once_by_other_process(ask: Ask, session: requests.Session, other: requests.Session):
    ask("POST", "/tenants/red")
    ask("PUT", "/users", json={"username": "ann", "password": ANN})
    ask("PUT", "/tenants/users", json={"username": "ann", "tenant_name": "red", "role": "viewer"})
    assert other.get(f"{API}/sites", **by_password()).status_code == 200
    assert other.delete(f"{API}/sites/tlv", **by_password()).status_code == 403
    ask("PATCH", "/tenants/users", json={"username": "ann", "tenant_name": "red", "role": "user"})
    assert other.put(f"{API}/sites/tlv", json={}, **by_password()).ok
    ask("POST", "/tenants/blue")
    ask("PUT", "/tenants/users", json={"username": "ann", "tenant_name": "blue", "role": "viewer"})
    answer = other.get(f"{API}/sites", auth=("ann", ANN), headers={"Tenant": "blue"})
    assert answer.status_code == 200


@pytest.mark.parametrize("change", [deactivate, change_password])
def test_login_verified_during_a_change_is_not_kept(
    change: Callable[[Ask, AppContext], None],
    ask: Ask,
    app: AppContext,
    other: requests.Session,
    monkeypatch: pytest.MonkeyPatch,
):
    """The change commits between the reading of the user and the end of the verification, in another process."""
    ask("PUT", "/users", json={"username": "ann", "password": ANN, "role": "sys_admin"})
    matches, changes = passwords.matches, [change]

    def change_meanwhile(stored: str, password: str) -> bool:
        is_correct = matches(stored, password)
        if password == ANN and changes:
            changes.pop()(ask, app)
        return is_correct

    ask("GET", "/sites")  # the administrator's login is remembered
    monkeypatch.setattr(passwords, "matches", change_meanwhile)
    answers = [other.get(f"{API}/sites", auth=("ann", ANN)).status_code for _ in range(3)]
    assert answers == [401, 401, 401]


def test_signed_token_cannot_prolong_itself(ask: Ask, session: requests.Session):
    ask("PUT", "/users", json={"username": "ann", "password": ANN, "role": "sys_admin"})
    value = signed(session, {"auth": ("ann", ANN)})
    ends = set()
    for _ in range(3):
        answer = session.post(f"{API}/tokens", json={}, headers={"Authentication-Token": value}).json()
        ends.add(answer["expiration_date"])
        value = signed(session, {"headers": {"Authentication-Token": value}})
    assert len(ends) == 1
    later = session.post(f"{API}/tokens", json={"expiration_date": "+1d"}, headers={"Authentication-Token": value})
    assert (later.status_code, "expires later" in later.json()["message"]) == (400, True)


def test_token_ends_with_the_token_that_created_it(ask: Ask, session: requests.Session):
    ask("PUT", "/users", json={"username": "ann", "password": ANN, "role": "sys_admin"})
    parent = ask("POST", "/tokens", user="ann", password=ANN, json={}).json()
    through = {"Authentication-Token": signed(session, {"headers": {"Authentication-Token": parent["value"]}})}
    child = session.post(f"{API}/tokens", json={}, headers=through).json()
    assert session.get(f"{API}/sites", headers={"Authentication-Token": child["value"]}).ok
    ask("DELETE", f"/tokens/{parent['id']}")
    assert session.get(f"{API}/sites", headers={"Authentication-Token": child["value"]}).status_code == 401


def test_same_password_again_keeps_tokens(ask: Ask, session: requests.Session):
    ask("PUT", "/users", json={"username": "ann", "password": ANN, "role": "sys_admin"})
    token = stored_token(ask)
    ask("POST", "/users/ann", json={"password": ANN})
    assert session.get(f"{API}/sites", headers={"Authentication-Token": token}).ok


def test_token_of_an_execution_outlives_a_new_password(ask: Ask, app: AppContext, session: requests.Session):
    ask("PUT", "/users", json={"username": "ann", "password": ANN, "role": "sys_admin"})
    token = stored_token(ask)
    with app.database.write() as database:
        database.query(Token).update({"execution_id": "e1"})
    change_password(ask, app)
    assert session.get(f"{API}/sites", headers={"Authentication-Token": token}).ok


class Clients:
    """Requests from addresses, as the manager sees them."""

    def __init__(self, app: AppContext) -> None:
        self.application = create_app(app)

    def log_in(self, address: str, username: str, password: str, **headers: str) -> requests.Response:
        with requests.Session() as session:
            session.mount("http://", InProcess(self.application, address))
            return session.get(f"{API}/sites", auth=(username, password), headers=headers)


@pytest.fixture
def clients(app: AppContext, ask: Ask) -> Clients:
    ask("PUT", "/users", json={"username": "ann", "password": ANN, "role": "sys_admin"})
    return Clients(app)


def test_address_that_a_client_claims_is_not_believed(data_dir: Path):
    running = start(data_dir, limits=Limits(failed_logins=2))
    for number in range(3):
        headers = {"X-Forwarded-For": f"10.0.0.{number}", "Forwarded": f"for=10.0.0.{number}"}
        answer = requests.get(f"{running.url}/api/v3.1/sites", auth=("ann", "wrong"), headers=headers, timeout=60)
    assert "after too many wrong passwords from your address" in answer.json()["message"]


def test_address_of_a_client_is_the_one_its_proxy_names(app: AppContext, clients: Clients):
    behind = Clients(set_proxies(app, "10.0.0.0/24"))
    for number in range(5):  # what the client itself sends stands before the address that the proxy adds
        forwarded = {"X-Forwarded-For": f"192.0.2.{number}, 198.51.100.7, 10.0.0.9"}
        assert behind.log_in("10.0.0.8", "ann", "wrong", **forwarded).status_code == 401
    assert behind.log_in("10.0.0.8", "ann", ANN, **{"X-Forwarded-For": "198.51.100.8"}).status_code == 200
    for client, headers in (
        ("10.0.0.8", {"X-Forwarded-For": "198.51.100.7"}), ("198.51.100.7", {"X-Forwarded-For": "10.0.0.1"}),
    ):  # fmt: skip
        assert "after too many wrong passwords" in behind.log_in(client, "ann", ANN, **headers).json()["message"]
    assert clients.log_in("198.51.100.8", "ann", ANN, **{"X-Forwarded-For": "198.51.100.7"}).status_code == 200


def set_proxies(app: AppContext, *networks: str) -> AppContext:
    app.settings = dataclasses.replace(app.settings, trusted_proxies=networks)
    return app


def test_wrong_passwords_lock_out_their_own_address_only(clients: Clients, ask: Ask):
    for _ in range(5):
        assert clients.log_in("192.0.2.1", "ann", "wrong").status_code == 401
    refused = clients.log_in("192.0.2.1", "ann", ANN)
    assert (refused.status_code, 1 <= int(refused.headers["Retry-After"]) <= 11) == (401, True)
    assert f"wait {refused.headers['Retry-After']} seconds" in refused.json()["message"]
    assert clients.log_in("192.0.2.2", "ann", ANN).status_code == 200
    assert ask("GET", "/users/ann").json()["is_locked"]
    assert clients.log_in("192.0.2.1", "ann", ANN).status_code == 401  # a success elsewhere does not help a guesser


def test_guess_for_one_user_keeps_the_login_of_another(clients: Clients, monkeypatch: pytest.MonkeyPatch):
    matches, verified = passwords.matches, []
    monkeypatch.setattr(passwords, "matches", lambda *given: verified.append(given[1]) or matches(*given))
    for username, password in (("ann", ANN), ("admin", "wrong"), ("ann", ANN), ("ann", "wrong"), ("ann", ANN)):
        clients.log_in("192.0.2.1", username, password)
    assert verified == [ANN, "wrong", "wrong", ANN]


def test_account_lock_of_the_config_is_longer_than_waits(clients: Clients, ask: Ask):
    ask("PUT", "/config/failed_logins_before_account_lock", json={"value": 2})
    for _ in range(2):  # no lock without a period
        clients.log_in("192.0.2.1", "ann", "wrong")
    assert clients.log_in("192.0.2.1", "ann", ANN).status_code == 200
    ask("PUT", "/config/account_lock_period", json={"value": 90})
    for _ in range(2):
        clients.log_in("192.0.2.1", "ann", "wrong")
    refused = clients.log_in("192.0.2.1", "ann", ANN)
    assert 5000 < int(refused.headers["Retry-After"]) <= 5401
    assert clients.log_in("192.0.2.2", "ann", ANN).status_code == 200
    ask("POST", "/users/unlock/ann")
    assert clients.log_in("192.0.2.1", "ann", ANN).status_code == 200


def test_wrong_password_during_a_wait_does_not_prolong_it(clients: Clients, app: AppContext):
    for _ in range(5):
        clients.log_in("192.0.2.1", "ann", "wrong")
    with app.database.read() as session:
        before = {row.account: (row.failures, row.locked_until) for row in session.query(FailedLogins)}
    for _ in range(3):
        clients.log_in("192.0.2.1", "ann", "wrong")
    with app.database.read() as session:
        assert {row.account: (row.failures, row.locked_until) for row in session.query(FailedLogins)} == before


def test_wait_grows_and_ends_with_a_right_password(clients: Clients, app: AppContext):
    waits = []
    for _ in range(5):
        clients.log_in("192.0.2.1", "ann", "wrong")
    for _ in range(3):
        waits.append(int(clients.log_in("192.0.2.1", "ann", ANN).headers["Retry-After"]))
        with app.database.write() as session:  # the wait is over
            session.query(FailedLogins).update({"locked_until": now()})
        clients.log_in("192.0.2.1", "ann", "wrong")
    assert all(later > earlier for earlier, later in pairwise(waits)), waits
    with app.database.write() as session:
        session.query(FailedLogins).update({"locked_until": now()})
    assert clients.log_in("192.0.2.1", "ann", ANN).status_code == 200
    assert clients.log_in("192.0.2.1", "ann", "wrong").status_code == 401
    with app.database.read() as session:
        assert [row.failures for row in session.query(FailedLogins) if row.account] == [1]


def test_unknown_user_is_answered_like_a_known_one(clients: Clients):
    answers = {}
    for name in ("ann", "nobody"):
        for _ in range(5):
            clients.log_in("192.0.2.1", name, "wrong")
        refused = clients.log_in("192.0.2.1", name, "wrong")
        answers[name] = (refused.status_code, int(refused.headers["Retry-After"]) in range(5, 12))
        assert (
            refused.json()["message"].startswith("User unauthorized: Authentication failed for <User username=`no")
            or name == "ann"
        )
    assert set(answers.values()) == {(401, True)}


def test_address_that_tries_many_users_must_wait(app: AppContext, ask: Ask, tmp_path: Path):
    limits = dataclasses.replace(app.settings.limits, failed_logins_of_address=7, login_records=9)
    strict = AppContext(dataclasses.replace(app.settings, limits=limits))
    clients = Clients(strict)
    ask("PUT", "/users", json={"username": "ann", "password": ANN, "role": "sys_admin"})
    for number in range(7):
        assert "Retry-After" not in clients.log_in("192.0.2.1", f"user{number}", "wrong").headers
    assert "Retry-After" in clients.log_in("192.0.2.1", "ann", ANN).headers
    for number in range(20):
        clients.log_in(f"192.0.2.{number + 10}", f"user{number}", "wrong")
    with app.database.read() as session:
        assert session.query(FailedLogins).count() <= 9
    assert clients.log_in("192.0.2.99", "ann", ANN).status_code == 200
    strict.close()


def test_users_of_this_machine_do_not_lock_each_other_out(clients: Clients, monkeypatch: pytest.MonkeyPatch):
    owner = [1001]
    monkeypatch.setattr(client_addresses, "find_socket_owner", lambda _address, _port: owner[0])
    for _ in range(5):
        clients.log_in("127.0.0.1", "admin", "wrong")
    assert "Retry-After" in clients.log_in("127.0.0.1", "admin", "wrong").headers
    owner[0] = 1002
    assert clients.log_in("127.0.0.1", "ann", ANN).status_code == 200
    assert "Retry-After" not in clients.log_in("127.0.0.1", "admin", "wrong").headers

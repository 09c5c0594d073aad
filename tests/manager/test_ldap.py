"""Logins with an LDAP directory: a real OpenLDAP server on loopback."""

import base64
import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import requests

from cfy_cli.contract.limits import Limits
from cfy_cli.errors import Invalid, Unavailable
from cfy_cli.manager.rest.login_threads import run_in_login_thread
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity import credentials
from cfy_cli.manager.services.identity.credentials import Credential
from cfy_cli.manager.services.identity.directory import client, logins
from cfy_cli.manager.services.identity.directory.settings import DirectorySettings
from cfy_cli.manager.services.identity.passwords import MAX_CONCURRENT
from tests.conftest import Ask, Cfy
from tests.manager.ldap_server import (
    BASE,
    PEOPLE,
    READER,
    READER_PASSWORD,
    SLAPD,
    LdapServer,
    free_port,
    group_dn,
    running_server,
)

NEEDS_SLAPD = "slapd is not installed: apt-get install slapd"
FIELDS = {"ldap_server": "ldap://127.0.0.1:9", "ldap_domain": "example.org"}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"ldap_server": None}, "ldap_server"),
    ({"ldap_server": "http://here"}, "ldap_server"),
    ({"ldap_server": "ldap://"}, "ldap_server"),
    ({"ldap_server": "ldap://here:99999"}, "ldap_server"),
    ({"ldap_server": "ldap://[::1"}, "ldap_server"),
    ({"ldap_server": "LDAPS://here"}, "ldap_server"),
    ({"ldap_server": "ldap://ann:password@here"}, "ldap_server"),
    ({"ldap_server": "ldaps://here"}, "ldap_ca_cert"),
    ({"ldap_ca_cert": "-----BEGIN CERTIFICATE-----"}, "ldap_ca_cert"),
    ({"ldap_server": "ldaps://here", "ldap_ca_cert": "no certificate"}, "ldap_ca_cert"),
    ({"ldap_username": "reader"}, "ldap_password"),
    ({"ldap_password": "x"}, "ldap_username"),
    ({"ldap_nested_levels": "many"}, "ldap_nested_levels"),
    ({"ldap_nested_levels": True}, "ldap_nested_levels"),
    ({"ldap_nested_levels": -1}, "ldap_nested_levels"),
    ({"ldap_is_active_directory": "maybe"}, "ldap_is_active_directory"),
    ({"ldap_bind_format": "{object_dn}"}, "ldap_bind_format"),
    ({"ldap_bind_format": "{username"}, "ldap_bind_format"),
    ({"ldap_user_filter": "uid={domain}"}, "ldap_user_filter"),
    ({"ldap_group_dn": "ou={username}"}, "ldap_group_dn"),
    ({"ldap_group_member_filter": "member={domain}"}, "ldap_group_member_filter"),
    ({"ldap_domain": None}, "ldap_base_dn"),
    ({"ldap_base_dn": "x" * 5000}, "4096 characters"),
    ({"unknown": "x"}, "unknown"),
]
OWN_SEARCH: dict[str, Any] = {"ldap_username": "", "ldap_password": ""}  # users search with their own login
WITH_FILTER: dict[str, Any] = {"ldap_attribute_group_membership": "noSuchAttribute"}  # groups are searched for


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LdapServer]:
    if SLAPD is None:
        pytest.skip(NEEDS_SLAPD)
    with running_server(tmp_path_factory.mktemp("ldap")) as server:
        yield server


@pytest.fixture
def enabled(ask: Ask, directory: LdapServer, monkeypatch: pytest.MonkeyPatch) -> LdapServer:
    monkeypatch.setattr(logins, "RETRY_INTERVAL", 0)
    answer = ask("POST", "/ldap", json=directory.settings())
    assert answer.status_code == 200, answer.text
    return directory


def _settings(directory: LdapServer, **changes: object) -> DirectorySettings:
    given = {
        name.removeprefix("ldap_"): "" if value is None else value
        for name, value in directory.settings(**changes).items()
    }
    return DirectorySettings(**given)  # type: ignore[arg-type]


def _status(ask: Ask, name: str, password: str) -> int:
    return ask("GET", "/user", user=name, password=password).status_code


@pytest.mark.sqlite
def test_ldap_settings_that_cannot_work_are_refused(ask: Ask):
    for changes, named in REFUSED:
        answer = ask("POST", "/ldap", json={**FIELDS, **changes})
        assert answer.status_code in (400, 422), f"{changes}: {answer.text}"
        assert named in answer.text, f"{changes}: {answer.text}"
    assert ask("POST", "/ldap", json={"ldap_server": "ldap://here"}).status_code == 400  # the domain must be named
    refused = ask("POST", "/ldap", json={**FIELDS, "ldap_username": "reader@x", "ldap_password": "canary"})
    assert refused.json()["message"].startswith("Failed setting LDAP: ")
    assert "canary" not in refused.text
    assert ask("GET", "/ldap").json() == "disabled"
    assert ask("GET", "/config/ldap_server").json()["value"] is None


@pytest.mark.sqlite
def test_ldap_settings_are_kept_and_shown_without_password(ask: Ask):
    given = {**FIELDS, "ldap_is_active_directory": "yes", "ldap_nested_levels": "3", "ldap_dn_extra": None}
    answer = ask("POST", "/ldap", json=given).json()
    assert (answer["ldap_is_active_directory"], answer["ldap_nested_levels"], answer["ldap_dn_extra"]) == (True, 3, "")
    assert "ldap_password" not in answer
    assert ask("GET", "/config/ldap_dn_extra").json()["value"] == ""
    assert (ask("GET", "/ldap").json(), ask("GET", "/idp").json()) == ("enabled", "ldap")


@pytest.mark.sqlite
def test_only_administrators_direct_logins_elsewhere(ask: Ask):
    ask("PUT", "/users", json={"username": "mia", "password": "password-of-mia"})
    ask("PUT", "/tenants/users", json={"username": "mia", "tenant_name": "default_tenant", "role": "manager"})
    mia = {"user": "mia", "password": "password-of-mia"}
    assert ask("PUT", "/config/ldap_server", json={"value": "ldap://evil"}, **mia).status_code == 403
    assert ask("POST", "/ldap", json=FIELDS, **mia).status_code == 403
    assert ask("GET", "/ldap", **mia).json() == "disabled"


def test_user_of_the_directory_logs_in_with_its_groups(ask: Ask, enabled: LdapServer):
    ask("POST", "/tenants/red")
    for name, dn in (("operators", f"CN=ops, OU=groups,{BASE}"), ("everybody", group_dn("all"))):
        ask("POST", "/user-groups", json={"group_name": name, "ldap_group_dn": dn, "role": "default"})
    ask("PUT", "/tenants/user-groups", json={"group_name": "operators", "tenant_name": "red", "role": "viewer"})
    ann = {"user": "ann", "password": PEOPLE["ann"]}
    assert ask("GET", "/user?_get_data=true", **ann).json()["groups"] == ["operators"]
    assert ask("GET", "/sites", tenant="red", **ann).status_code == 200
    assert ask("PUT", "/sites/x", tenant="red", json={}, **ann).status_code == 403
    assert _status(ask, "ann", "wrong") == _status(ask, "ann", "") == _status(ask, "nobody", "x") == 401
    assert _status(ask, "ANN", PEOPLE["ann"]) == 200
    assert [user["username"] for user in ask("GET", "/users?_sort=username").json()["items"]] == ["admin", "ann"]
    ask("POST", "/users/active/ann", json={"action": "deactivate"})
    assert _status(ask, "ann", PEOPLE["ann"]) == 401


def test_members_follow_the_directory_and_change_only_there(
    ask: Ask, enabled: LdapServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(credentials, "RENEWAL_INTERVAL", 0)
    ask("POST", "/user-groups", json={"group_name": "ops", "ldap_group_dn": group_dn("ops")})
    ask("POST", "/user-groups", json={"group_name": "local"})
    ann = {"user": "ann", "password": PEOPLE["ann"]}
    assert ask("GET", "/user?_get_data=true", **ann).json()["groups"] == ["ops"]
    for method in ("PUT", "DELETE"):
        refused = ask(method, "/user-groups/users", json={"username": "ann", "group_name": "ops"})
        assert refused.status_code == 405
        assert "LDAP group" in refused.json()["message"]
    assert ask("PUT", "/user-groups/users", json={"username": "ann", "group_name": "local"}).ok
    assert ask("GET", "/user?_get_data=true", **ann).json()["groups"] == ["local", "ops"]
    monkeypatch.setattr(client, "_find_groups", lambda *_: frozenset())  # the directory has taken ann from its groups
    assert ask("GET", "/user?_get_data=true", **ann).json()["groups"] == ["local"]


def test_tokens_of_users_who_left_the_directory_are_refused(
    ask: Ask, session: requests.Session, enabled: LdapServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(credentials, "RENEWAL_INTERVAL", 0)
    ask("POST", "/user-groups", json={"group_name": "ops", "ldap_group_dn": group_dn("ops")})
    ann = {"user": "ann", "password": PEOPLE["ann"]}
    stored = ask("POST", "/tokens", json={}, **ann).json()["value"]
    tokens = [stored, ask("GET", "/tokens", **ann).json()["value"]]

    def statuses() -> list[int]:
        return [
            session.get("http://manager/api/v3.1/user", headers={"Authentication-Token": token}).status_code
            for token in tokens
        ]

    assert ask("PUT", "/config/ldap_check_interval", json={"value": 3600}).ok
    assert statuses() == [200, 200]
    find = client.find
    monkeypatch.setattr(client, "find", lambda settings, _username: find(settings, "not-there"))
    assert statuses() == [200, 200]  # by the last answer
    assert ask("PUT", "/config/ldap_check_interval", json={"value": 0}).ok
    assert statuses() == [401, 401]
    monkeypatch.setattr(client, "find", find)
    assert statuses() == [200, 200]
    monkeypatch.setattr(client, "_find_groups", lambda *_: frozenset())
    assert statuses() == [200, 401]  # signed tokens end when a user may do less
    assert ask("GET", "/users/ann?_get_data=true").json()["groups"] == []
    tokens.pop()
    assert ask("POST", "/ldap", json=enabled.settings(ldap_server="ldap://127.0.0.1:1", **OWN_SEARCH)).ok
    assert statuses() == [200]  # there is nothing to ask with


@pytest.mark.sqlite
def test_first_administrator_logs_in_locally_whatever_ldap_says(
    ask: Ask, enabled: LdapServer, monkeypatch: pytest.MonkeyPatch
):
    for name in ("admin", "Admin"):
        assert _status(ask, name, PEOPLE["admin"]) == 401
    ask("PUT", "/users", json={"username": "bob", "password": "local-password"})
    assert _status(ask, "bob", "local-password") == 401
    assert ask("PUT", "/config/ldap_server", json={"value": f"ldap://127.0.0.1:{free_port()}"}).ok
    for _ in range(8):
        down = ask("GET", "/user", user="bob", password=PEOPLE["bob"])
        assert (down.status_code, down.json()["error_code"]) == (503, "service_unavailable_error")
    assert down.json()["message"] == "The LDAP directory cannot verify passwords now"
    assert "127.0.0.1" not in down.text
    assert ask("PUT", "/config/ldap_base_dn", json={"value": None}).ok  # what cannot work lets nobody in
    assert _status(ask, "bob", PEOPLE["bob"]) == 503
    assert ask("PUT", "/config/ldap_base_dn", json={"value": BASE}).ok
    assert ask("GET", "/status").ok
    assert ask("PUT", "/config/ldap_server", json={"value": enabled.url}).ok
    assert ask("GET", "/user", user="bob", password=PEOPLE["bob"]).json()["is_locked"] is False
    ask("PUT", "/config/ldap_server", json={"value": None})
    assert ask("GET", "/ldap").json() == "disabled"


@pytest.mark.parametrize("changes", [{}, OWN_SEARCH, WITH_FILTER], ids=["reader", "own", "filter"])
def test_names_and_passwords_cannot_be_injected(directory: LdapServer, changes: dict[str, Any]):
    settings = _settings(directory, **changes)
    for name, password in PEOPLE.items():
        found = client.verify(settings, name, password)
        assert found is not None
        assert found.username == name
    for name in ("*", "a*", "ann)(uid=*", "ann,ou=people", "twin", "nobody", "x" * 5000, "ann\n", " ", "", "ann\0"):
        for password in (PEOPLE["ann"], "password-of-twin", "x"):
            assert client.verify(settings, name, password) is None, name
    for name in PEOPLE:
        assert client.verify(settings, name, "") is None
    assert client.verify(settings, READER, READER_PASSWORD) is None


@pytest.mark.parametrize("changes", [{}, WITH_FILTER], ids=["memberOf", "filter"])
def test_nested_groups_are_found_up_to_their_level(directory: LdapServer, changes: dict[str, Any]):
    expected = [set(), {"ops"}, {"ops", "all"}, {"ops", "all", "world"}, *[{"ops", "all", "world", "circle"}],
                *[{"ops", "all", "world", "circle", "ring"}] * 2]  # fmt: skip
    for levels, groups in enumerate(expected):
        found = client.verify(_settings(directory, ldap_nested_levels=levels, **changes), "ann", PEOPLE["ann"])
        assert found is not None
        assert {re.findall("cn=(.*?),", dn)[0] for dn in found.groups} == groups, levels


def test_directory_over_tls_must_have_the_right_certificate(directory: LdapServer):
    right = _settings(directory, ldap_server=directory.tls_url, ldap_ca_cert=directory.ca)
    assert client.verify(right, "ann", PEOPLE["ann"]) is not None
    for changes in (
        {"ldap_ca_cert": directory.other_ca},
        {"ldap_server": directory.tls_url.replace("localhost", "127.0.0.1")},  # the certificate has another name
        {"ldap_server": directory.url.replace("ldap:", "ldaps:")},
    ):
        given = {"ldap_server": directory.tls_url, "ldap_ca_cert": directory.ca, **changes}
        with pytest.raises(Unavailable):
            client.verify(_settings(directory, **given), "ann", PEOPLE["ann"])


def test_directory_that_does_not_answer_ends_in_its_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ldap://127.0.0.1:{silent.getsockname()[1]}"
        settings = DirectorySettings(url, base_dn=BASE, timeout=0.2)
        with pytest.raises(client.DirectoryUnreachable):
            client.verify(settings, "ann", "x")


@pytest.mark.sqlite
def test_directory_that_failed_is_left_alone_for_a_moment(app: AppContext, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def refuse(_self: object, username: str, _password: str) -> None:
        asked.append(username)
        raise client.DirectoryUnreachable("down")

    monkeypatch.setattr(logins.DirectoryLogins, "_ask", refuse)
    directory = logins.DirectoryLogins(app)
    for name in ("ann", "bob"):
        with pytest.raises(Unavailable):
            directory.verify(name, "x")
    assert asked == ["ann"]


def test_defaults_follow_the_kind_of_directory():
    plain = DirectorySettings("ldap://here", domain="example.org", dn_extra="ou=staff")
    assert (plain.searched_dn, plain.template_of_bind) == ("ou=staff,dc=example,dc=org", "uid={username},{base_dn}")
    active = DirectorySettings("ldap://here", is_active_directory=True, domain="example.org", username="reader")
    assert client.service_name(active) == "reader@example.org"
    assert (active.template_of_user, active.name_attribute) == ("sAMAccountName={username}", "sAMAccountName")
    with pytest.raises(Invalid):
        DirectorySettings("ldap://here", is_active_directory=True, base_dn=BASE).check()


@pytest.mark.sqlite
def test_ldap_commands_set_and_show_the_directory(cfy: Cfy, directory: LdapServer, tmp_path: Path):
    (tmp_path / "ca.pem").write_text(directory.ca)
    assert cfy("ldap status") == "disabled\n"
    cfy("ldap set -s ldap://here -u reader", code=2)
    cfy(f"ldap set -s ldaps://here -c {tmp_path}/none.pem -d example.org", code=2)
    command = f"ldap set -s {directory.tls_url} -c {tmp_path}/ca.pem --ldap-base-dn {BASE} -u {READER}"
    cfy(f"{command} -p wrong", code=1)
    assert cfy("ldap status") == "disabled\n"
    assert cfy(f"{command} -p {READER_PASSWORD}") == "LDAP authentication set\n"
    assert json.loads(cfy("ldap status --json")) == "enabled"
    cfy("users get", user="ann", password=PEOPLE["ann"])
    cfy("users get", user="ann", password="wrong", code=4)


def test_first_administrator_waits_for_no_other_login():
    ended = threading.Event()

    async def log_in() -> None:
        async with anyio.create_task_group() as others:
            try:
                for _ in range(2 * MAX_CONCURRENT):  # a directory that is slow
                    others.start_soon(run_in_login_thread, Limits(), ended.wait)
                await anyio.wait_all_tasks_blocked()
                with anyio.fail_after(10):
                    await run_in_login_thread(Limits(), lambda: None, is_first_administrator=True)
            finally:
                ended.set()

    anyio.run(log_in)
    header = "Basic " + base64.b64encode(b"admin:x").decode()
    assert Credential("Authorization", header, "127.0.0.1", 1).is_of_first_administrator
    assert not Credential("Authorization", "Basic =", "127.0.0.1", 1).is_of_first_administrator

"""User groups: their members and roles, what users may do through them, and how that ends."""

from typing import Any

import pytest
from sqlalchemy import select

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity import user_groups
from cfy_cli.manager.store.models import User
from tests.conftest import Ask
from tests.manager.test_permissions import FACTS, NEEDED, ROLES, TABLE

PASSWORD = "password-of-ann"
AS_ANN = {"user": "ann", "password": PASSWORD}
OPS = {"name": "ops", "ldap_dn": None, "role": "default"}


@pytest.fixture
def ops(ask: Ask) -> None:
    """The tenants red and blue, the users ann and bob, and a group ops with the member ann and a role in red."""
    for tenant in ("red", "blue"):
        ask("POST", f"/tenants/{tenant}")
    for username in ("ann", "bob"):
        ask("PUT", "/users", json={"username": username, "password": PASSWORD})
    ask("POST", "/user-groups", json={"group_name": "ops"})
    ask("PUT", "/user-groups/users", json={"username": "ann", "group_name": "ops"})
    ask("PUT", "/tenants/user-groups", json={"group_name": "ops", "tenant_name": "red", "role": "operations"})


def without_id(answer: Any) -> Any:
    return {name: value for name, value in answer.json().items() if name != "id"}


def test_group_answers_are_those_of_a_real_manager(ask: Ask):
    ask("PUT", "/users", json={"username": "alice", "password": PASSWORD})
    made = ask("POST", "/user-groups", json={"group_name": "ops", "ldap_group_dn": None, "role": "default"})
    assert (made.status_code, without_id(made)) == (201, {**OPS, "tenants": 0, "users": 0})
    assert isinstance(made.json()["id"], int)
    member = {"username": "alice", "group_name": "ops"}
    assert without_id(ask("PUT", "/user-groups/users", json=member)) == {**OPS, "tenants": 0, "users": 1}
    whole = ask("GET", "/user-groups/ops?_get_data=True")
    assert without_id(whole) == {**OPS, "tenants": {}, "users": ["alice"]}
    in_tenant = {"group_name": "ops", "tenant_name": "default_tenant"}
    tenant = ask("PUT", "/tenants/user-groups?_get_data=true", json=in_tenant).json()
    assert (tenant["name"], tenant["groups"]) == ("default_tenant", {"ops": "user"})
    assert tenant["users"]["alice"] == {"tenant-role": None, "roles": ["user"]}
    assert tenant["user_roles"] == {
        "direct": {"admin": "user"},
        "groups": {"ops": {"role": "user", "users": ["alice"]}},
    }
    ask("PATCH", "/tenants/user-groups", json={**in_tenant, "role": "viewer"})
    assert ask("GET", "/user-groups?_get_data=true").json()["items"][0]["tenants"] == {"default_tenant": "viewer"}
    assert ask("DELETE", "/user-groups/users", json=member).status_code == 204
    assert ask("POST", "/user-groups/ops", json={"role": "sys_admin"}).json()["role"] == "sys_admin"
    assert ask("DELETE", "/user-groups/ops").status_code == 204
    assert ask("GET", "/user-groups").json()["items"] == []


@pytest.mark.usefixtures("ops")
def test_user_has_the_union_of_all_roles(ask: Ask):
    ask("PUT", "/tenants/users", json={"username": "ann", "tenant_name": "red", "role": "viewer"})
    ask("POST", "/user-groups", json={"group_name": "dev", "ldap_group_dn": "cn=dev"})
    ask("PUT", "/user-groups/users", json={"username": "ann", "group_name": "dev"})
    for tenant, role in (("red", "user"), ("blue", "viewer")):
        ask("PUT", "/tenants/user-groups", json={"group_name": "dev", "tenant_name": tenant, "role": role})
    counts, whole = (ask("GET", f"/users/ann?_get_data={flag}").json() for flag in ("false", "true"))
    assert (counts["tenants"], counts["groups"], counts["tenant_roles"]) == (2, 2, None)
    assert counts["group_system_roles"] == whole["group_system_roles"] == {"default": ["dev", "ops"]}
    assert whole["groups"] == ["dev", "ops"]
    assert whole["tenant_roles"] == {
        "direct": {"red": "viewer"},
        "groups": {"red": {"user": ["dev"], "operations": ["ops"]}, "blue": {"viewer": ["dev"]}},
    }
    assert whole["tenants"] == {
        "blue": {"tenant-role": None, "roles": ["viewer"]},
        "red": {"tenant-role": "viewer", "roles": ["viewer", "user", "operations"]},
    }
    red = ask("GET", "/tenants/red").json()
    assert (red["users"], red["groups"]) == (1, 2)
    seen = ask("GET", "/tenants", tenant="red", **AS_ANN).json()["items"]
    assert [tenant["name"] for tenant in seen] == ["blue", "red"]
    assert ask("PUT", "/sites/a", tenant="red", json={}, **AS_ANN).status_code == 200  # as user
    assert ask("PUT", "/sites/a", tenant="blue", json={}, **AS_ANN).status_code == 403  # as viewer
    assert len(ask("GET", "/sites?_all_tenants=true", tenant="blue", **AS_ANN).json()["items"]) == 1
    ask("DELETE", "/user-groups/dev")
    assert ask("PUT", "/sites/b", tenant="red", json={}, **AS_ANN).status_code == 403
    assert ask("GET", "/sites", tenant="blue", **AS_ANN).status_code == 403


@pytest.mark.usefixtures("ops")
def test_system_role_of_a_group_makes_administrators(ask: Ask):
    assert ask("GET", "/users", **AS_ANN).status_code == 403
    ask("POST", "/user-groups/ops", json={"role": "sys_admin"})
    assert ask("GET", "/users", tenant="blue", **AS_ANN).status_code == 200
    assert ask("GET", "/users/ann").json()["group_system_roles"] == {"sys_admin": ["ops"]}
    ask("POST", "/user-groups/ops", json={"role": "default"})
    assert ask("GET", "/users", tenant="red", **AS_ANN).status_code == 403


def test_group_gives_its_members_what_the_facts_say(ask: Ask):
    ask("POST", "/tenants/red")
    for role in ROLES:
        system = role if role in ("sys_admin", "default") else "default"
        ask("PUT", "/users", json={"username": role, "password": PASSWORD})
        ask("POST", "/user-groups", json={"group_name": role, "role": system})
        ask("PUT", "/user-groups/users", json={"username": role, "group_name": role})
        if role != system:
            ask("PUT", "/tenants/user-groups", json={"group_name": role, "tenant_name": "red", "role": role})
    one_of_each = {
        FACTS[permission]: (method, path, permission)
        for method, path, permission in TABLE
        if (method == "GET" and "{username}" not in path) or (method == "DELETE" and "_delete" in permission)
    }
    assert len(one_of_each) > 6
    for method, path, permission in one_of_each.values():
        for role in ROLES:
            concrete = path.replace("{", "no-such-").replace("}", "")
            params = NEEDED.get((method, path))
            answer = ask(method, concrete, user=role, password=PASSWORD, tenant="red", params=params)
            expected = not {role, "default"}.isdisjoint(FACTS[permission].split())
            assert (answer.status_code != 403) == expected, (method, path, role, answer.text)


IN_RED, ANN = {"group_name": "ops", "tenant_name": "red"}, {"username": "ann", "group_name": "ops"}
REFUSED: list[tuple[str, str, Any, int, str]] = [
    ("POST", "/user-groups", {"group_name": "ops"}, 409, "`ops` already exists"),
    ("POST", "/user-groups", {"group_name": "users"}, 400, "`users`"),
    ("POST", "/user-groups", {"group_name": "a b"}, 400, "a blank"),
    ("POST", "/user-groups", {"group_name": "x", "role": "user"}, 400, "`user` is not a system role"),
    ("POST", "/user-groups", {"group_name": "x", "ldap_group_dn": "d" * 513}, 400, "at most 512 characters"),
    ("POST", "/user-groups", {"group_name": "x", "ldap_group_dn": "a\nb"}, 400, "cannot be"),
    ("GET", "/user-groups/none", None, 404, "`none`"),
    ("DELETE", "/user-groups/none", None, 404, "`none`"),
    ("POST", "/user-groups/none", {"role": "default"}, 404, "`none`"),
    ("POST", "/user-groups/ops", {"role": "viewer"}, 400, "`viewer`"),
    ("PUT", "/user-groups/users", ANN, 409, "already belongs to user group `ops`"),
    ("PUT", "/user-groups/users", {**ANN, "username": "none"}, 404, "`none`"),
    ("PUT", "/user-groups/users", {**ANN, "group_name": "none"}, 404, "`none`"),
    ("DELETE", "/user-groups/users", {**ANN, "username": "bob"}, 404, "does not belong to user group `ops`"),
    ("PUT", "/tenants/user-groups", IN_RED, 409, "already belongs to tenant `red`"),
    ("PUT", "/tenants/user-groups", {**IN_RED, "tenant_name": "none"}, 404, "`none`"),
    ("PUT", "/tenants/user-groups", {**IN_RED, "tenant_name": "blue", "role": "sys_admin"}, 400, "`sys_admin`"),
    ("PATCH", "/tenants/user-groups", {**IN_RED, "tenant_name": "blue", "role": "user"}, 404, "does not belong"),
    ("PATCH", "/tenants/user-groups", IN_RED, 400, "role"),
    ("DELETE", "/tenants/user-groups", {**IN_RED, "tenant_name": "blue"}, 404, "does not belong to tenant `blue`"),
    ("DELETE", "/tenants/red", None, 409, "because it still has users or groups associated with it"),
]


@pytest.mark.usefixtures("ops")
def test_impossible_changes_of_groups_are_refused(ask: Ask):
    ask("POST", "/user-groups", json={"group_name": "ldap", "ldap_group_dn": "cn=ldap"})
    before = [ask("GET", f"/{noun}?_get_data=true").json()["items"] for noun in ("user-groups", "tenants")]
    for method, path, body, status, text in REFUSED:
        answer = ask(method, path, json=body)
        assert (answer.status_code, text in answer.json()["message"]) == (status, True), (method, path, answer.text)
    taken = ask("POST", "/user-groups", json={"group_name": "other", "ldap_group_dn": "cn=ldap"})
    assert (taken.status_code, "`ldap`" in taken.json()["message"]) == (409, True)
    assert [ask("GET", f"/{noun}?_get_data=true").json()["items"] for noun in ("user-groups", "tenants")] == before


@pytest.mark.usefixtures("ops")
def test_deleted_users_and_tenants_leave_their_groups(ask: Ask):
    assert ask("DELETE", "/users/ann").status_code == 204
    assert ask("GET", "/user-groups/ops").json()["users"] == 0
    assert ask("DELETE", "/tenants/user-groups", json=IN_RED).status_code == 204
    assert ask("DELETE", "/tenants/red").status_code == 204
    assert ask("GET", "/user-groups/ops").json()["tenants"] == 0
    ask("PUT", "/users", json={"username": "ann", "password": PASSWORD})
    assert ask("GET", "/users/ann").json()["groups"] == 0  # the new one is another user


@pytest.mark.usefixtures("ops")
def test_ldap_names_decide_about_their_groups_only(ask: Ask, app: AppContext):
    for name in ("one", "two"):
        ask("POST", "/user-groups", json={"group_name": name, "ldap_group_dn": f"cn={name}"})
    for dns, groups in ((["cn=one", "cn=other"], ["one", "ops"]), (["cn=two"], ["ops", "two"]), ([], ["ops"])):
        with app.database.write() as session:
            ann = session.scalars(select(User).where(User.username == "ann")).one()
            user_groups.set_groups_by_dn(session, ann, dns)
        assert ask("GET", "/users/ann?_get_data=true").json()["groups"] == groups

"""Permissions of roles in the store: what there is by default, who changes it, and what follows."""

from pathlib import Path

from sqlalchemy import delete, select

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity import role_permissions
from cfy_cli.manager.store.models import Permission, RolePermission
from tests.conftest import Ask
from tests.manager.members import PASSWORD, As, as_member

__all__ = ["as_member"]

FACTS = dict(line.split("\t") for line in Path(__file__).with_name("permissions.tsv").read_text().splitlines())
LOCKED = "/permissions/sys_admin/administrators"


def test_permissions_are_those_of_a_real_manager_by_default(ask: Ask):
    whole = ask("GET", "/permissions").json()
    assert whole["metadata"] == {"pagination": {"total": 839, "size": 1000, "offset": 0}, "filtered": None}
    pairs = {(item["permission"], item["role"]) for item in whole["items"]}
    assert {pair for pair in pairs if pair[0] in FACTS} == {(p, role) for p in FACTS for role in FACTS[p].split()}
    assert len({permission for permission, _ in pairs}) == 248
    of_viewer = ask("GET", "/permissions/viewer?_size=2").json()
    assert of_viewer["metadata"]["pagination"] == {"total": 98, "size": 2, "offset": 0}
    assert {item["role"] for item in of_viewer["items"]} == {"viewer"}


REFUSED = [
    ("GET", "/permissions/boss", 404, "`boss`"),
    ("PUT", "/permissions/boss/site_list", 404, "`boss`"),
    ("PUT", "/permissions/viewer/no_such", 404, "`no_such`"),
    ("DELETE", "/permissions/viewer/no_such", 404, "`no_such`"),
    ("PUT", "/permissions/viewer/site_list", 409, "already"),
    ("DELETE", "/permissions/viewer/site_delete", 404, "does not have"),
    ("DELETE", LOCKED, 409, "nobody could change permissions"),
]


def test_impossible_changes_are_refused_by_name(ask: Ask):
    before = ask("GET", "/permissions").json()
    for method, path, status, text in REFUSED:
        answer = ask(method, path)
        assert (answer.status_code, text in answer.json()["message"]) == (status, True), answer.text
    assert ask("GET", "/permissions").json() == before


def test_system_administrators_can_take_back_every_change(ask: Ask, app: AppContext):
    """Without any other permission, they still change permissions."""
    with app.database.write() as session:
        others = RolePermission.permission.not_in(("administrators", "site_list"))
        session.execute(delete(RolePermission).where(RolePermission.role == "sys_admin", others))
    assert ask("DELETE", "/permissions/sys_admin/site_list").status_code == 204
    assert len(ask("GET", "/permissions/sys_admin").json()["items"]) == 1
    assert ask("GET", "/users").status_code == 403
    assert ask("PUT", "/permissions/sys_admin/user_list").json() == {"role": "sys_admin", "permission": "user_list"}
    assert ask("GET", "/users").status_code == 200


def test_tenant_managers_change_no_permissions(as_member: As):
    mia, admin = as_member("mia"), as_member("admin")
    assert mia("GET", "/permissions").status_code == 200
    for method, path in (
        ("PUT", "/permissions/viewer/site_create"),
        ("DELETE", "/permissions/user/site_create"),
        ("PUT", "/permissions/manager/user_update"),
        ("PUT", "/permissions/default/all_tenants"),
        ("DELETE", "/permissions/sys_admin/site_list"),
        ("DELETE", LOCKED),
    ):
        assert mia(method, path).status_code == 403, path
    assert as_member("alice")("GET", "/permissions").status_code == 403
    assert admin("GET", "/permissions").json()["metadata"]["pagination"]["total"] == 839


CHANGES = [  # a member, a request, and the permission that decides about it: without and with it
    ("vera", "PUT", "/sites/a", {}, "site_create", 403, 200),
    ("alice", "PUT", "/sites/b", {"visibility": "global"}, "create_global_resource", 403, 200),
    ("alice", "PATCH", "/secrets/owned", {"creator": "bob"}, "set_owner", 403, 200),
    ("alice", "GET", "/users", None, "user_list", 403, 200),
    ("alice", "GET", "/tenants/default_tenant?_get_data=true", None, "tenant_list_get_data", 403, 200),
    ("alice", "GET", "/sites/hidden", None, "administrators", 404, 200),
    ("oscar", "DELETE", "/sites/none", None, "site_delete", 403, 404),
    ("mia", "GET", "/sites/hidden", None, "administrators", 404, 200),
]


def test_changed_permissions_decide_what_roles_may_do(as_member: As):
    admin = as_member("admin")
    admin("PUT", "/sites/hidden", json={"visibility": "private"})
    as_member("alice")("PUT", "/secrets/owned", json={"value": "v"})
    for user, method, path, body, permission, without, having in CHANGES:
        role = {"vera": "viewer", "oscar": "operations", "mia": "manager"}.get(user, "user")
        pair = f"/permissions/{role}/{permission}"
        has_it = user == "mia"
        if has_it:
            assert as_member(user)(method, path, json=body).status_code == having, pair
            assert admin("DELETE", pair).status_code == 204
        assert as_member(user)(method, path, json=body).status_code == without, pair
        assert admin("PUT", pair).status_code == 200
        assert as_member(user)(method, path, json=body).status_code == having, pair
        if not has_it:
            assert admin("DELETE", pair).status_code == 204


def test_permission_of_all_users_needs_membership_in_the_tenant(as_member: As):
    for permission in ("site_list", "site_create", "user_list"):
        assert as_member("admin")("PUT", f"/permissions/default/{permission}").status_code == 200
    nora = as_member("nora")
    assert nora("GET", "/sites").status_code == 403
    assert nora("PUT", "/sites/mine", json={}).status_code == 403
    assert nora("GET", "/users").status_code == 200  # users are in no tenant
    assert as_member("vera")("PUT", "/sites/mine", json={}).status_code == 200


def test_all_tenants_permission_decides_what_lists_show(as_member: As):
    admin = as_member("admin")
    admin("PUT", "/sites/red-site", tenant="red", json={})
    assert len(admin("GET", "/sites?_all_tenants=true").json()["items"]) == 1
    assert admin("DELETE", "/permissions/sys_admin/all_tenants").status_code == 204
    assert admin("GET", "/sites?_all_tenants=true").json()["items"] == []
    assert len(admin("GET", "/sites", tenant="red").json()["items"]) == 1
    assert [tenant["name"] for tenant in admin("GET", "/tenants").json()["items"]] == ["default_tenant"]


def test_new_permissions_come_in_and_changes_stay(ask: Ask, app: AppContext):
    ask("DELETE", "/permissions/viewer/site_get")
    with app.database.write() as session:  # as a former version left it, which did not know `site_list`
        session.execute(delete(Permission).where(Permission.name == "site_list"))
        session.execute(delete(RolePermission).where(RolePermission.permission == "site_list"))
    assert ask("PUT", "/permissions/viewer/site_list").status_code == 404
    for _ in range(2):
        with app.database.write() as session:
            role_permissions.add_new(session)
    with app.database.read() as session:
        having = select(RolePermission.role).where(RolePermission.permission.in_(("site_list", "site_get")))
        roles = sorted(session.scalars(having))
    assert roles == sorted([*FACTS["site_list"].split(), *set(FACTS["site_get"].split()) - {"viewer"}])


def test_config_shows_the_permissions_as_they_are(ask: Ask):
    ask("DELETE", "/permissions/sys_admin/site_get")
    permissions = ask("GET", "/config").json()["authorization"]["permissions"]
    assert set(permissions["site_get"]) == {*FACTS["site_get"].split()} - {"sys_admin"}


def test_identity_provider_is_the_manager_itself(ask: Ask):
    ask("PUT", "/users", json={"username": "nora", "password": PASSWORD})
    assert ask("GET", "/idp", user="nora", password=PASSWORD).json() == "local"

"""Tests of `cfy users`, `cfy tenants` and `cfy tokens` with an embedded manager."""

import json

from tests.conftest import Cfy


def test_user_create_to_delete(cfy: Cfy) -> None:
    cfy("tenants create acme")
    message = cfy("users create ann -p annpass12345 -t acme -l user")
    assert message == (
        "User `ann` created with `default` security role\n"
        "User `ann` added successfully to tenant `acme` with `user` role\n"
    )
    assert cfy("users set-role ann -r sys_admin") == "New role `sys_admin` set\n"
    assert cfy("users set-password ann --password-stdin", input="otherpass123\n") == "New password set\n"
    cfy("status", user="ann", password="annpass12345", code=4)
    cfy("status", user="ann", password="otherpass123")
    assert cfy("users deactivate ann") == "User deactivated\n"
    assert cfy("users activate ann") == "User activated\n"
    assert cfy("users unlock ann") == "User unlocked\n"
    assert "Showing 2 of 2 users" in cfy("users list")
    assert "acme" in cfy("users get ann --get-data")
    cfy("tenants remove-user ann -t acme")
    assert cfy("users delete ann") == "User `ann` deleted\n"
    cfy("users get ann", code=3)


def test_user_sets_the_own_password_only(cfy: Cfy) -> None:
    for name in ("ann", "bob"):
        cfy(f"users create {name} -p first-one")
    assert cfy("users set-password ann -p second-one", user="ann", password="first-one") == "New password set\n"
    cfy("users get", user="ann", password="second-one")
    cfy("users set-password bob -p second-one", user="ann", password="second-one", code=4)
    cfy("users set-role ann -r sys_admin", user="ann", password="second-one", code=4)
    cfy("users get", user="bob", password="first-one")


def test_user_create_without_terminal_requires_password(cfy: Cfy) -> None:
    cfy("users create ann", code=2)
    assert "Give --password or --password-stdin" in cfy.errors


def test_user_create_role_requires_tenant(cfy: Cfy) -> None:
    cfy("users create ann -p annpass12345 -l user", code=2)


def test_tenant_create_to_delete(cfy: Cfy) -> None:
    assert cfy("tenants create acme") == "Tenant `acme` created\n"
    cfy("users create ann -p annpass12345")
    assert cfy("tenants add-user ann -t acme -r viewer").endswith("to tenant `acme` with `viewer` role\n")
    assert cfy("tenants update-user ann -t acme -r operations") == "User `ann` updated successfully in tenant `acme`\n"
    assert "operations" in cfy("tenants get acme --get-data")
    assert json.loads(cfy("tenants get acme --json"))["users"] == 1
    cfy("tenants delete acme", code=1)
    assert cfy("tenants remove-user ann -t acme") == "User `ann` removed successfully from tenant `acme`\n"
    assert cfy("tenants delete acme") == "Tenant `acme` deleted\n"
    assert "Showing 1 of 1 tenants" in cfy("tenants list")


def test_add_user_requires_tenant_name(cfy: Cfy) -> None:
    cfy("tenants add-user ann -r user", code=2)
    assert "--tenant-name" in cfy.errors


def test_token_create_to_delete(cfy: Cfy) -> None:
    token = json.loads(cfy("tokens create -d ci --json"))
    assert token["value"].startswith("ctok-")
    listed = cfy("tokens list")
    assert token["id"] in listed
    assert token["value"] not in listed
    assert token["id"] in cfy(f"tokens get {token['id']}")
    assert cfy(f"tokens delete {token['id']}") == f"Token `{token['id']}` deleted\n"
    cfy(f"tokens get {token['id']}", code=3)


def test_if_exists_skips_or_updates_users_and_tenants(cfy: Cfy) -> None:
    cfy("tenants create acme")
    assert cfy("tenants create acme --if-exists skip") == "Tenant `acme` already exists\n"
    cfy("users create ann -p annpass12345 -t acme -l user")
    cfy("users create ann -p annpass12345", code=1)
    assert cfy("users create ann -p otherpass1234 --if-exists skip") == "User `ann` already exists\n"
    cfy("status", user="ann", password="annpass12345")
    message = cfy("users create ann -p otherpass1234 -r sys_admin -t acme -l viewer --if-exists update")
    assert message.startswith("User `ann` updated\nUser `ann` added successfully to tenant `acme` with `viewer` role\n")
    cfy("status", user="ann", password="otherpass1234")

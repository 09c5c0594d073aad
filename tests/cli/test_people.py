"""Users, tenants and tokens, from the command line to the database and back."""

import json

from tests.conftest import Cfy


def test_a_user_lives(cfy: Cfy) -> None:
    cfy("tenants create acme")
    done = cfy("users create ann -p annpass12345 -t acme -l user")
    assert done == (
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


def test_a_password_is_never_waited_for_in_a_script(cfy: Cfy) -> None:
    cfy("users create ann", code=2)
    assert "Give --password or --password-stdin" in cfy.errors


def test_a_role_in_a_tenant_needs_the_tenant(cfy: Cfy) -> None:
    cfy("users create ann -p annpass12345 -l user", code=2)


def test_a_tenant_lives(cfy: Cfy) -> None:
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


def test_a_tenant_must_be_named_for_its_users(cfy: Cfy) -> None:
    cfy("tenants add-user ann -r user", code=2)
    assert "--tenant-name" in cfy.errors


def test_a_token_opens_until_it_is_deleted(cfy: Cfy) -> None:
    token = json.loads(cfy("tokens create -d ci --json"))
    assert token["value"].startswith("ctok-")
    listed = cfy("tokens list")
    assert token["id"] in listed
    assert token["value"] not in listed
    assert token["id"] in cfy(f"tokens get {token['id']}")
    assert cfy(f"tokens delete {token['id']}") == f"Token `{token['id']}` deleted\n"
    cfy(f"tokens get {token['id']}", code=3)


def test_people_who_are_there_already_may_be_left_or_changed(cfy: Cfy) -> None:
    cfy("tenants create acme")
    assert cfy("tenants create acme --if-exists skip") == "Tenant `acme` exists already\n"
    cfy("users create ann -p annpass12345 -t acme -l user")
    cfy("users create ann -p annpass12345", code=1)
    assert cfy("users create ann -p otherpass1234 --if-exists skip") == "User `ann` exists already\n"
    cfy("status", user="ann", password="annpass12345")
    changed = cfy("users create ann -p otherpass1234 -r sys_admin -t acme -l viewer --if-exists update")
    assert changed.startswith("User `ann` updated\nUser `ann` added successfully to tenant `acme` with `viewer` role\n")
    cfy("status", user="ann", password="otherpass1234")

"""`cfy user-groups`, `cfy permissions`, `cfy idp`, groups of tenants, and owners, with an embedded manager."""

import json
from pathlib import Path

import pytest

from tests.cli.test_if_exists import BLUEPRINT
from tests.conftest import Cfy

AS_ANN = {"user": "ann", "password": "annpass12345"}


def test_user_group_create_to_delete(cfy: Cfy) -> None:
    cfy("tenants create acme")
    cfy("users create ann -p annpass12345")
    assert "Showing 0 of 0 user groups" in cfy("user-groups list")
    assert cfy("user-groups create ops -l cn=ops,dc=example,dc=com") == "Group `ops` created\n"
    assert cfy("user-groups add-user ann -g ops") == "User `ann` added successfully to user group `ops`\n"
    added = cfy("tenants add-user-group ops -t acme -r viewer")
    assert added == "User group `ops` added successfully to tenant `acme` with `viewer` role\n"
    cfy("sites create tlv -t acme", **AS_ANN, code=4)
    updated = cfy("tenants update-user-group ops -t acme -r user")
    assert updated == "User group `ops` updated successfully in tenant `acme`\n"
    cfy("sites create tlv -t acme", **AS_ANN)
    assert json.loads(cfy("user-groups get ops --json"))["users"] == 1
    group = json.loads(cfy("user-groups get ops --get-data --json"))
    assert (group["tenants"], group["users"]) == ("'acme': 'user'", ["ann"])
    shown = cfy("user-groups list --get-data")
    assert "acme" in shown
    assert "ann" in shown
    assert "ops" in cfy("users get ann --get-data")
    assert "ops" in cfy("tenants get acme --get-data")
    assert cfy("user-groups set-role ops -r sys_admin") == "New role `sys_admin` set\n"
    assert "sys_admin" in cfy("users list")
    removed = cfy("tenants remove-user-group ops -t acme")
    assert removed == "User group `ops` removed successfully from tenant `acme`\n"
    assert cfy("user-groups remove-user ann -g ops") == "User `ann` removed successfully from user group `ops`\n"
    assert cfy("user-groups delete ops") == "User group `ops` deleted\n"
    cfy("user-groups get ops", code=3)


def test_membership_that_is_as_wanted_is_no_failure(cfy: Cfy) -> None:
    """Scripts of the public cfy add and remove members without looking before."""
    cfy("tenants create acme")
    cfy("users create ann -p annpass12345")
    cfy("user-groups create ops")
    for noun, add, remove in (
        ("User `ann`", "tenants add-user ann -t acme -r user", "tenants remove-user ann -t acme"),
        ("User `ann`", "user-groups add-user ann -g ops", "user-groups remove-user ann -g ops"),
        ("User group `ops`", "tenants add-user-group ops -t acme -r user", "tenants remove-user-group ops -t acme"),
    ):
        where = "user group `ops`" if add.startswith("user-groups") else "tenant `acme`"
        for line, sentence in ((add, "is already associated with"), (remove, "is not associated with")):
            cfy(line)
            assert cfy(line) == f"{noun} {sentence} {where}\n"
    cfy("tenants add-user nobody -t acme -r user", code=3)
    cfy("tenants remove-user nobody -t acme")
    assert "`User` with username `nobody` was not found" in cfy.errors
    cfy("tenants update-user ann -t acme -r user", code=3)


def test_permission_disallowed_and_allowed_again(cfy: Cfy) -> None:
    cfy("users create ann -p annpass12345 -t default_tenant -l viewer")
    assert "secret_list" in cfy("permissions list --role viewer")
    disallowed = cfy("permissions disallow --role viewer --permission secret_list")
    assert disallowed == "Disallowed role viewer the permission secret_list\n"
    cfy("secrets list", **AS_ANN, code=4)
    cfy("permissions disallow --role viewer --permission secret_list", code=3)
    assert "cfy permissions list --role viewer" in cfy.errors
    assert (
        cfy("permissions allow --role viewer --permission secret_list")
        == "Allowed role viewer the permission secret_list\n"
    )
    cfy("secrets list", **AS_ANN)
    roles = {item["permission"]: item["roles"] for item in json.loads(cfy("permissions list --json"))}
    assert sorted(roles["secret_list"]) == ["manager", "operations", "sys_admin", "user", "viewer"]
    for line, code in (("disallow --role sys_admin --permission administrators", 1), ("list --role boss", 3)):
        cfy(f"permissions {line}", code=code)
    cfy("permissions allow --role viewer", code=2)
    assert cfy("idp get") == "local\n"


@pytest.mark.usefixtures("worker")
def test_new_owner_of_each_noun_is_shown(cfy: Cfy, tmp_path: Path) -> None:
    cfy("users create ann -p annpass12345 -t default_tenant -l user")
    (tmp_path / "blueprint.yaml").write_text(BLUEPRINT)
    cfy(f"blueprints upload {tmp_path}/blueprint.yaml -b app --labels a:b")
    cfy("deployments create dep -b app")
    cfy("secrets create db -s one")
    for noun, key in (("blueprint", "app"), ("deployment", "dep"), ("secret", "db")):
        cfy(f"{noun}s set-owner {key} -s ann", **AS_ANN, code=4)
        cfy(f"{noun}s set-owner {key} -s nobody", code=3)
        cfy(f"{noun}s set-owner {key}", code=2)
        message = f"{noun.capitalize()} `{key}` is now owned by user `ann`\n"
        assert cfy(f"{noun}s set-owner {key} -s ann") == message
        assert json.loads(cfy(f"{noun}s get {key} --json"))["created_by"] == "ann"
    assert "b" in cfy("blueprints labels list app")
    assert cfy("blueprints set-global app") == "Blueprint `app` was set to global\n"

"""Endpoints of user groups and their members."""

from typing import cast

from pydantic import Field

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.resources import USER_GROUPS
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import Body
from cfy_cli.manager.rest.query import GET_DATA, SEARCH
from cfy_cli.manager.rest.schemas import answer_of, list_answer
from cfy_cli.manager.rest.serialize import page_of
from cfy_cli.manager.services.configuration.configuration import Configuration
from cfy_cli.manager.services.identity import user_groups
from cfy_cli.manager.services.identity.directory.settings import MembersOfDirectory, is_enabled
from cfy_cli.manager.store.models import UserGroup

routes = Routes("user groups")
GROUP = answer_of(user_groups.GroupAnswer)


class NewGroup(Body):
    name: str = Field(alias="group_name")
    ldap_dn: str | None = Field(None, alias="ldap_group_dn")
    role: str | None = None


class GroupChange(Body):
    role: str


class GroupMemberBody(Body):
    username: str
    group_name: str


@routes.listing("/user-groups", "user_group_list", (SEARCH,), list_answer(GROUP, "UserGroupList"))
def list_user_groups(call: Call) -> JsonObject:
    listing = call.listing(USER_GROUPS.order, {SEARCH.name: USER_GROUPS.search})
    page = call.store.list(UserGroup, listing, options=user_groups.WITH_MEMBERS)
    return page_of(page, [_show(call, group) for group in page.items])


@routes.post("/user-groups", "user_group_create", (GET_DATA,), GROUP, 201)
def create_user_group(call: Call, body: NewGroup) -> JsonObject:
    return _show(call, user_groups.create(call.store, body.name, body.ldap_dn, body.role or "default"))


@routes.put("/user-groups/users", "user_group_add_user", (GET_DATA,), GROUP)
def add_user_to_group(call: Call, body: GroupMemberBody) -> JsonObject:
    _check_members_are_local(call, body.group_name)
    return _show(call, user_groups.add_user(call.store, body.username, body.group_name))


@routes.delete("/user-groups/users", "user_group_remove_user", (GET_DATA,))
def remove_user_from_group(call: Call, body: GroupMemberBody) -> None:
    _check_members_are_local(call, body.group_name)
    user_groups.remove_user(call.store, body.username, body.group_name)


@routes.get("/user-groups/{group_name}", "user_group_get", (GET_DATA,), GROUP)
def get_user_group(call: Call, group_name: str) -> JsonObject:
    return _show(call, user_groups.get(call.store, group_name))


@routes.post("/user-groups/{group_name}", "user_group_update", (GET_DATA,), GROUP)
def set_role_of_user_group(call: Call, group_name: str, body: GroupChange) -> JsonObject:
    """Change the system role of all members."""
    return _show(call, user_groups.set_role(call.store, group_name, body.role))


@routes.delete("/user-groups/{group_name}", "user_group_delete", (GET_DATA,))
def delete_user_group(call: Call, group_name: str) -> None:
    user_groups.delete(call.store, group_name)


def _check_members_are_local(call: Call, name: str) -> None:
    """Raise an error where members come from LDAP: the next login would undo the change."""
    group = user_groups.get(call.store, name)
    if group.ldap_dn and is_enabled(call.app.service(Configuration)):
        raise MembersOfDirectory(
            f"The members of user group `{name}` are those of the LDAP group `{group.ldap_dn}`",
            hint="Change them there; each login follows.",
        )


def _show(call: Call, group: UserGroup) -> JsonObject:
    return cast("JsonObject", user_groups.describe(group, with_details=call.flag("_get_data")))

"""Endpoints of users."""

from typing import Literal, cast

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.resources import USERS
from cfy_cli.errors import Forbidden, Invalid
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import Body
from cfy_cli.manager.rest.query import GET_DATA, SEARCH
from cfy_cli.manager.rest.schemas import answer_of, list_answer
from cfy_cli.manager.rest.serialize import page_of
from cfy_cli.manager.services.identity import users
from cfy_cli.manager.store.models import User

routes = Routes("users")
USER = answer_of(users.UserAnswer)


class NewUser(Body):
    username: str
    password: str
    role: str = "default"


class UserChange(Body):
    password: str | None = None
    role: str | None = None
    show_getting_started: bool | None = None


class ActivationBody(Body):
    action: Literal["activate", "deactivate"]


@routes.listing("/users", "user_list", (SEARCH,), list_answer(USER, "UserList"))
def list_users(call: Call) -> JsonObject:
    page = call.store.list(User, call.listing(USERS.order, {SEARCH.name: USERS.search}), options=users.WITH_MEMBERSHIPS)
    return page_of(page, [_show(call, user) for user in page.items])


@routes.get("/users/{username}", "user_get", (GET_DATA,), USER)
def get_user(call: Call, username: str) -> JsonObject:
    return _show(call, users.get(call.store, username))


@routes.get("/user", "user_get_self", (GET_DATA,), USER)
def get_own_user(call: Call) -> JsonObject:
    return _show(call, users.get(call.store, call.identity.username))


@routes.put("/users", "user_create", (GET_DATA,), USER, status=201)
def create_user(call: Call, body: NewUser) -> JsonObject:
    return _show(call, users.create(call.store, body.username, body.password, body.role))


@routes.post("/users/{username}", "user_update", (GET_DATA,), USER)
def update_user(call: Call, username: str, body: UserChange) -> JsonObject:
    """Change the password, the role or `show_getting_started`: one of them; every user may set the own password."""
    given = body.model_dump(exclude_none=True)
    if given.keys() != {"password"} and not call.scope.has_permission("user_update"):
        raise Forbidden(f"User `{username}` is only permitted to set the own password, alone")
    if len(given) != 1:
        raise Invalid("No valid user settings: give one of `password`, `role` and `show_getting_started`")
    return _show(call, users.update(call.store, username, **given))


@routes.post("/users/active/{username}", "user_set_activated", (GET_DATA,), USER)
def set_user_active(call: Call, username: str, body: ActivationBody) -> JsonObject:
    return _show(call, users.set_active(call.store, username, body.action == "activate"))


@routes.post("/users/unlock/{username}", "user_unlock", (GET_DATA,), USER)
def unlock_user(call: Call, username: str) -> JsonObject:
    return _show(call, users.unlock(call.store, username))


@routes.delete("/users/{username}", "user_delete")
def delete_user(call: Call, username: str) -> None:
    users.delete(call.store, username)


def _show(call: Call, user: User) -> JsonObject:
    return cast("JsonObject", users.describe(user, with_details=call.flag("_get_data")))

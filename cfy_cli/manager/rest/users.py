"""Users over HTTP."""

from typing import Annotated, Any, Literal

from fastapi import Depends
from pydantic import BaseModel

from cfy_cli.contract.resources import USERS
from cfy_cli.errors import Forbidden
from cfy_cli.manager.rest.api import Call, Routes, listed
from cfy_cli.manager.rest.paging import flag, listing
from cfy_cli.manager.services.identity import users
from cfy_cli.manager.services.identity.credentials import Credentials
from cfy_cli.manager.services.identity.permissions import allowed
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.models import User

routes = Routes("users")


class NewUser(BaseModel):
    username: str
    password: str
    role: str = "default"


class UserChange(BaseModel):
    password: str | None = None
    role: str | None = None
    show_getting_started: bool | None = None


class Activation(BaseModel):
    action: Literal["activate", "deactivate"]


@routes.get("/users", "user_list")
def list_users(
    call: Call, asked: Annotated[Listing, Depends(listing(sort=USERS.order, extra=("_get_data",)))]
) -> dict[str, Any]:
    page = call.store.list(User, asked, search=USERS.search)
    return listed(page, [_shown(call, user) for user in page.items])


@routes.get("/users/{username}", "user_get_self")
def get_user(call: Call, username: str) -> dict[str, Any]:
    if username != call.identity.username and not allowed("user_get", {call.identity.role}):
        raise Forbidden(f"User `{call.identity.username}` is not permitted to perform the action `user_get`")
    return _shown(call, users.get(call.store, username))


@routes.get("/user", "user_get_self")
def get_own_user(call: Call) -> dict[str, Any]:
    return _shown(call, users.get(call.store, call.identity.username))


@routes.put("/users", "user_create", status=201)
def create_user(call: Call, body: NewUser) -> dict[str, Any]:
    return _shown(call, users.create(call.store, body.username, body.password, body.role))


@routes.post("/users/{username}", "user_update")
def update_user(call: Call, username: str, body: UserChange) -> dict[str, Any]:
    call.store.after_commit(call.app.service(Credentials).forget)
    return _shown(call, users.update(call.store, username, body.model_dump()))


@routes.post("/users/active/{username}", "user_set_activated")
def set_user_active(call: Call, username: str, body: Activation) -> dict[str, Any]:
    call.store.after_commit(call.app.service(Credentials).forget)
    return _shown(call, users.set_active(call.store, username, body.action == "activate"))


@routes.post("/users/unlock/{username}", "user_unlock")
def unlock_user(call: Call, username: str) -> dict[str, Any]:
    return _shown(call, users.unlock(call.store, username))


@routes.delete("/users/{username}", "user_delete")
def delete_user(call: Call, username: str) -> None:
    call.store.after_commit(call.app.service(Credentials).forget)
    users.delete(call.store, username)


def _shown(call: Call, user: User) -> dict[str, Any]:
    return users.shown(user, details=flag(call.query, "_get_data"))

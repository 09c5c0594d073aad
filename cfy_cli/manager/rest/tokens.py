"""Tokens over HTTP."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel

from cfy_cli.manager.rest.api import Call, Routes, listed
from cfy_cli.manager.rest.paging import listing
from cfy_cli.manager.rest.wire import item, items
from cfy_cli.manager.services.identity import tokens
from cfy_cli.manager.services.identity.credentials import Credentials
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.models import Token, User

routes = Routes("tokens")


class NewToken(BaseModel):
    description: str | None = None
    expiration_date: str | None = None


@routes.get("/tokens", "list_token")
def list_tokens(call: Call, asked: Annotated[Listing, Depends(listing(sort="id"))]) -> dict[str, Any]:
    """The caller's tokens (an administrator's: everybody's); beside them a short-lived value of the caller's own."""
    mine = None if tokens.may_manage_all(call.store) else Token.user.has(User.username == call.identity.username)
    page = call.store.list(Token, asked, where=mine)
    own = {"role": call.identity.role, "value": call.app.service(Credentials).signed(call.identity.username)}
    return {**listed(page, items(page.items, asked.include)), **own}


@routes.get("/tokens/{token_id}", "list_token")
def get_token(call: Call, token_id: str) -> dict[str, Any]:
    return item(tokens.get(call.store, token_id), call.include)


@routes.post("/tokens", "create_token")
def create_token(call: Call, body: NewToken | None = None) -> dict[str, Any]:
    wanted = body or NewToken()
    token, value = tokens.create(call.store, wanted.description, wanted.expiration_date)
    return {**item(token), "value": value}


@routes.delete("/tokens/{token_id}", "delete_token")
def delete_token(call: Call, token_id: str) -> None:
    call.store.after_commit(call.app.service(Credentials).forget)
    call.store.delete(tokens.get(call.store, token_id))

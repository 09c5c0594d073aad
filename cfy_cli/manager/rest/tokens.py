"""Endpoints of tokens."""

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.resources import TOKENS
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import Body
from cfy_cli.manager.rest.schemas import extended, list_answer, row_answer
from cfy_cli.manager.rest.serialize import page_of, serialize, serialize_all
from cfy_cli.manager.services.identity import tokens
from cfy_cli.manager.services.identity.credentials import Credentials
from cfy_cli.manager.store.models import Token

routes = Routes("tokens")
TOKEN = row_answer(Token)


class NewToken(Body):
    description: str | None = None
    expiration_date: str | None = None


@routes.listing("/tokens", "list_token", (), list_answer(TOKEN, "TokenList", role=str, value=str))
def list_tokens(call: Call) -> JsonObject:
    """List the user's tokens, for an administrator those of all users; add a short-lived token as `value`."""
    listing = call.listing(TOKENS.key)
    where = None if tokens.can_manage_all(call.store) else tokens.belongs_to(call.identity.username)
    page = call.store.list(Token, listing, where=where)
    role = "admin" if call.scope.administrator else "user"
    value = call.app.service(Credentials).sign_token(call.login)
    return {**page_of(page, serialize_all(page.items, listing.include)), "role": role, "value": value}


@routes.get("/tokens/{token_id}", "list_token", (), TOKEN)
def get_token(call: Call, token_id: str) -> JsonObject:
    return serialize(tokens.get(call.store, token_id), call.include)


@routes.post("/tokens", "create_token", (), extended(TOKEN, "NewTokenAnswer", value=str))
def create_token(call: Call, body: NewToken | None = None) -> JsonObject:
    """Create a token; this is the only answer with its whole value."""
    new = body or NewToken()
    token, value = tokens.create(call.store, new.description, new.expiration_date, login=call.login)
    return {**serialize(token), "value": value}


@routes.delete("/tokens/{token_id}", "delete_token")
def delete_token(call: Call, token_id: str) -> None:
    call.store.delete(tokens.get(call.store, token_id))

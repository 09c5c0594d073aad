"""Endpoints of the sessions of the web page: for browsers alone, and so no part of the OpenAPI document."""

import base64
from functools import partial

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from cfy_cli import __version__
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.limits import active_limits
from cfy_cli.errors import Invalid, TooLarge, Unauthorized
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import Body
from cfy_cli.manager.rest.login_threads import run_in_login_thread
from cfy_cli.manager.rest.route import AuthorizedRoute
from cfy_cli.manager.rest.serialize import dump
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity import web_sessions
from cfy_cli.manager.services.identity.credentials import COOKIE_HEADER, PASSWORD_HEADER, Credential
from cfy_cli.manager.services.identity.web_sessions import WebSession, cookie_name, csrf_token

OWN = "user_get_self"  # the permission that every user has
PATH = "/web/session"
MAX_LOGIN = 8192  # bytes: the body of a login is received before anybody is authenticated
routes = Routes("web")
logins = APIRouter(route_class=AuthorizedRoute)


class NewSession(Body):
    """A user name and a password, or the code of a one-time link."""

    username: str | None = None
    password: str | None = None
    code: str | None = None


async def check_login(request: Request) -> None:
    """Raise TooLarge for a body that no login has."""
    size = request.headers.get("content-length", "")
    if not size.isdecimal() or int(size) > MAX_LOGIN:
        raise TooLarge(f"The body of a login has at most {MAX_LOGIN} bytes, and says so in its `Content-Length`")


async def begin_session(request: Request, body: NewSession) -> Response:
    """Log in with a password or the code of a link; answer the CSRF token, and set the cookie."""
    app: AppContext = request.app.state.app_context
    if body.code is not None:
        session = await run_in_threadpool(web_sessions.redeem_link, app, body.code)
    elif body.username and body.password is not None:
        credential = _password_of(request, body.username, body.password)
        log_in = partial(web_sessions.log_in, app, credential)
        is_first = credential.is_of_first_administrator
        session = await run_in_login_thread(active_limits(), log_in, is_first_administrator=is_first)
    else:
        raise Invalid("Give `username` and `password`, or the `code` of a one-time link")
    return _answer(request, session)


begin_session.authorize, begin_session.file_limit = check_login, "request_body"  # type: ignore[attr-defined]
logins.add_api_route(PATH, begin_session, methods=["POST"], response_model=None)


@routes.get(PATH, OWN)
def get_session(call: Call) -> JsonObject:
    """Return who is logged in, and what the user may do in the tenant of the request."""
    credential = call.caller.credential
    if credential.header != COOKIE_HEADER:
        raise Unauthorized("User unauthorized: The request has no cookie of a session")
    permissions: list[Json] = [*sorted(call.identity.permissions_in(call.scope.tenant))]
    return {
        "username": call.identity.username,
        "csrf_token": csrf_token(credential.value),
        "expires_at": call.login.expires_at,
        "tenant": call.scope.tenant,
        "permissions": permissions,
        "version": __version__,
    }


@routes.delete(PATH, OWN)
def end_session(call: Call, request: Request) -> Response:
    """Log out."""
    web_sessions.end(call.store, call.login)
    answer = Response(status_code=204)
    name = cookie_name(request.headers.get("host", ""))
    answer.delete_cookie(name, path="/", httponly=True, samesite="strict")
    return answer


@routes.post("/web/links", OWN)
def create_link(call: Call) -> JsonObject:
    """Return the code of a link that logs its user in once."""
    return {"code": web_sessions.create_link(call.app, call.store, call.login)}


def _password_of(request: Request, username: str, password: str) -> Credential:
    """Return the credential of a password, which is counted, delayed and cached as those of other clients are."""
    host, port = request.client or ("", 0)
    encoded = base64.b64encode(f"{username}:{password}".encode()).decode()
    return Credential(PASSWORD_HEADER, f"Basic {encoded}", host, port)


def _answer(request: Request, session: WebSession) -> Response:
    content: JsonObject = {
        "username": session.username,
        "csrf_token": csrf_token(session.value),
        "expires_at": session.expires_at,
    }
    answer = Response(dump(content), media_type="application/json")
    answer.set_cookie(
        cookie_name(request.headers.get("host", "")),
        session.value,
        max_age=active_limits().web_session,
        path="/",
        secure=request.headers.get("origin", "").startswith("https:"),
        httponly=True,
        samesite="strict",
    )
    return answer

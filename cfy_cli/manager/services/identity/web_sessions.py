"""Sessions of browsers: each is a stored token whose value nobody knows, and a signed one in a cookie that names it.

So a session ends when it is logged out or expires, and when the user is deactivated or gets another password. A
one-time link is stored in the same way, is no credential, and is deleted by the login that it is good for.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadData
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from cfy_cli.contract.limits import active_limits
from cfy_cli.contract.timestamps import format_timestamp, now
from cfy_cli.errors import Forbidden, Unauthorized
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.credentials import Credential, Credentials, Login, hash_secret
from cfy_cli.manager.services.identity.signed_tokens import SignedToken, TokenSigner
from cfy_cli.manager.services.identity.tokens import new_token_id
from cfy_cli.manager.store.audit import Actor
from cfy_cli.manager.store.models import Token, User
from cfy_cli.manager.store.store import Store

COOKIE = "cfy_session"  # and the port, if the address has one
PORT = re.compile(r":(\d{1,5})$")
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD"})
LINK_LIFETIME = 60  # seconds
LINK_PURPOSE = "one-time link"
LINK_HINT = "A link is good for one login within a minute. Make another one: cfy manager open"


@dataclass(frozen=True, slots=True)
class WebSession:
    """A session that has just begun; `value` is that of its cookie."""

    value: str
    username: str
    expires_at: str


def cookie_name(host: str) -> str:
    """Return the name of the cookie for a header `Host`: cookies know no ports, and managers may share a host."""
    port = PORT.search(host)
    return f"{COOKIE}_{port[1]}" if port else COOKIE


def csrf_token(value: str) -> str:
    """Return what requests of a session must have beside its cookie; it tells nothing about the cookie."""
    return hmac.new(value.encode(), b"csrf", hashlib.sha256).hexdigest()


def check_csrf(method: str, value: str, given: str | None) -> None:
    """Raise Forbidden when a request that may change something has the cookie, but not the CSRF token."""
    is_given = hmac.compare_digest(csrf_token(value).encode(), (given or "").encode())
    if method not in SAFE_METHODS and not is_given:
        raise Forbidden(
            f"A request with the cookie of a session needs the header `{CSRF_HEADER}` of that session",
            hint="Reload the page. Programs log in with a password or a token, without cookies.",
        )


def log_in(app: AppContext, credential: Credential) -> WebSession:
    """Begin a session with a password. Raises Unauthorized."""
    login = app.service(Credentials).login(credential)
    with app.database.write(Actor(login.identity.username)) as session:
        return _begin(app, session, session.get_one(User, login.user_storage_id), None)


def create_link(app: AppContext, store: Store, login: Login) -> str:
    """Return the code of a link with which the user of a login begins one session; it ends with that login."""
    session = store.unscoped  # tokens are in no tenant
    parent = session.scalar(select(Token).where(Token.id == login.token_id)) if login.token_id else None
    user = session.get_one(User, login.user_storage_id)
    token = _store(session, user, "One-time link to the web page", LINK_LIFETIME, parent)
    return str(app.service(TokenSigner).serializer(LINK_PURPOSE).dumps([token.id, user.token_stamp]))


def redeem_link(app: AppContext, code: str) -> WebSession:
    """Begin a session with the code of a link, which ends by that. Raises Unauthorized."""
    try:
        token_id, stamp = app.service(TokenSigner).serializer(LINK_PURPOSE).loads(code)
    except BadData:
        raise _ended() from None
    with app.database.write() as session:
        link = session.scalar(select(Token).where(Token.id == token_id).with_for_update(of=Token))
        if link is None or (link.expiration_date or "") <= now():
            raise _ended()
        user = link.user
        if not user.active or user.token_stamp != stamp:
            raise _ended()
        session.act_as(Actor(user.username, link.execution_id))
        parent = session.get(Token, link.parent_storage_id) if link.parent_storage_id else None
        session.delete(link)
        return _begin(app, session, user, parent)


def end(store: Store, login: Login) -> None:
    """End the session of a login."""
    token = store.find(Token, login.token_id or "")
    if token is not None:
        store.delete(token)


def _begin(app: AppContext, session: Session, user: User, parent: Token | None) -> WebSession:
    token = _store(session, user, "Session of the web page", active_limits().web_session, parent)
    expires_at = token.expiration_date or ""
    signed = SignedToken(user.storage_id, user.token_stamp, token.id, expires_at)
    return WebSession(app.service(TokenSigner).sign(signed), user.username, expires_at)


def _store(session: Session, user: User, description: str, lifetime: int, parent: Token | None) -> Token:
    """Store a token that is no credential by itself, and delete all expired ones; it ends with its parent."""
    session.execute(delete(Token).where(Token.expiration_date <= now()))
    expires_at = format_timestamp(datetime.now(UTC) + timedelta(seconds=lifetime))
    token = Token(
        id=new_token_id(),
        user_storage_id=user.storage_id,
        secret=hash_secret(secrets.token_urlsafe(30)),
        description=description,
        expiration_date=min(expires_at, parent.expiration_date or expires_at) if parent else expires_at,
        parent_storage_id=parent.storage_id if parent else None,
        execution_id=parent.execution_id if parent else None,
    )
    session.add(token)
    session.flush()
    return token


def _ended() -> Unauthorized:
    return Unauthorized("User unauthorized: The link was used before, or has expired", hint=LINK_HINT)

"""Tokens, which scripts use instead of a password."""

import re
import secrets
import string
from datetime import UTC, datetime

from sqlalchemy import delete, select

from cfy_cli.contract.datetimes import parse_datetime
from cfy_cli.contract.durations import Duration
from cfy_cli.contract.timestamps import format_timestamp, now
from cfy_cli.errors import Invalid, NotFound, Unauthorized, Usage
from cfy_cli.manager.services.identity import users
from cfy_cli.manager.services.identity.credentials import Login, hash_secret
from cfy_cli.manager.store.models import Token, User
from cfy_cli.manager.store.query import Condition
from cfy_cli.manager.store.store import Store

ID_CHARACTERS = string.ascii_letters + string.digits
ID_LENGTH = 10  # characters
# The API's own form of durations, where `m` is a month: +10h, +30d, +30 (days).
DURATION = re.compile(r"\+(\d+)([hdwmy]?)", re.IGNORECASE)
UNITS = {"h": "hour", "d": "day", "": "day", "w": "week", "m": "month", "y": "year"}


def create(
    store: Store,
    description: str | None,
    expiration: str | None,
    *,
    login: Login | None = None,
    execution_id: str | None = None,
) -> tuple[Token, str]:
    """Create a token of the user, and delete all expired ones; return it with its value, which is not stored.

    A token that a `login` with another token creates ends with that one. Raises Invalid.
    """
    expires_at = _parse_expiration(expiration) if expiration else None
    store.unscoped.execute(delete(Token).where(Token.expiration_date <= now()))  # of all users
    secret = secrets.token_urlsafe(30)
    token = Token(
        id=new_token_id(),
        user_storage_id=users.get(store, store.scope.user).storage_id,
        secret=hash_secret(secret),
        description=description,
        expiration_date=_limit_expiration(expires_at, login) if login else expires_at,
        parent_storage_id=_find_parent(store, login.token_id) if login and login.token_id else None,
        execution_id=execution_id,
    )
    store.add(token)
    store.unscoped.refresh(token)  # loads the user
    return token, f"ctok-{token.id}-{secret}"


def new_token_id() -> str:
    return "".join(secrets.choice(ID_CHARACTERS) for _ in range(ID_LENGTH))


def get(store: Store, token_id: str) -> Token:
    """Return a token of the user, or of any user if the user may manage those of others. Raises NotFound."""
    token = store.find(Token, token_id)
    if token is None or not (token.username == store.scope.user or can_manage_all(store)):
        raise NotFound(f"Requested `Token` with ID `{token_id}` was not found")
    return token


def delete_of_execution(store: Store, execution_id: str) -> None:
    """Delete all tokens of an execution, of whichever user."""
    is_of_execution = Token.execution_id == execution_id
    store.unscoped.execute(delete(Token).where(is_of_execution))  # tokens are in no tenant


def belongs_to(username: str) -> Condition:
    return Token.user.has(User.username == username)


def can_manage_all(store: Store) -> bool:
    return store.scope.has_permission("manage_others_tokens")


def _limit_expiration(expires_at: str | None, login: Login) -> str | None:
    """Return the end of a token that a login creates: its own by default. Raises Invalid for a later one."""
    if expires_at is not None and login.expires_at is not None and expires_at > login.expires_at:
        raise Invalid(
            f"A token cannot create one that expires later than itself, at {login.expires_at}",
            hint="Log in with the password to create it.",
        )
    return expires_at or login.expires_at


def _find_parent(store: Store, token_id: str) -> int:
    """Return the storage id of the token that creates another one, and lock its row. Raises Unauthorized."""
    storage_id = store.unscoped.scalar(  # of the login
        select(Token.storage_id).where(Token.id == token_id).with_for_update(read=True)
    )
    if storage_id is None:
        raise Unauthorized("User unauthorized: Invalid or expired token")
    return storage_id


def _parse_expiration(text: str) -> str:
    """Return a timestamp in the future. Raises Invalid."""
    present = datetime.now(UTC)
    try:
        match = DURATION.fullmatch(text.strip())
        if match:
            time = Duration(int(match[1]), UNITS[match[2].lower()]).after(present)
        else:
            time = parse_datetime(text, now=present)
    except Usage as error:
        raise Invalid(
            f"`{text}` is not a time: give 2030-01-31T12:00 or +30d (h, d, w, m, y)", hint=error.hint
        ) from None
    if time <= present:
        raise Invalid(f"A token cannot expire in the past: {text}")
    return format_timestamp(time)

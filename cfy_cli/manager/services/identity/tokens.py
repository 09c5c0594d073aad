"""Tokens, which scripts use instead of a password."""

import re
import secrets
import string
from datetime import UTC, datetime

from sqlalchemy import delete, select

from cfy_cli.contract.datetimes import parse_datetime
from cfy_cli.contract.durations import Duration
from cfy_cli.contract.timestamps import format_timestamp, now
from cfy_cli.errors import Invalid, NotFound, Usage
from cfy_cli.manager.services.identity import users
from cfy_cli.manager.services.identity.credentials import hash_secret
from cfy_cli.manager.services.identity.permissions import is_allowed
from cfy_cli.manager.store.models import Token, User
from cfy_cli.manager.store.query import Condition
from cfy_cli.manager.store.store import Store

ID_CHARACTERS = string.ascii_letters + string.digits
ID_LENGTH = 10  # characters
# The API's own form of durations, where `m` is a month: +10h, +30d, +30 (days).
DURATION = re.compile(r"\+(\d+)([hdwmy]?)", re.IGNORECASE)
UNITS = {"h": "hour", "d": "day", "": "day", "w": "week", "m": "month", "y": "year"}


def create(store: Store, description: str | None, expiration: str | None) -> tuple[Token, str]:
    """Create a token of the user, and delete all expired ones; return it with its value, which is not stored."""
    store.unscoped.execute(delete(Token).where(Token.expiration_date <= now()))  # of all users
    secret = secrets.token_urlsafe(30)
    token = Token(
        id="".join(secrets.choice(ID_CHARACTERS) for _ in range(ID_LENGTH)),
        user_storage_id=users.get(store, store.scope.user).storage_id,
        secret=hash_secret(secret),
        description=description,
        expiration_date=_parse_expiration(expiration) if expiration else None,
    )
    store.add(token)
    store.unscoped.refresh(token)  # loads the user
    return token, f"ctok-{token.id}-{secret}"


def get(store: Store, token_id: str) -> Token:
    """Return a token of the user, or of any user if the user may manage those of others. Raises NotFound."""
    token = store.find(Token, token_id)
    if token is None or not (token.username == store.scope.user or can_manage_all(store)):
        raise NotFound(f"Requested `Token` with ID `{token_id}` was not found")
    return token


def delete_described(store: Store, description: str) -> None:
    """Delete all tokens of a description, of whichever user."""
    described = select(Token).where(Token.description == description)
    for token in store.unscoped.scalars(described).all():  # tokens are in no tenant
        store.delete(token)


def belongs_to(username: str) -> Condition:
    return Token.user.has(User.username == username)


def can_manage_all(store: Store) -> bool:
    return store.scope.administrator and is_allowed("manage_others_tokens", {"sys_admin"})


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

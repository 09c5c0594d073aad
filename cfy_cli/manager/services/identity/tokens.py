"""Tokens: what scripts show instead of a password."""

import secrets
import string
from datetime import UTC, datetime

from dateutil.relativedelta import relativedelta
from sqlalchemy import delete

from cfy_cli.contract.timestamps import format_timestamp, now, parse_timestamp
from cfy_cli.errors import Invalid, NotFound
from cfy_cli.manager.services.identity.credentials import fingerprint
from cfy_cli.manager.services.identity.permissions import allowed
from cfy_cli.manager.services.identity.users import get as get_user
from cfy_cli.manager.store.models import Token, User
from cfy_cli.manager.store.query import Condition
from cfy_cli.manager.store.store import Store

LETTERS = string.ascii_letters + string.digits
UNITS = {"h": "hours", "d": "days", "w": "weeks", "m": "months", "y": "years"}


def create(store: Store, description: str | None, expiry: str | None) -> tuple[Token, str]:
    """The token and its full value, which is shown this once. Those that have expired, of whomever, go."""
    store.unscoped.execute(delete(Token).where(Token.expiration_date <= now()))
    secret = secrets.token_urlsafe(30)
    owner = get_user(store, store.scope.user)
    token = Token(
        id="".join(secrets.choice(LETTERS) for _ in range(10)),
        user_storage_id=owner.storage_id,
        secret=fingerprint(secret),
        description=description,
        expiration_date=_expiration(expiry) if expiry else None,
    )
    store.add(token)
    store.unscoped.refresh(token)
    return token, f"ctok-{token.id}-{secret}"


def get(store: Store, token_id: str) -> Token:
    """Own tokens; those of others only for whoever may manage them."""
    token = store.find(Token, token_id)
    if token is None or not (token.username == store.scope.user or may_manage_all(store)):
        raise NotFound(f"Requested `Token` with ID `{token_id}` was not found")
    return token


def belongs_to(username: str) -> Condition:
    return Token.user.has(User.username == username)


def may_manage_all(store: Store) -> bool:
    return store.scope.administrator and allowed("manage_others_tokens", {"sys_admin"})


def _expiration(text: str) -> str:
    """An ISO 8601 time, or `+10h`, `+30d`, `+2w`: from now."""
    present = datetime.now(UTC)
    try:
        if text.startswith("+"):
            unit = UNITS[text[-1].lower()] if text[-1].isalpha() else "days"
            until = present + relativedelta(**{unit: int(text[1:].rstrip(string.ascii_letters))})  # type: ignore[arg-type]
        else:
            until = parse_timestamp(text)
    except (KeyError, ValueError, OverflowError):
        raise Invalid(f"`{text}` is not a time: give 2030-01-31T12:00 or +30d (h, d, w, m, y)") from None
    if until <= present:
        raise Invalid(f"A token cannot expire in the past: {text}")
    return format_timestamp(until)

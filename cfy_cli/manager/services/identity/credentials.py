"""Who is asking: passwords and tokens, verified once and remembered briefly."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Unauthorized
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity import passwords
from cfy_cli.manager.services.identity.key_files import key_in
from cfy_cli.manager.store.models import Membership, Token, User
from cfy_cli.manager.store.models.identity import MAX_FAILED_LOGINS

REMEMBERED = 30.0  # seconds a verified credential is trusted without asking again
SIGNED_FOR = 10 * 3600  # seconds a signed value is good for


@dataclass(frozen=True, slots=True)
class Identity:
    """A user as of the last look: name, system role, role in each tenant."""

    username: str
    role: str
    tenants: Mapping[str, str]


class Credentials:
    """Verifies what requests carry. Any change of users, roles or tokens must call `forget`."""

    def __init__(self, app: AppContext) -> None:
        self._database = app.database
        self._key_file = app.settings.data_dir / "token.key"
        self._salt = secrets.token_bytes(32)
        self._known: dict[bytes, tuple[float, Identity]] = {}
        self._guard = threading.Lock()

    def remembered(self, credential: str) -> Identity | None:
        """The fast path: no database, no argon2."""
        found = self._known.get(self._digest(credential))
        return found[1] if found and found[0] > time.monotonic() else None

    def verify(self, header: str, credential: str) -> Identity:
        """`header` is `Authorization` or `Authentication-Token`. Raises Unauthorized."""
        identity = self._by_token(credential) if header == "Authentication-Token" else self._by_header(credential)
        with self._guard:
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[self._digest(credential)] = (time.monotonic() + REMEMBERED, identity)
        return identity

    def forget(self) -> None:
        with self._guard:
            self._known.clear()

    def close(self) -> None:
        self.forget()

    def signed(self, username: str) -> str:
        """A value that stands for this user until it expires, kept nowhere."""
        payload = json.dumps([username, int(time.time()) + SIGNED_FOR]).encode()
        return f"{_text(payload)}.{_text(self._signature(payload))}"

    def _by_header(self, header: str) -> Identity:
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "bearer":
            return self._by_token(value)
        try:
            if scheme.lower() != "basic":
                raise ValueError
            username, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            raise Unauthorized("User unauthorized: The Authorization header is neither Basic nor Bearer") from None
        return self._by_password(username, password)

    def _by_password(self, username: str, password: str) -> Identity:
        with self._database.read() as session:
            user = _user(session, username)
        right = passwords.matches(user.password if user else passwords.nobodys(), password)
        if user is None or not right or user.is_locked or not user.active:
            if user is not None and not right:
                self._count_failure(user.storage_id)
            raise Unauthorized(
                f"User unauthorized: Authentication failed for user `{username}`. Wrong credentials or locked account"
            )
        self._count_login(user.storage_id)
        return _identity(user)

    def _by_token(self, value: str) -> Identity:
        with self._database.read() as session:
            user = self._owner(session, value)
        if user is None or not user.active:
            raise Unauthorized("User unauthorized: Invalid or expired token")
        return _identity(user)

    def _owner(self, session: Session, value: str) -> User | None:
        if not value.startswith("ctok-"):
            username = self._signed_name(value)
            return _user(session, username) if username else None
        _, _, rest = value.partition("-")
        token_id, _, secret = rest.partition("-")
        token = session.scalar(select(Token).where(Token.id == token_id))
        if token is None or not hmac.compare_digest(token.secret, fingerprint(secret)):
            return None
        if token.expiration_date and token.expiration_date <= now():
            return None
        self._count_use(token.storage_id)
        return _user(session, token.username)

    def _signed_name(self, value: str) -> str | None:
        try:
            payload, signature = (base64.urlsafe_b64decode(part + "==") for part in value.split("."))
            if not hmac.compare_digest(signature, self._signature(payload)):
                return None
            username, until = json.loads(payload)
        except (binascii.Error, ValueError):
            return None
        return str(username) if until > time.time() else None

    def _signature(self, payload: bytes) -> bytes:
        return hmac.digest(self._key(), payload, "sha256")

    def _key(self) -> bytes:
        return key_in(self._key_file, partial(secrets.token_bytes, 32))

    def _digest(self, credential: str) -> bytes:
        return hashlib.blake2b(credential.encode(), key=self._salt, digest_size=32).digest()

    def _count_failure(self, user: int) -> None:
        with self._database.write() as session:
            row = session.get_one(User, user)
            lock_has_passed = row.failed_logins >= MAX_FAILED_LOGINS and not row.is_locked
            row.failed_logins = 1 if lock_has_passed else row.failed_logins + 1
            row.last_failed_login_at = now()

    def _count_login(self, user: int) -> None:
        with self._database.write() as session:
            row = session.get_one(User, user)
            row.failed_logins = 0
            row.last_login_at = now()
            row.first_login_at = row.first_login_at or row.last_login_at

    def _count_use(self, token: int) -> None:
        with self._database.write() as session:
            row = session.get(Token, token)
            if row is not None:
                row.last_used = now()


def fingerprint(secret: str) -> str:
    """How a token's secret is stored: it is random and long, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def identity_of(session: Session, username: str) -> Identity | None:
    """A user as of now, whoever asks."""
    user = _user(session, username)
    return _identity(user) if user and user.active else None


def _user(session: Session, username: str) -> User | None:
    wanted = select(User).where(User.username == username)
    return (
        session.scalars(wanted.options(joinedload(User.memberships).joinedload(Membership.tenant)))
        .unique()
        .one_or_none()
    )


def _identity(user: User) -> Identity:
    return Identity(user.username, user.role, {place.tenant.name: place.role for place in user.memberships})


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")

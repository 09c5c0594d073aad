"""Authentication of requests with passwords and tokens."""

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from cachetools import TTLCache
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Unauthorized
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity import passwords
from cfy_cli.manager.services.identity.key_files import load_or_create_key
from cfy_cli.manager.store.models import Membership, Token, User
from cfy_cli.manager.store.models.identity import MAX_FAILED_LOGINS

CACHE_TIMEOUT = 30  # seconds during which a verified credential is not verified again
MAX_CACHED = 10_000  # credentials
SIGNED_TOKEN_TIMEOUT = 10 * 3600  # seconds


@dataclass(frozen=True, slots=True)
class Identity:
    """A user when the request was authenticated: name, system role, and role by tenant."""

    username: str
    role: str
    tenants: Mapping[str, str]


def _new_cache() -> TTLCache[bytes, Identity]:
    return TTLCache(MAX_CACHED, CACHE_TIMEOUT)


class Credentials:
    """Verifies the credentials of requests, and caches them; call `clear_cache` after users, roles or tokens change."""

    def __init__(self, app: AppContext) -> None:
        self._database = app.database
        self._key_file = app.settings.data_dir / "token.key"
        self._salt = secrets.token_bytes(32)
        self._cache = _new_cache()
        self._cache_lock = threading.Lock()

    def find_cached(self, credential: str) -> Identity | None:
        """Return the identity of a credential that was verified lately, without the database and without argon2."""
        with self._cache_lock:
            return self._cache.get(self._digest(credential))

    def verify(self, header: str, credential: str) -> Identity:
        """Verify a credential. Raises Unauthorized. `header` is `Authorization` or `Authentication-Token`."""
        cache = self._cache  # what is read before `clear_cache` must not be found after it
        if header == "Authentication-Token":
            identity = self._verify_token(credential)
        else:
            identity = self._verify_authorization(credential)
        with self._cache_lock:
            cache[self._digest(credential)] = identity
        return identity

    def clear_cache(self) -> None:
        with self._cache_lock:
            self._cache = _new_cache()

    def close(self) -> None:
        self.clear_cache()

    def sign_token(self, username: str) -> str:
        """Return a token of a user that is valid for SIGNED_TOKEN_TIMEOUT and is not stored."""
        return self._serializer().dumps(username)

    def _verify_authorization(self, header: str) -> Identity:
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "bearer":
            return self._verify_token(value)
        try:
            if scheme.lower() != "basic":
                raise ValueError
            username, _, password = base64.b64decode(value, validate=True).decode().partition(":")
            if "\0" in username:
                raise ValueError
        except (binascii.Error, ValueError):
            raise Unauthorized("User unauthorized: The Authorization header is neither Basic nor Bearer") from None
        return self._verify_password(username, password)

    def _verify_password(self, username: str, password: str) -> Identity:
        with self._database.read() as session:
            user = _find_user(session, username)
        is_correct = passwords.matches(user.password if user else passwords.dummy_hash(), password)
        if user is None or not is_correct or user.is_locked or not user.active:
            if user is not None and not is_correct:
                self._count_failure(user.storage_id)
            raise Unauthorized(
                f"User unauthorized: Authentication failed for user `{username}`. Wrong credentials or locked account"
            )
        self._count_login(user.storage_id)
        return _identity(user)

    def _verify_token(self, value: str) -> Identity:
        with self._database.read() as session:
            user = self._find_token_user(session, value)
        if user is None or not user.active:
            raise Unauthorized("User unauthorized: Invalid or expired token")
        return _identity(user)

    def _find_token_user(self, session: Session, value: str) -> User | None:
        if not value.startswith("ctok-"):
            username = self._verify_signed_token(value)
            return _find_user(session, username) if username else None
        _, _, rest = value.partition("-")
        token_id, _, secret = rest.partition("-")
        token = session.scalar(select(Token).where(Token.id == token_id))
        if token is None or not hmac.compare_digest(token.secret, hash_secret(secret)):
            return None
        if token.expiration_date and token.expiration_date <= now():
            return None
        self._record_use(token.storage_id)
        return _find_user(session, token.username)

    def _verify_signed_token(self, value: str) -> str | None:
        try:
            return str(self._serializer().loads(value, max_age=SIGNED_TOKEN_TIMEOUT))
        except BadData:
            return None

    def _serializer(self) -> URLSafeTimedSerializer:
        key = load_or_create_key(self._key_file, partial(secrets.token_bytes, 32))
        return URLSafeTimedSerializer(key, salt="token", signer_kwargs={"digest_method": hashlib.sha256})

    def _digest(self, credential: str) -> bytes:
        """Return the key of a credential in the cache, which holds no passwords."""
        return hashlib.blake2b(credential.encode(), key=self._salt, digest_size=32).digest()

    def _count_failure(self, user_storage_id: int) -> None:
        with self._database.write() as session:
            user = session.get_one(User, user_storage_id)
            is_lock_over = user.failed_logins >= MAX_FAILED_LOGINS and not user.is_locked
            user.failed_logins = 1 if is_lock_over else user.failed_logins + 1
            user.last_failed_login_at = now()

    def _count_login(self, user_storage_id: int) -> None:
        with self._database.write() as session:
            user = session.get_one(User, user_storage_id)
            user.failed_logins = 0
            user.last_login_at = now()
            user.first_login_at = user.first_login_at or user.last_login_at

    def _record_use(self, token_storage_id: int) -> None:
        with self._database.write() as session:
            token = session.get(Token, token_storage_id)
            if token is not None:
                token.last_used = now()


def hash_secret(secret: str) -> str:
    """Hash the secret of a token; it is long and random, so that a fast hash is safe."""
    return hashlib.sha256(secret.encode()).hexdigest()


def load_identity(session: Session, username: str) -> Identity | None:
    """Return the present identity of an active user."""
    user = _find_user(session, username)
    return _identity(user) if user and user.active else None


def _find_user(session: Session, username: str) -> User | None:
    statement = select(User).where(User.username == username)
    memberships = joinedload(User.memberships).joinedload(Membership.tenant)
    return session.scalars(statement.options(memberships)).unique().one_or_none()


def _identity(user: User) -> Identity:
    return Identity(
        user.username, user.role, {membership.tenant.name: membership.role for membership in user.memberships}
    )

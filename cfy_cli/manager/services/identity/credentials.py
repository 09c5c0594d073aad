"""Authentication of requests with passwords and tokens."""

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar, cast

from cachetools import TTLCache
from sqlalchemy import Row, Select, SQLColumnExpression, bindparam, null, select
from sqlalchemy.orm import Session

from cfy_cli.contract.agents import CREDENTIAL_PREFIX
from cfy_cli.contract.limits import active_limits
from cfy_cli.contract.timestamps import format_timestamp, now
from cfy_cli.errors import Unauthorized
from cfy_cli.manager.services.configuration.configuration import Configuration
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity import failed_logins, passwords
from cfy_cli.manager.services.identity.client_addresses import client_key
from cfy_cli.manager.services.identity.directory.logins import NO_PASSWORD, DirectoryLogins, put_user
from cfy_cli.manager.services.identity.failed_logins import AccountLock, LoginAttempt
from cfy_cli.manager.services.identity.identities import NO_ROLES, AgentIdentity, Identity, load_identity
from cfy_cli.manager.services.identity.role_permissions import VERSION, Permissions
from cfy_cli.manager.services.identity.signed_tokens import SignedToken, TokenSigner
from cfy_cli.manager.services.identity.users import ADMIN
from cfy_cli.manager.store.models import Agent, Token, User

RENEWAL_INTERVAL = 30  # seconds after which a login is verified again, which records that it is used
TOKEN_HEADER, PASSWORD_HEADER, COOKIE_HEADER = "Authentication-Token", "Authorization", "Cookie"
MAX_CACHED = 10_000  # logins
T = TypeVar("T")
VERIFYING_LOCKS = 64


@dataclass(frozen=True, slots=True)
class VersionQueries(Generic[T]):
    """The queries for the versions of the user and of the permissions, and for a value that a request needs besides."""

    of_user: Select[str, str, T]
    of_token: Select[str, str, T]
    of_agent: Select[str, str, T]

    @classmethod
    def with_value(cls, value: SQLColumnExpression[T]) -> "VersionQueries[T]":
        """Return the queries that also read a value, which costs no further round trip."""
        of_users = select(User.version, VERSION, value)
        return cls(
            of_users.where(User.storage_id == bindparam("key")),
            of_users.join(Token.user).where(Token.id == bindparam("key")),
            select(Agent.token, VERSION, value).where(Agent.storage_id == bindparam("key")),
        )


VERSIONS: VersionQueries[None] = VersionQueries.with_value(null())


@dataclass(frozen=True, slots=True)
class Login:
    """An identity and what it depends on.

    It ends when the user or permissions of roles change, or when the token is deleted or expires.
    """

    identity: Identity
    user_storage_id: int
    version: str
    token_stamp: str
    token_id: str | None = None  # the stored token that it came from, directly or by a signed one
    expires_at: str | None = None
    execution_id: str | None = None  # the execution whose script sends the request
    is_of_directory: bool = False  # a directory made the user
    agent_storage_id: int | None = None  # the agent that sends the request, which is no user
    verified_at: float = field(default_factory=time.monotonic, compare=False)

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= now()


@dataclass(frozen=True, slots=True)
class Credential:
    """A header that says who sends a request, and the address and port that it came from."""

    header: str  # one of the three above; of the cookies, only that of a session is a credential
    value: str
    host: str
    port: int

    @property
    def has_password(self) -> bool:
        return self.header == PASSWORD_HEADER and not self.value.lower().startswith("bearer ")

    @property
    def username(self) -> str:
        """Return the name that a password is given for, empty when the header cannot be read."""
        with suppress(Unauthorized):
            return self.parse_password()[0]
        return ""

    @property
    def is_of_first_administrator(self) -> bool:
        """Return whether it has a password for the administrator, whom no directory keeps waiting."""
        return self.has_password and self.username == ADMIN

    def parse_password(self) -> tuple[str, str]:
        """Return the name and the password of a Basic login. Raises Unauthorized."""
        scheme, _, value = self.value.partition(" ")
        try:
            if scheme.lower() != "basic":
                raise ValueError
            username, _, password = base64.b64decode(value, validate=True).decode().partition(":")
            if "\0" in username:
                raise ValueError
        except (binascii.Error, ValueError):
            raise Unauthorized("User unauthorized: The Authorization header is neither Basic nor Bearer") from None
        return username, password


class Credentials:
    """Verifies the credentials of requests, and remembers their logins.

    A login that is remembered may have ended: `find_current` says so, in the transaction that it is used for.
    """

    def __init__(self, app: AppContext) -> None:
        self._database = app.database
        self._permissions = app.service(Permissions)
        self._signer = app.service(TokenSigner)
        self._configuration = app.service(Configuration)
        self._directory = app.service(DirectoryLogins)
        self._salt = secrets.token_bytes(32)
        self._cache: TTLCache[bytes, Login] = TTLCache(MAX_CACHED, RENEWAL_INTERVAL)
        self._failed_attempts: TTLCache[bytes, None] = TTLCache(MAX_CACHED, RENEWAL_INTERVAL)
        self._cache_lock = threading.Lock()
        self._verifying = tuple(threading.Lock() for _ in range(VERIFYING_LOCKS))

    def find_cached(self, credential: Credential) -> Login | None:
        """Return the login of a credential that was verified lately, without the database and without argon2."""
        with self._cache_lock:
            # Who guesses passwords must not find out for free which one somebody else logs in with.
            is_guessing = credential.has_password and self._attempt_key(credential) in self._failed_attempts
            login = None if is_guessing else self._cache.get(self._digest(credential))
        # A login that is used all the time is verified again as well.
        is_old = login is not None and time.monotonic() - login.verified_at >= RENEWAL_INTERVAL
        return None if login is None or is_old or login.is_expired else login

    def login(self, credential: Credential) -> Login:
        """Return the login of a credential as of now. Raises Unauthorized."""
        login = self.find_cached(credential)
        if login is not None:
            with self._database.read() as session:
                login = self._renew(session, login)
            if login is not None:
                return self._remember(credential, login)
        try:
            login = self._verify(credential)
        except Unauthorized:
            with self._cache_lock:
                self._failed_attempts[self._attempt_key(credential)] = None
            raise
        return self._remember(credential, login)

    def _remember(self, credential: Credential, login: Login) -> Login:
        with self._cache_lock:
            self._cache[self._digest(credential)] = login
        return login

    def find_current(self, session: Session, login: Login, queries: VersionQueries[T]) -> Row[str, str, T] | None:
        """Return what the queries read, if user, token and permissions are what they were when it was verified."""
        present = self._find_versions(session, login, queries)
        known = login.version, login.identity.permissions.version
        return present if present is not None and present[:2] == known else None

    def _find_versions(self, session: Session, login: Login, queries: VersionQueries[T]) -> Row[str, str, T] | None:
        """Return what the queries read; None when the login has ended."""
        if login.is_expired:
            return None
        statement, key = queries.of_user, cast("int | str", login.user_storage_id)
        if login.agent_storage_id is not None:
            statement, key = queries.of_agent, login.agent_storage_id
        elif login.token_id is not None:
            statement, key = queries.of_token, login.token_id
        # Every request asks this, so it goes past the session, which would take twice as long.
        return session.connection().execute(statement, {"key": key}).one_or_none()

    def _renew(self, session: Session, login: Login) -> Login | None:
        """Return a login with the present permissions of roles; None when the user or the token has changed."""
        versions = self._find_versions(session, login, VERSIONS)
        if versions is None or versions[0] != login.version:
            return None
        permissions = self._permissions.of_version(session, versions[1])
        return replace(login, identity=replace(login.identity, permissions=permissions))

    def close(self) -> None:
        with self._cache_lock:
            self._cache.clear()

    def sign_token(self, login: Login) -> str:
        """Return a token that is not stored. It ends with the login, and at the latest after the time of its limit."""
        latest = format_timestamp(datetime.now(UTC) + timedelta(seconds=active_limits().signed_token))
        expires_at = min(login.expires_at or latest, latest)
        token = SignedToken(login.user_storage_id, login.token_stamp, login.token_id, expires_at)
        return self._signer.sign(token)

    def _verify(self, credential: Credential) -> Login:
        if credential.header != PASSWORD_HEADER:
            return self._verify_token(credential.value)
        scheme, _, value = credential.value.partition(" ")
        if scheme.lower() == "bearer":
            return self._verify_token(value)
        username, password = credential.parse_password()
        attempt = LoginAttempt(client_key(credential.host, credential.port), username)
        # One at a time, so that wrong passwords cannot be tried at once before they are counted.
        with self._verifying[hash(attempt) % VERIFYING_LOCKS]:
            return self._verify_password(attempt, password)

    def _verify_password(self, attempt: LoginAttempt, password: str) -> Login:
        with self._database.read() as session:
            delay = failed_logins.remaining_delay(session, attempt)
            user = _find_user(session, attempt.username)
        if delay:
            raise _too_many(attempt.username, delay)
        if self._directory.verifies(attempt.username):
            return self._verify_in_directory(attempt, user, password)
        is_correct = passwords.matches(user.password if user else passwords.dummy_hash(), password)
        if user is None or not is_correct or not user.active:
            self._count_failure(attempt, user)
            raise _wrong(attempt.username)
        self._count_login(attempt, user.storage_id)
        with self._database.read() as session:
            return self._login(session, user)

    def _verify_in_directory(self, attempt: LoginAttempt, user: User | None, password: str) -> Login:
        """Return the login of a user of the directory. Raises Unavailable, which counts as no wrong password."""
        found = self._directory.verify(attempt.username, password)
        if found is None:
            self._count_failure(attempt, user)
            raise _wrong(attempt.username)
        with self._database.write() as session:
            user = put_user(session, found)
            storage_id, is_active = user.storage_id, user.active
        if not is_active:
            self._count_failure(attempt, user)
            raise _wrong(attempt.username)
        self._count_login(attempt, storage_id)
        with self._database.read() as session:
            return self._login(session, session.get_one(User, storage_id))

    def _verify_token(self, value: str) -> Login:
        if value.startswith(CREDENTIAL_PREFIX):
            return self._verify_agent(value)
        with self._database.read() as session:
            is_stored = value.startswith("ctok-")
            login = self._find_stored(session, value) if is_stored else self._find_signed(session, value)
        if login is None or login.is_expired:
            raise Unauthorized("User unauthorized: Invalid or expired token")
        if login.is_of_directory and not self._directory.has(login.identity.username):
            raise Unauthorized("User unauthorized: The LDAP directory does not have the user of the token any more")
        if login.token_id is not None:
            self._record_use(login.token_id)
        return login

    def _verify_agent(self, value: str) -> Login:
        """Return the login of an agent, which has no permission but to do its work. Raises Unauthorized."""
        with self._database.read() as session:
            agent = find_agent(session, value)
            permissions = self._permissions.load(session)
        if agent is None:
            raise Unauthorized("User unauthorized: Invalid or expired token")
        identity = AgentIdentity(agent.name, NO_ROLES, {agent.tenant_name: NO_ROLES}, permissions)
        return Login(identity, 0, agent.token, "", agent_storage_id=agent.storage_id)

    def _find_signed(self, session: Session, value: str) -> Login | None:
        token = self._signer.verify(value)
        user = _find_user(session, token.user_storage_id) if token else None
        if token is None or user is None or not user.active or token.stamp != user.token_stamp:
            return None
        login = replace(self._login(session, user), token_id=token.token_id, expires_at=token.expires_at)
        if token.token_id is None:
            return login
        stored = session.execute(select(Token.execution_id).where(Token.id == token.token_id)).one_or_none()
        return replace(login, execution_id=stored.execution_id) if stored else None

    def _find_stored(self, session: Session, value: str) -> Login | None:
        _, _, rest = value.partition("-")
        token_id, _, secret = rest.partition("-")
        token = session.scalar(select(Token).where(Token.id == token_id))
        if token is None or not hmac.compare_digest(token.secret, hash_secret(secret)):
            return None
        user = _find_user(session, token.user_storage_id)
        if user is None or not user.active:
            return None
        login = replace(self._login(session, user), token_id=token.id, expires_at=token.expiration_date)
        return replace(login, execution_id=token.execution_id)

    def _login(self, session: Session, user: User) -> Login:
        identity = load_identity(session, user.storage_id, user.username, self._permissions.load(session))
        is_of_directory = user.password == NO_PASSWORD
        return Login(identity, user.storage_id, user.version, user.token_stamp, is_of_directory=is_of_directory)

    def _digest(self, credential: Credential) -> bytes:
        """Return the key of a credential in the cache, which holds no passwords."""
        return self._hash(credential.value)

    def _attempt_key(self, credential: Credential) -> bytes:
        """Return the key of an address and a user of it."""
        return self._hash(f"{credential.host}\0{credential.username}")

    def _hash(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode(), key=self._salt, digest_size=32).digest()

    def _count_failure(self, attempt: LoginAttempt, user: User | None) -> None:
        lock = AccountLock(
            self._configuration.integer("rest.failed_logins_before_account_lock"),
            self._configuration.number("rest.account_lock_period"),
        )
        with self._database.write() as session:
            failed_logins.count_failure(session, attempt, user.storage_id if user else None, active_limits(), lock)

    def _count_login(self, attempt: LoginAttempt, user_storage_id: int) -> None:
        with self._database.write() as session:
            failed_logins.clear_failures(session, attempt)
            user = session.get(User, user_storage_id)
            if user is not None:
                user.failed_logins = 0
                user.last_login_at = now()
                user.first_login_at = user.first_login_at or user.last_login_at

    def _record_use(self, token_id: str) -> None:
        with self._database.write() as session:
            token = session.scalar(select(Token).where(Token.id == token_id))
            if token is not None:
                token.last_used = now()


def hash_secret(secret: str) -> str:
    """Hash the secret of a token; it is long and random, so that a fast hash is safe."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find_agent(session: Session, value: str) -> Agent | None:
    """Return the agent whose token a value is."""
    token_id, _, secret = value.removeprefix(CREDENTIAL_PREFIX).partition("-")
    agent = session.scalar(select(Agent).where(Agent.token_id == token_id)) if token_id.isprintable() else None
    return agent if agent is not None and hmac.compare_digest(agent.token, hash_secret(secret)) else None


def _find_user(session: Session, key: str | int) -> User | None:
    """Find a user by name or storage id."""
    if isinstance(key, str) and not key.isprintable():
        return None  # PostgreSQL refuses some characters that no name has
    is_searched = User.username == key if isinstance(key, str) else User.storage_id == key
    return session.scalar(select(User).where(is_searched))


def _wrong(username: str) -> Unauthorized:
    who = f"<User username=`{username}`>"
    return Unauthorized(f"User unauthorized: Authentication failed for {who}. Wrong credentials or locked account")


def _too_many(username: str, delay: int) -> Unauthorized:
    error = _wrong(username)
    error.message += f": after too many wrong passwords from your address, wait {delay} seconds"
    error.hint = (
        "An administrator can end the wait: cfy users unlock USERNAME, or where it runs: cfy manager unlock USERNAME"
    )
    error.retry_after = delay
    return error

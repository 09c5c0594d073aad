"""Passwords, stored as argon2 hashes."""

import secrets
import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cfy_cli.errors import Invalid

MIN_LENGTH, MAX_LENGTH = 5, 256  # characters
MAX_CONCURRENT = 4  # hashes that are computed at the same time: each needs 19 MiB
_memory = threading.BoundedSemaphore(MAX_CONCURRENT)


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """Hash a new password. Raises Invalid when it is too short or too long."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise Invalid(f"A password must have {MIN_LENGTH} to {MAX_LENGTH} characters; this one has {len(password)}")
    with _memory:
        return _hasher().hash(password)


def matches(stored: str, password: str) -> bool:
    """Return whether a password is the one that was hashed."""
    try:
        with _memory:
            return _hasher().verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def dummy_hash() -> str:
    """Return a hash to verify against for unknown users, so that they take as long as wrong passwords."""
    return hash_password(generate_password())


def generate_password() -> str:
    return secrets.token_urlsafe(18)

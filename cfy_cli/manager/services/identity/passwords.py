"""Passwords: argon2 at rest, and what a new one must look like."""

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cfy_cli.errors import Invalid

SHORTEST, LONGEST = 8, 256


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hashed(password: str) -> str:
    """Raises Invalid when the password is too short or too long to be one."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(f"A password has {SHORTEST} to {LONGEST} characters; this one has {len(password)}")
    return _hasher().hash(password)


def matches(stored: str, password: str) -> bool:
    try:
        return _hasher().verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def nobodys() -> str:
    """What an unknown user's password is compared with, so that unknown names take as long as wrong passwords."""
    return hashed(invented())


def invented() -> str:
    """A random password for somebody who did not choose one."""
    return secrets.token_urlsafe(18)

"""Limits of wrong passwords, by address and user, and by address alone.

Others cannot lock a user out: who never gave a wrong password from an address can log in from there. The limits of the
manager hold always; the lock of an account, which the configuration can add, is longer.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from cfy_cli.contract.limits import Limits
from cfy_cli.contract.timestamps import format_timestamp, now, parse_timestamp, seconds_ago
from cfy_cli.manager.store.advisory_locks import LockKey, acquire_lock
from cfy_cli.manager.store.models import FailedLogins, User

ALL_ACCOUNTS = ""
MAX_EXPONENT = 32  # of the growing delay


@dataclass(frozen=True, slots=True)
class AccountLock:
    """The lock of an account after wrong passwords from one address; no lock where `minutes` is not positive."""

    failures: int
    minutes: float


NO_LOCK = AccountLock(0, -1)


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """A password from an address, for what was given as the name of a user."""

    address: str
    username: str

    @property
    def account(self) -> str:
        """Return a digest: people type passwords where a name belongs, which must not be stored."""
        return _account(self.username)


def remaining_delay(session: Session, attempt: LoginAttempt) -> int:
    """Return the seconds until a password is verified again; 0 when it is now."""
    accounts = FailedLogins.account.in_((attempt.account, ALL_ACCOUNTS))
    is_of_attempt = FailedLogins.address == attempt.address
    locked_until = session.scalar(select(func.max(FailedLogins.locked_until)).where(is_of_attempt, accounts))
    if locked_until is None or locked_until <= now():
        return 0
    return int((parse_timestamp(locked_until) - datetime.now(UTC)).total_seconds()) + 1


def count_failure(
    session: Session, attempt: LoginAttempt, user_storage_id: int | None, limits: Limits, lock: AccountLock = NO_LOCK
) -> None:
    """Count a wrong password; `user_storage_id` is None for an unknown user."""
    acquire_lock(session, LockKey.FAILED_LOGINS)
    locked_until = _count(session, attempt.address, attempt.account, limits.failed_logins, limits, lock)
    _count(session, attempt.address, ALL_ACCOUNTS, limits.failed_logins_of_address, limits, NO_LOCK)
    _forget_oldest(session, limits)
    user = session.get(User, user_storage_id) if user_storage_id is not None else None
    if user is not None:
        user.failed_logins += 1
        user.last_failed_login_at = now()
        user.locked_until = max(filter(None, (user.locked_until, locked_until)), default=None)


def clear_failures(session: Session, attempt: LoginAttempt) -> None:
    """Forget wrong passwords for a user from an address, after a right one."""
    is_of_account = FailedLogins.account == attempt.account
    session.execute(delete(FailedLogins).where(FailedLogins.address == attempt.address, is_of_account))


def unlock(session: Session, username: str) -> None:
    """Forget wrong passwords for a user from all addresses, and the delays of addresses."""
    session.execute(delete(FailedLogins).where(FailedLogins.account.in_((_account(username), ALL_ACCOUNTS))))


def _count(session: Session, address: str, account: str, allowed: int, limits: Limits, lock: AccountLock) -> str | None:
    """Count a failure and return until when the next attempt must wait."""
    where = (FailedLogins.address == address, FailedLogins.account == account)
    row = session.scalar(select(FailedLogins).where(*where))
    if row is None:
        row = FailedLogins(address=address, account=account, failures=0)
        session.add(row)
    elif (row.locked_until or row.last_failed_at) < seconds_ago(limits.max_login_delay):
        row.failures, row.locked_until = 0, None
    row.failures += 1
    row.last_failed_at = now()
    delay = 0.0
    if row.failures >= allowed:
        delay = min(limits.login_delay << min(row.failures - allowed, MAX_EXPONENT), limits.max_login_delay)
    if lock.minutes > 0 and row.failures >= lock.failures:
        delay = max(delay, lock.minutes * 60)
    if delay:
        row.locked_until = format_timestamp(datetime.now(UTC) + timedelta(seconds=delay))
    session.flush()
    return row.locked_until


def _forget_oldest(session: Session, limits: Limits) -> None:
    """Delete records that no longer matter, and the oldest when there are too many, those that lock last."""
    too_many = (session.scalar(select(func.count(FailedLogins.storage_id))) or 0) - limits.login_records
    if too_many > 0:
        is_locked = func.coalesce(FailedLogins.locked_until, "") > now()
        oldest = select(FailedLogins.storage_id).order_by(is_locked, FailedLogins.last_failed_at).limit(too_many)
        is_over = func.coalesce(FailedLogins.locked_until, FailedLogins.last_failed_at) < seconds_ago(
            limits.max_login_delay
        )
        session.execute(delete(FailedLogins).where(or_(is_over, FailedLogins.storage_id.in_(oldest))))


def _account(username: str) -> str:
    return hashlib.sha256(username.encode()).hexdigest()

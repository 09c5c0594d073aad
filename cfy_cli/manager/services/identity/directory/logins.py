"""Logins of users of the directory: made at the first one, with the groups that the directory says at each."""

import logging
import threading
import time
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from cfy_cli.errors import Invalid, Unavailable
from cfy_cli.manager.services.configuration.configuration import Configuration
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity import user_groups
from cfy_cli.manager.services.identity.directory import client, settings
from cfy_cli.manager.services.identity.directory.client import DirectoryUnreachable, DirectoryUser
from cfy_cli.manager.services.identity.users import ADMIN
from cfy_cli.manager.store.advisory_locks import LockKey, acquire_lock
from cfy_cli.manager.store.models import User, UserGroup

log = logging.getLogger(__name__)
RETRY_INTERVAL = 2.0  # seconds after which a directory that failed is asked again, so that its waits do not add up
MAX_CHECKED = 10_000  # users
NO_PASSWORD = "!"  # noqa: S105 - no password has this hash


@dataclass(frozen=True, slots=True)
class _Check:
    """The last answer about a user."""

    at: float
    is_found: bool


class DirectoryLogins:
    """The directory of a manager, if its configuration names one."""

    def __init__(self, app: AppContext) -> None:
        self._configuration = app.service(Configuration)
        self._database = app.database
        self._left_alone_until = 0.0
        self._checking = threading.Lock()
        self._checked: dict[str, _Check] = {}  # by the name of a user

    def verifies(self, username: str) -> bool:
        """Return whether the directory verifies the password of a user: of all but the first administrator."""
        return username != ADMIN and settings.is_enabled(self._configuration)

    def verify(self, username: str, password: str) -> DirectoryUser | None:
        """Return the user with this password; None for a wrong one. Raises Unavailable when it is not known."""
        if time.monotonic() < self._left_alone_until:
            raise _cannot_verify()
        try:
            found = self._ask(username, password)
        except (Invalid, Unavailable) as error:  # Invalid: settings that the configuration has, and that cannot work
            log.warning("A login with the directory fails: %s", error.message)
            if isinstance(error, DirectoryUnreachable):
                self._left_alone_until = time.monotonic() + RETRY_INTERVAL
            raise _cannot_verify() from error
        # An entry of the directory must not become the first administrator, whatever it is called.
        return None if found is None or found.username.casefold() == ADMIN else found

    def has(self, username: str) -> bool:
        """Return whether a user who has a token is in the directory still, by its last answer.

        The directory is asked again when that is older than the configuration allows, for one user at a time, so that
        a slow one holds up few requests; one that fails leaves the answer as it is. The groups become those that it
        says.
        """
        known = self._checked.get(username)
        interval = self._configuration.number(f"{settings.PREFIX}check_interval")
        is_old = known is None or time.monotonic() - known.at >= interval
        if is_old and time.monotonic() >= self._left_alone_until and self._checking.acquire(blocking=False):
            try:
                known = self._check(username) or known
            finally:
                self._checking.release()
        return known is None or known.is_found

    def _check(self, username: str) -> "_Check | None":
        """Ask the directory for a user; None when there is no directory that can be asked."""
        try:
            present = settings.load(self._configuration)
            if present is None or not present.username:
                return None
            found = client.find(present, username)
        except (Invalid, Unavailable) as error:
            log.warning("The directory cannot be asked whether it still has a user: %s", error.message)
            self._left_alone_until = time.monotonic() + RETRY_INTERVAL
            return None
        if found is not None:
            with self._database.write() as session:
                put_user(session, found)
        if len(self._checked) >= MAX_CHECKED:
            self._checked.clear()
        self._checked[username] = check = _Check(time.monotonic(), found is not None)
        return check

    def _ask(self, username: str, password: str) -> DirectoryUser | None:
        present = settings.load(self._configuration)
        return client.verify(present, username, password) if present else None

    def close(self) -> None:
        """Do nothing: connections end with each login."""


def _cannot_verify() -> Unavailable:
    """Return the error for everybody who asks: only the log says where the directory is."""
    return Unavailable(
        "The LDAP directory cannot verify passwords now",
        hint="Try again later. The manager's log has the reason (cfy manager logs); `admin` logs in without it.",
    )


def put_user(session: Session, found: DirectoryUser) -> User:
    """Return the user of the manager for one of the directory, made now if there is none, in the groups it says."""
    acquire_lock(session, LockKey.GROUPS)  # so that two first logins do not both make the user
    user = session.scalar(select(User).where(User.username == found.username))
    if user is None:
        user = User(username=found.username, password=NO_PASSWORD, role="default")
        session.add(user)
        session.flush()
    names = {client.normalize(dn) for dn in found.groups}
    known = session.scalars(select(UserGroup.ldap_dn).where(UserGroup.ldap_dn.is_not(None)))
    user_groups.set_groups_by_dn(session, user, [dn for dn in known if dn and client.normalize(dn) in names])
    session.flush()
    return user

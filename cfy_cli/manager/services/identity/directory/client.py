"""Verification of passwords by an LDAP directory, and search of the groups that its users are in."""

import math
import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from cfy_cli.errors import Invalid, Unavailable
from cfy_cli.manager.services.identity.directory.settings import DirectorySettings

if TYPE_CHECKING:
    from ldap3 import Connection

EXTRA = ("needs the `ldap` extra of the manager", "pip install 'cfy-cli[manager,ldap]'")
MAX_GROUPS = 1_000  # of one user, nested ones included
INVALID_DN, INAPPROPRIATE, INVALID_CREDENTIALS, UNWILLING = 34, 48, 49, 53  # results of a bind
REFUSALS = frozenset({INVALID_DN, INAPPROPRIATE, INVALID_CREDENTIALS, UNWILLING})
SUCCESS, NO_SUCH_OBJECT, SIZE_LIMIT = 0, 32, 4
MAX_NAME_LENGTH = 256  # characters
Attributes = Mapping[str, Sequence[object]]
NormalDn = tuple[tuple[str, str, str], ...]  # attribute, value, separator from the next part
ESCAPES = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)")


class DirectoryUnreachable(Unavailable):
    """The directory does not answer."""


@dataclass(frozen=True, slots=True)
class DirectoryUser:
    """A user whose password was right: the name and the DNs of the groups."""

    username: str
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Entry:
    dn: str
    attributes: Attributes

    def texts(self, name: str) -> list[str] | None:
        """Return the values of an attribute; None when the entry does not have it."""
        values = next((values for key, values in self.attributes.items() if key.lower() == name.lower()), None)
        return [str(value) for value in values] if values else None


def verify(settings: DirectorySettings, username: str, password: str) -> DirectoryUser | None:
    """Return the user with this name and password; None when the directory has no such user or refuses the password.

    Raises Unavailable when the directory cannot be asked.
    """
    # A bind without a password succeeds in many directories, as nobody.
    if not username.strip() or not password or not username.isprintable() or len(username) > MAX_NAME_LENGTH:
        return None
    if settings.username:
        with _connect(settings, service_name(settings), settings.password) as service:
            if service is None:
                raise Unavailable(f"The directory {settings.server} refuses `ldap_username` and `ldap_password`")
            entry = _find_user(service, settings, username)
            # Unknown users take as long as wrong passwords.
            with _connect(settings, entry.dn if entry else f"cn=nobody,{settings.searched_dn}", password) as own:
                return _describe(service, settings, entry, username) if own and entry else None
    bind_name = _bind_name(settings, username)
    with _connect(settings, bind_name, password) as own:
        entry = _find_user(own, settings, username) if own else None
        # The entry that is found must be that of the user whose password was right.
        if own is None or entry is None or ("=" in bind_name and normalize(entry.dn) != normalize(bind_name)):
            return None
        return _describe(own, settings, entry, username)


def find(settings: DirectorySettings, username: str) -> DirectoryUser | None:
    """Return a user as the directory has it now; None when it is not there. Raises Unavailable.

    The settings must have a name and a password to bind with.
    """
    with _connect(settings, service_name(settings), settings.password) as service:
        if service is None:
            raise Unavailable(f"The directory {settings.server} refuses `ldap_username` and `ldap_password`")
        entry = _find_user(service, settings, username)
        return _describe(service, settings, entry, username) if entry else None


def check_installed() -> None:
    """Raise Invalid where the library for LDAP is not installed."""
    if find_spec("ldap3") is None:
        raise Invalid(f"LDAP {EXTRA[0]}", hint=EXTRA[1])


def check_connection(settings: DirectorySettings) -> None:
    """Bind with the credentials of the settings. Raises Unavailable."""
    with _connect(settings, service_name(settings), settings.password) as service:
        if service is None:
            raise Unavailable(f"the directory {settings.server} refuses `ldap_username` and `ldap_password`")


def service_name(settings: DirectorySettings) -> str:
    """Return the name that the manager binds with: a whole one as it is, a short one in the format of users."""
    is_whole = any(character in settings.username for character in "=@\\")
    return settings.username if is_whole else _bind_name(settings, settings.username)


def normalize(dn: str) -> NormalDn:
    """Return a DN as it is compared with others: without case, escapes, and spaces around its parts."""
    from ldap3.core.exceptions import LDAPInvalidDnError
    from ldap3.utils.dn import parse_dn

    try:
        parts = parse_dn(dn, strip=True)
    except LDAPInvalidDnError:
        return ((dn.casefold(), "", ""),)
    return tuple((name.casefold(), _unescape(value).casefold(), separator) for name, value, separator in parts)


def _unescape(value: str) -> str:
    def plain(match: re.Match[str]) -> str:
        digits = match[1]
        return bytes.fromhex(digits.replace("\\", "")).decode(errors="replace") if digits else str(match[2])

    return ESCAPES.sub(plain, value)


def _bind_name(settings: DirectorySettings, username: str) -> str:
    from ldap3.utils.dn import escape_rdn

    template = settings.template_of_bind
    return settings.fill(template, username=escape_rdn(username) if "=" in template else username).strip()


@contextmanager
def _connect(settings: DirectorySettings, name: str, password: str) -> "Iterator[Connection | None]":
    """Bind, and close the connection at the end; give None when name or password are refused. Raises Unavailable."""
    try:
        import ldap3
        from ldap3.core.exceptions import LDAPCommunicationError, LDAPException, LDAPResponseTimeoutError
    except ImportError:
        raise Unavailable(f"LDAP {EXTRA[0]}", hint=EXTRA[1]) from None
    timeout = max(1, math.ceil(settings.timeout))  # ldap3 takes whole seconds
    try:
        tls = None
        if settings.is_encrypted:
            tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_data=settings.ca_cert)
        server = ldap3.Server(settings.server, tls=tls, get_info=ldap3.NONE, connect_timeout=timeout)
        connection = ldap3.Connection(
            server, name, password, auto_referrals=False, read_only=True, receive_timeout=timeout
        )
        try:
            connection.open()
            is_bound = connection.bind()
            result = int(connection.result["result"])
            if not is_bound and result not in REFUSALS:
                raise _unavailable(settings, str(connection.result["description"]))
            yield connection if is_bound else None
        finally:
            connection.unbind()
    except (LDAPCommunicationError, LDAPResponseTimeoutError, OSError) as error:
        raise _unavailable(settings, str(error), DirectoryUnreachable) from error
    except LDAPException as error:
        raise _unavailable(settings, str(error)) from error


def _unavailable(settings: DirectorySettings, reason: str, kind: type[Unavailable] = Unavailable) -> Unavailable:
    return kind(f"The directory {settings.server} cannot verify passwords: {reason.strip() or 'it does not answer'}")


def _find_user(connection: "Connection", settings: DirectorySettings, username: str) -> _Entry | None:
    """Return the only entry of a user; None when there is none, or several."""
    found = _search(connection, settings.searched_dn, _filter(settings, settings.template_of_user, username=username),
                    (settings.name_attribute, settings.membership_attribute), size=2)  # fmt: skip
    return found[0] if len(found) == 1 else None


def _describe(
    connection: "Connection", settings: DirectorySettings, entry: _Entry, username: str
) -> DirectoryUser | None:
    """Return the user of an entry; None when its name is not the one that was typed, whatever its case."""
    names = entry.texts(settings.name_attribute) or []
    name = next((name for name in names if name.casefold() == username.casefold()), None)
    return None if name is None else DirectoryUser(name, _find_groups(connection, settings, entry, name))


def _find_groups(connection: "Connection", settings: DirectorySettings, user: _Entry, username: str) -> frozenset[str]:
    """Return the DNs of the groups of a user, of nested ones up to the level of the settings."""
    found: dict[NormalDn, str] = {}
    entries = [user]
    for level in range(settings.nested_levels):
        names: list[str] = []
        for entry in entries:
            names += _groups_of(connection, settings, entry, username)
        new = {key: name for name in names if (key := normalize(name)) not in found}
        found |= new
        if not new or len(found) > MAX_GROUPS:
            break
        if level + 1 < settings.nested_levels:
            entries = [_read(connection, settings, name) for name in new.values()]
    return frozenset(list(found.values())[:MAX_GROUPS])


def _groups_of(connection: "Connection", settings: DirectorySettings, entry: _Entry, username: str) -> list[str]:
    listed = entry.texts(settings.membership_attribute)
    if listed is not None:
        return listed
    template = settings.group_member_filter or "member={object_dn}"
    searched = settings.fill(settings.group_dn or "ou=groups,{base_dn}")
    condition = _filter(settings, template, username=username, object_dn=entry.dn)
    return [group.dn for group in _search(connection, searched, condition, ("1.1",), size=MAX_GROUPS)]


def _read(connection: "Connection", settings: DirectorySettings, dn: str) -> _Entry:
    attributes = (settings.membership_attribute,)
    found = _search(connection, dn, "(objectClass=*)", attributes, size=1, base_only=True)
    return found[0] if found else _Entry(dn, {})


def _filter(settings: DirectorySettings, template: str, **values: str) -> str:
    from ldap3.utils.conv import escape_filter_chars

    escaped = {name: escape_filter_chars(value) for name, value in values.items()}
    domain = {"domain_dn": settings.domain_dn, "base_dn": settings.searched_dn}
    text = settings.fill(template, **{name: escape_filter_chars(value) for name, value in domain.items()}, **escaped)
    text = text.strip()
    return text if text.startswith("(") else f"({text})"


def _search(
    connection: "Connection", base: str, condition: str, attributes: Sequence[str], *, size: int,
    base_only: bool = False,
) -> list[_Entry]:  # fmt: skip
    """Return the entries that match. Raises Unavailable when the directory refuses the search."""
    from ldap3 import BASE, DEREF_NEVER, SUBTREE

    connection.search(
        base,
        condition,
        search_scope=BASE if base_only else SUBTREE,
        dereference_aliases=DEREF_NEVER,
        attributes=list(attributes),
        size_limit=size,
    )
    result = connection.result
    if result["result"] not in (SUCCESS, NO_SUCH_OBJECT, SIZE_LIMIT):
        raise Unavailable(f"The directory refuses a search below `{base}`: {result['description']}")
    return [
        _Entry(str(each["dn"]), cast(Attributes, each["attributes"]))
        for each in connection.response or ()
        if each["type"] == "searchResEntry"
    ]

"""The settings of the directory: their checks, and their place in the configuration."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cfy_cli.contract.json import Json
from cfy_cli.errors import CfyError, Conflict, ErrorCode, Invalid
from cfy_cli.manager.services.configuration.configuration import Configuration
from cfy_cli.manager.store.store import Store

PREFIX = "rest.ldap_"  # of the names in the configuration
MAX_NESTED_LEVELS = 50
VARIABLE = re.compile(r"\{([^{}]*)\}")
# The variables that each setting may have.
VARIABLES = {
    "bind_format": ("username", "domain", "domain_dn", "base_dn"),
    "user_filter": ("username", "domain_dn", "base_dn"),
    "group_dn": ("base_dn", "domain_dn"),
    "group_member_filter": ("object_dn", "username", "domain_dn", "base_dn"),
}


@dataclass(frozen=True, slots=True)
class DirectorySettings:
    """The settings as users give them, without the prefix `ldap_`; empty text stands for the default."""

    server: str
    is_active_directory: bool = False
    domain: str = ""
    dn_extra: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    base_dn: str = ""
    group_dn: str = ""
    bind_format: str = ""
    user_filter: str = ""
    group_member_filter: str = ""
    attribute_email: str = ""
    attribute_first_name: str = ""
    attribute_last_name: str = ""
    attribute_uid: str = ""
    attribute_group_membership: str = ""
    nested_levels: int = 1
    ca_cert: str = ""
    timeout: float = 5.0  # seconds

    @property
    def is_encrypted(self) -> bool:
        return self.server.startswith("ldaps://")

    @property
    def domain_dn(self) -> str:
        """Return the DN of the domain: dc=example,dc=com for example.com."""
        return ",".join(f"dc={part}" for part in self.domain.split(".") if part)

    @property
    def searched_dn(self) -> str:
        """Return the DN below which users are."""
        return self.base_dn or ",".join(filter(None, (self.dn_extra, self.domain_dn)))

    @property
    def name_attribute(self) -> str:
        return self.attribute_uid or ("sAMAccountName" if self.is_active_directory else "uid")

    @property
    def membership_attribute(self) -> str:
        return self.attribute_group_membership or "memberOf"

    @property
    def template_of_bind(self) -> str:
        return self.bind_format or ("{username}@{domain}" if self.is_active_directory else "uid={username},{base_dn}")

    @property
    def template_of_user(self) -> str:
        by_name = "sAMAccountName={username}" if self.is_active_directory else "uid={username}"
        return self.user_filter or by_name

    def fill(self, template: str, **values: str) -> str:
        """Return a template with its variables; the values must be escaped already."""
        known = {"domain": self.domain, "domain_dn": self.domain_dn, "base_dn": self.searched_dn, **values}
        return VARIABLE.sub(lambda match: known[match[1]], template)

    def check(self) -> None:
        """Raise Invalid for settings that cannot work."""
        self._check_server()
        if bool(self.username) != bool(self.password):
            raise Invalid("Give both `ldap_username` and `ldap_password`, or neither")
        for name, allowed in VARIABLES.items():
            template: str = getattr(self, name)
            unknown = [each for each in VARIABLE.findall(template) if each not in allowed]
            if unknown or VARIABLE.sub("", template).strip("{}") != VARIABLE.sub("", template):
                names = ", ".join(f"{{{each}}}" for each in allowed)
                raise Invalid(f"`ldap_{name}` may have the variables {names} only, not `{template}`")
        if not 0 <= self.nested_levels <= MAX_NESTED_LEVELS:
            raise Invalid(f"`ldap_nested_levels` must be an integer of 0 to {MAX_NESTED_LEVELS}")
        if not self.searched_dn:
            raise Invalid("Give `ldap_base_dn` or `ldap_domain`: users are searched for below it")
        if "{domain}" in self.template_of_bind and not self.domain:
            raise Invalid("Give `ldap_domain`: the names of users that bind contain it")

    def _check_server(self) -> None:
        if not _is_address(self.server):
            raise Invalid(
                f"`ldap_server` must be ldap://HOST:PORT or ldaps://HOST:PORT, not `{self.server}`",
                hint="Without a port, it is 389 or 636.",
            )
        if self.is_encrypted != bool(self.ca_cert):
            needed = "needs `ldap_ca_cert`, the certificate of" if self.is_encrypted else "cannot have `ldap_ca_cert`,"
            raise Invalid(
                f"A server {self.server[:8]} {needed} the authority that has signed the server's",
                hint="At the command line, it is the file of --ldap-ca-path.",
            )
        if self.ca_cert:
            _check_certificate(self.ca_cert)


class MembersOfDirectory(Conflict):
    """The directory decides who is in a group."""

    status = 405
    code = ErrorCode.METHOD_NOT_ALLOWED


def is_enabled(configuration: Configuration) -> bool:
    """Return whether users log in with the passwords of a directory."""
    return bool(configuration.text(f"{PREFIX}server"))


def load(configuration: Configuration) -> DirectorySettings | None:
    """Return the present settings; None when there is no directory. Raises CfyError when they cannot work."""
    values = configuration.find_all(PREFIX)
    if not values[f"{PREFIX}server"]:
        return None
    given = {name.removeprefix(PREFIX): value for name, value in values.items()}
    fields = {name: value for name, value in given.items() if name in DirectorySettings.__slots__ and value is not None}
    settings = DirectorySettings(**fields)  # type: ignore[arg-type]  # the configuration checks their types
    settings.check()
    return settings


def save(store: Store, configuration: Configuration, settings: DirectorySettings) -> None:
    """Store the settings, but for the time limit, which only the configuration changes."""
    values: Mapping[str, Json] = {
        f"{PREFIX}{name}": getattr(settings, name) for name in DirectorySettings.__slots__ if name != "timeout"
    }
    try:
        configuration.set_many(store, values)
    except CfyError as error:
        raise Invalid(error.message, hint=error.hint) from error


def _is_address(server: str) -> bool:
    try:
        address = urlsplit(server)
        has_host = bool(address.hostname) and (address.port or 1) > 0
    except ValueError:
        return False
    is_bare = not (address.path.strip("/") or address.query or address.fragment or address.username)
    # The scheme is compared as it is written: another spelling of ldaps must not go without a certificate.
    return server.startswith(("ldap://", "ldaps://")) and has_host and is_bare and server.isprintable()


def _check_certificate(pem: str) -> None:
    from cryptography import x509  # slow to import

    try:
        x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise Invalid(
            "`ldap_ca_cert` must be a certificate in PEM: -----BEGIN CERTIFICATE----- and what follows"
        ) from None

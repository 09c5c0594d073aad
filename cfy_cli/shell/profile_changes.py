"""Changes of profiles by `cfy profiles use`, `set` and `set-cluster`, and by a new password."""

from typing import Any
from urllib.parse import urlsplit

from cfy_cli.config import keyring_storage
from cfy_cli.config.addresses import DEFAULT_PORTS, parse_address
from cfy_cli.config.profiles import DEFAULT_TENANT, LOCAL, Profile, Profiles
from cfy_cli.errors import Conflict, NotFound, Usage
from cfy_cli.shell.app import App


def new_profile(name: str, typed: str, *, ssl: bool, manager_tenant: str | None, **fields: Any) -> Profile:
    """Return a profile for an address given as host, host:port or URL. Raises Usage."""
    profile = Profile(name=name, manager_tenant=manager_tenant or DEFAULT_TENANT)
    change_profile(profile, manager_ip=typed, ssl="on" if ssl else None, **fields)
    if profile.manager_password and not profile.manager_username:
        raise Usage("A password requires a user", hint="Give -u as well, or a token with -T.")
    return profile


def change_profile(
    profile: Profile,
    *,
    manager_ip: str | None = None,
    ssl: str | None = None,
    rest_port: int | None = None,
    **fields: object,
) -> None:
    """Set the given fields; credentials of one kind replace those of the other. Raises Usage."""
    if manager_ip:
        _set_address(profile, manager_ip)
    if ssl or fields.get("rest_certificate"):
        profile.rest_protocol = "http" if ssl == "off" else "https"
        profile.rest_port = DEFAULT_PORTS[profile.rest_protocol]
    if rest_port:
        profile.rest_port = rest_port
    if fields.get("manager_token") and (fields.get("manager_username") or fields.get("manager_password")):
        raise Usage("Give either a token, or a user and a password")
    if fields.get("manager_token"):
        profile.manager_username = profile.manager_password = None
    elif fields.get("manager_username"):
        profile.manager_token = None
    for field, value in fields.items():
        if value is not None:
            setattr(profile, field, value)


def change_cluster_node(profile: Profile, name: str, **fields: object) -> dict[str, object]:
    """Set the given fields of a node of the profile's cluster; return the node. Raises Usage and NotFound."""
    nodes: list[dict[str, object]] = profile.cluster.get("manager") or []
    if not nodes:
        raise Usage(f"Profile `{profile.name}` has no cluster", hint="Use another profile: cfy profiles use NAME")
    node = next((node for node in nodes if node.get("hostname") == name), None)
    if node is None:
        known = ", ".join(str(node.get("hostname")) for node in nodes)
        raise NotFound(f"There is no node `{name}` in the cluster", hint=f"Nodes: {known}")
    node.update({field: value for field, value in fields.items() if value is not None})
    if fields.get("cert"):
        node |= {"trust_all": False, "rest_protocol": "https"}
    return node


def replace_password(app: App, username: str, password: str) -> str | None:
    """Store a user's new password in the profile that this command logged in with; return the profile's name.

    Returns None when the profile is of another user or stores no password.
    """
    profile = app.profile
    if profile is None and app.uses_embedded(None):
        profile = app.profiles.embedded()
    if profile is None or not app.profiles.exists(profile.name) or profile.manager_username != username:
        return None
    settings = app.settings_of(profile)
    if settings.username.value != username or settings.token.value:
        return None
    if settings.password.value is None and keyring_storage.read(profile.name):
        keyring_storage.store(profile.name, password)
        return profile.name
    if settings.password.value != profile.manager_password:
        return None
    profile.manager_password = password
    app.profiles.write(profile)
    return profile.name


def check_free(name: str) -> None:
    """Raise Usage for the name that is kept for the manager on this machine."""
    if name == LOCAL:
        raise Usage(f"A profile cannot be named `{LOCAL}`: the manager on this machine has that name")


def rename_profile(profiles: Profiles, profile: Profile, name: str) -> None:
    """Rename the profile and use it. Raises Conflict, and Usage for a name that is kept."""
    check_free(name)
    if profiles.exists(name):
        raise Conflict(f"Profile `{name}` already exists")
    old_name, profile.name = profile.name, name
    profiles.write(profile)
    profiles.activate(name)
    profiles.delete(old_name)


def _set_address(profile: Profile, typed: str) -> None:
    parts = urlsplit(parse_address(typed))
    if "://" in typed:
        profile.rest_protocol = parts.scheme
        profile.rest_port = parts.port or DEFAULT_PORTS[parts.scheme]
    elif parts.port:
        profile.rest_port = parts.port
    profile.manager_ip = parts.hostname

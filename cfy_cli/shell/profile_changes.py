"""What the options of `cfy profiles use` and `set` do to a profile."""

from typing import Any
from urllib.parse import urlsplit

from cfy_cli.config.addresses import DEFAULT_PORTS, parse_address
from cfy_cli.config.profiles import DEFAULT_TENANT, Profile, Profiles
from cfy_cli.errors import Conflict, NotFound, Usage


def new_profile(name: str, typed: str, *, ssl: bool, manager_tenant: str | None, **fields: Any) -> Profile:
    """The profile of a manager whose address was typed as host, host:port or URL."""
    profile = Profile(name=name, manager_tenant=manager_tenant or DEFAULT_TENANT)
    change(profile, manager_ip=typed, ssl="on" if ssl else None, **fields)
    if profile.manager_password and not profile.manager_username:
        raise Usage("There is a password without a user", hint="Give -u too, or a token with -T.")
    return profile


def change(
    profile: Profile,
    *,
    manager_ip: str | None = None,
    ssl: str | None = None,
    rest_port: int | None = None,
    **fields: Any,
) -> None:
    """Set what was given. A way to log in replaces the other ways."""
    if manager_ip:
        _set_address(profile, manager_ip)
    if ssl or fields.get("rest_certificate"):
        profile.rest_protocol = "http" if ssl == "off" else "https"
        profile.rest_port = DEFAULT_PORTS[profile.rest_protocol]
    if rest_port:
        profile.rest_port = rest_port
    if fields.get("manager_token") and (fields.get("manager_username") or fields.get("manager_password")):
        raise Usage("Give a token, or a user and a password, not both")
    if fields.get("manager_token"):
        profile.manager_username = profile.manager_password = None
    elif fields.get("manager_username"):
        profile.manager_token = None
    for field, value in fields.items():
        if value is not None:
            setattr(profile, field, value)


def change_node(profile: Profile, name: str, **fields: Any) -> dict[str, Any]:
    """Set what was given for one node of the profile's cluster; the node. Raises Usage and NotFound."""
    nodes = profile.cluster.get("manager") or []
    if not nodes:
        raise Usage(f"Profile `{profile.name}` knows of no cluster", hint="Use another: cfy profiles use NAME")
    found: dict[str, Any] | None = next((node for node in nodes if node.get("hostname") == name), None)
    if found is None:
        known = ", ".join(str(node.get("hostname")) for node in nodes)
        raise NotFound(f"There is no node `{name}` in the cluster", hint=f"Nodes: {known}")
    found.update({field: value for field, value in fields.items() if value is not None})
    if fields.get("cert"):
        found |= {"trust_all": False, "rest_protocol": "https"}
    return found


def rename(profiles: Profiles, profile: Profile, name: str) -> None:
    """Save it under another name and take the old one away."""
    if profiles.exists(name):
        raise Conflict(f"There is a profile `{name}` already")
    old, profile.name = profile.name, name
    profiles.write(profile)
    profiles.activate(name)
    profiles.delete(old)


def _set_address(profile: Profile, typed: str) -> None:
    parts = urlsplit(parse_address(typed))
    if "://" in typed:
        profile.rest_protocol = parts.scheme
        profile.rest_port = parts.port or DEFAULT_PORTS[parts.scheme]
    elif parts.port:
        profile.rest_port = parts.port
    profile.manager_ip = parts.hostname

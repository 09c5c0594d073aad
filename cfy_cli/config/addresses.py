"""Addresses of managers: parsing what users type, and building URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cfy_cli.errors import Usage

if TYPE_CHECKING:
    from cfy_cli.config.profiles import Profile

DEFAULT_PORTS = {"http": 80, "https": 443}


def parse_address(text: str, profile: Profile | None = None) -> str:
    """Return `host`, `host:port` or a URL as a URL without a path; the profile gives missing protocol and port."""
    protocol = profile.rest_protocol if profile else "http"
    parts = urlsplit(text if "://" in text else f"{protocol}://{_bracketed(text)}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Usage(f"`{text}` is not an address: {error}") from error
    if not host or parts.scheme not in DEFAULT_PORTS:
        raise Usage(f"`{text}` is not an address", hint="Give a host, host:port, or http(s)://host:port.")
    if parts.username or parts.path.strip("/") or parts.query:
        raise Usage(
            f"The address of `{host}` holds more than host and port",
            hint="Give only http(s)://host:port; give user and password as -u and -p.",
        )
    if port is None and profile and "://" not in text:
        port = profile.rest_port
    return build_url(host, port, parts.scheme)


def build_url(host: str, port: int | None, protocol: str) -> str:
    suffix = "" if port in (None, DEFAULT_PORTS.get(protocol)) else f":{port}"
    return f"{protocol}://{_bracketed(host)}{suffix}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host

"""Addresses of managers, as typed and as URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cfy_cli.errors import Usage

if TYPE_CHECKING:
    from cfy_cli.config.profiles import Profile

DEFAULT_PORTS = {"http": 80, "https": 443}


def address(typed: str, profile: Profile | None = None) -> str:
    """`host`, `host:port` or a URL as a URL without a path; protocol and port come from the profile if not typed."""
    protocol = profile.rest_protocol if profile else "http"
    parts = urlsplit(typed if "://" in typed else f"{protocol}://{_bracketed(typed)}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Usage(f"`{typed}` is not an address: {error}") from error
    if not host or parts.scheme not in DEFAULT_PORTS:
        raise Usage(f"`{typed}` is not an address", hint="Give a host, host:port, or http(s)://host:port.")
    if parts.username or parts.path.strip("/") or parts.query:
        raise Usage(
            f"`{host}` stands among more than an address",
            hint="Give http(s)://host:port alone; -u and -p say who you are.",
        )
    if port is None and profile and "://" not in typed:
        port = profile.rest_port
    return url(host, port, parts.scheme)


def url(host: str, port: int | None, protocol: str) -> str:
    visible = "" if port in (None, DEFAULT_PORTS.get(protocol)) else f":{port}"
    return f"{protocol}://{_bracketed(host)}{visible}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host

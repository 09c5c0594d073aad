"""Requests to this machine never go through a proxy, whatever `http_proxy` and `no_proxy` say."""

import ipaddress
from urllib.parse import urlsplit


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def proxies_for(url: str) -> dict[str, str] | None:
    """Return the argument `proxies` of requests for a URL; None leaves the choice to the environment."""
    return {"no_proxy": urlsplit(url).hostname or ""} if is_loopback(url) else None

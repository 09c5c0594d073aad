"""Keep pages of other sites from using a manager through the browser of one of its users.

The Host header must name this manager, which a site that gives its own name the address of the manager cannot do. What
a page of another origin requests is refused, and the headers of every answer keep it from being embedded or stored.
"""

import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from fastapi import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cfy_cli.errors import CfyError, Forbidden, Misdirected
from cfy_cli.manager.rest import errors
from cfy_cli.manager.settings import ManagerSettings

OWN_REQUESTS = (b"same-origin", b"none")  # values of Sec-Fetch-Site: a page of this manager, or the user
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


class ServedNames:
    """The names and addresses that the Host header of a request may have."""

    def __init__(self, settings: ManagerSettings) -> None:
        self._is_local = _is_loopback(settings.host)
        names = {"localhost", settings.host, *settings.server_names}
        if not self._is_local:
            names |= {socket.gethostname(), socket.gethostname().partition(".")[0], socket.getfqdn()}
        self._names = {name.lower().rstrip(".") for name in names}

    def have(self, host: str) -> bool:
        """Return whether HOST or HOST:PORT is one of the names. An address is one: no site can have it as its name."""
        name = _name_of(host)
        if name in self._names or name.endswith(".localhost"):
            return True
        return _is_loopback(name) if self._is_local else _is_address(name)


class HeadersForBrowsers:
    """Add headers to every answer (ASGI middleware)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _answer_headers(dict(scope["headers"]), message["headers"])
            await send(message)

        await self._app(scope, receive, protected)


class BrowserProtection:
    """Check the Host and the origin of every request (ASGI middleware)."""

    def __init__(self, app: ASGIApp, names: ServedNames) -> None:
        self._app, self._names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._check(scope, dict(scope["headers"]))
        await (refused or self._app)(scope, receive, send)

    def _check(self, scope: Scope, request: Mapping[bytes, bytes]) -> Response | None:
        """Return the answer to a request that is refused; None for others."""
        hosts = {value.decode("latin-1") for name, value in scope["headers"] if name == b"host"}
        try:
            for host in hosts:
                self._check_host(host)
            if len(hosts) > 1:
                raise Misdirected("The request has several `Host` headers")
            _check_origin(scope["method"], request)
        except CfyError as error:
            return errors.answer(error.status, error.code, error.message, error.hint)
        return None

    def _check_host(self, host: str) -> None:
        """Raise Misdirected when the host is not this manager. Without the header, no browser sent the request."""
        if not self._names.have(host):
            name = _name_of(host)
            raise Misdirected(
                f"This manager is not known as `{name}`, the host that the request names",
                hint=f"If it is, restart it with that name: cfy manager start --server-name {name}",
            )


def _check_origin(method: str, request: Mapping[bytes, bytes]) -> None:
    """Raise Forbidden for what a page of another origin requests. To follow a link to this manager is allowed.

    Clients that are no browsers send none of these headers.
    """
    site = request.get(b"sec-fetch-site")
    if site is not None:
        is_link = (request.get(b"sec-fetch-mode"), request.get(b"sec-fetch-dest")) == (b"navigate", b"document")
        is_own = site in OWN_REQUESTS or (method in ("GET", "HEAD") and is_link)
    else:
        origin = request.get(b"origin")
        is_own = origin is None or _authority_of(origin) == request.get(b"host", b"").lower()
    if not is_own:
        raise Forbidden(
            "A page of another site may not use this manager",
            hint="Use a client that is no browser, or a page with the address of the manager itself.",
        )


def _answer_headers(request: Mapping[bytes, bytes], headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer and those that it lacks.

    Browsers are not asked for a password: they would keep it, and send it with requests of pages of other sites.
    """
    is_browser = b"sec-fetch-mode" in request or b"origin" in request
    kept = [(name, value) for name, value in headers if not (is_browser and name == b"www-authenticate")]
    present = {name for name, _ in kept}
    return kept + [each for each in HEADERS if each[0] not in present]


def _authority_of(origin: bytes) -> bytes:
    """Return HOST or HOST:PORT of an origin; empty for `null`, which is the origin of pages without one."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return b""


def _name_of(host: str) -> str:
    """Return the name or address in HOST or HOST:PORT as settings have it: without brackets, in lower case."""
    name, colon, port = host.rpartition(":")
    if not colon or "]" in port:
        name = host
    return name.removeprefix("[").removesuffix("]").lower().rstrip(".")


def _is_address(name: str) -> bool:
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _is_loopback(name: str) -> bool:
    return name == "localhost" or (_is_address(name) and ipaddress.ip_address(name).is_loopback)

"""Fetching of URLs that users give, limited in scheme, size and time."""

import time
from typing import IO, TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from cfy_cli.errors import Invalid
from cfy_cli.manager.services.transfer.addresses import AddressRefused, AddressRules
from cfy_cli.manager.settings import ManagerSettings

if TYPE_CHECKING:  # slow to import, and needed only where something is fetched
    import requests

SCHEMES = ("http", "https")
MAX_BYTES = 1024 * 1024 * 1024
FETCH_TIMEOUT = 300  # seconds for all of it
READ_TIMEOUT = 30  # seconds without data
CHUNK_SIZE = 1 << 16  # bytes
MAX_REDIRECTS = 5
OFFLINE_HINT = "Check the address and the network of the manager, or download it and give the file."
TEMPORARY_STATUSES = (408, 425, 429)  # and those from 500


class FetchInterrupted(Invalid):
    """A failure that may be over at the next try."""


def check_url(url: str) -> str:
    """Return the URL. Raises Invalid when its scheme is not allowed."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        allowed = " and ".join(f"{scheme}://" for scheme in SCHEMES)
        raise Invalid(f"`{url}` cannot be fetched: only {allowed} addresses are allowed")
    return url


def fetch(url: str, file: IO[bytes], settings: ManagerSettings, *, max_bytes: int = MAX_BYTES) -> bool:
    """Write the content of a URL to a file, within the rules for addresses; return whether it is at a public one.

    Raises Invalid with the reason of a failure, perhaps FetchInterrupted; the reason has nothing of the content.
    """
    import requests

    from cfy_cli.manager.services.transfer.checked_connections import open_session

    deadline = time.monotonic() + FETCH_TIMEOUT
    remaining = max_bytes
    rules = AddressRules(settings)
    try:
        with open_session(rules) as session, _open(session, url) as response:
            if not response.ok:
                status = response.status_code
                kind = FetchInterrupted if status >= 500 or status in TEMPORARY_STATUSES else Invalid
                raise kind(f"`{url}` could not be fetched: it answered {status}")
            for chunk in response.iter_content(CHUNK_SIZE):
                remaining -= len(chunk)
                if remaining < 0:
                    raise Invalid(f"`{url}` could not be fetched: it is larger than {max_bytes >> 20} MiB")
                if time.monotonic() > deadline:
                    raise FetchInterrupted(f"`{url}` could not be fetched within {FETCH_TIMEOUT} seconds")
                file.write(chunk)
        return rules.is_public
    except AddressRefused as error:
        raise AddressRefused(f"`{url}` cannot be fetched: {error.message}", hint=error.hint) from error
    except requests.RequestException as error:
        raise FetchInterrupted(f"`{url}` could not be fetched: {_reason(error)}", hint=OFFLINE_HINT) from error


def _open(session: "requests.Session", url: str) -> "requests.Response":
    """Send a request, and follow redirects whose scheme is the same, or https after http."""
    address = check_url(url)
    for _ in range(MAX_REDIRECTS):
        response = session.get(address, stream=True, timeout=READ_TIMEOUT, allow_redirects=False)
        if not response.is_redirect:
            return response
        response.close()
        target = urljoin(address, response.headers["Location"])
        if urlsplit(target).scheme not in (urlsplit(address).scheme, "https"):
            raise Invalid(f"`{url}` could not be fetched: it redirects to another scheme")
        address = check_url(target)
    raise Invalid(f"`{url}` could not be fetched: it redirects more than {MAX_REDIRECTS} times")


def _reason(error: "requests.RequestException") -> str:
    import requests

    if isinstance(error, requests.Timeout):
        return "it did not answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection could be made"
    return type(error).__name__

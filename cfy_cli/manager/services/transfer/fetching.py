"""Fetching of URLs that users give, limited in scheme, size and time."""

import time
from typing import IO
from urllib.parse import urlsplit

import requests

from cfy_cli.errors import Invalid

SCHEMES = ("http", "https")
MAX_BYTES = 1024 * 1024 * 1024
FETCH_TIMEOUT = 300  # seconds for all of it
READ_TIMEOUT = 30  # seconds without data
CHUNK_SIZE = 1 << 16  # bytes


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


def fetch(url: str, file: IO[bytes], *, max_bytes: int = MAX_BYTES) -> None:
    """Write the content of a URL to a file. Raises Invalid with the reason of a failure, perhaps FetchInterrupted."""
    deadline = time.monotonic() + FETCH_TIMEOUT
    remaining = max_bytes
    try:
        with requests.get(check_url(url), stream=True, timeout=READ_TIMEOUT) as response:
            if not response.ok:
                status = response.status_code
                kind = FetchInterrupted if status >= 500 or status in TEMPORARY_STATUSES else Invalid
                raise kind(f"`{url}` could not be fetched: it answered {status} {response.reason}")
            for chunk in response.iter_content(CHUNK_SIZE):
                remaining -= len(chunk)
                if remaining < 0:
                    raise Invalid(f"`{url}` could not be fetched: it is larger than {max_bytes >> 20} MiB")
                if time.monotonic() > deadline:
                    raise FetchInterrupted(f"`{url}` could not be fetched within {FETCH_TIMEOUT} seconds")
                file.write(chunk)
    except requests.RequestException as error:
        raise FetchInterrupted(f"`{url}` could not be fetched: {_reason(error)}") from error


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "it did not answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection could be made"
    return type(error).__name__

"""Fetching what a user points at: a list of schemes, a size, a time."""

import time
from typing import IO
from urllib.parse import urlsplit

import requests

from cfy_cli.errors import Invalid

SCHEMES = ("http", "https")
MOST_BYTES = 1024 * 1024 * 1024
MOST_SECONDS = 300
SILENCE_SECONDS = 30


def check_url(url: str) -> str:
    """The address itself, or Invalid when its scheme is not one we fetch."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise Invalid(
            f"`{url}` cannot be fetched: only {' and '.join(f'{scheme}://' for scheme in SCHEMES)} addresses are"
        )
    return url


def fetch(url: str, file: IO[bytes], *, most: int = MOST_BYTES) -> None:
    """Write what is at an address to a file. Raises Invalid with the reason it could not be had."""
    deadline = time.monotonic() + MOST_SECONDS
    left = most
    try:
        with requests.get(check_url(url), stream=True, timeout=SILENCE_SECONDS) as answer:
            if not answer.ok:
                raise Invalid(f"`{url}` could not be fetched: it answered {answer.status_code} {answer.reason}")
            for chunk in answer.iter_content(1 << 16):
                left -= len(chunk)
                if left < 0:
                    raise Invalid(f"`{url}` could not be fetched: it is larger than {most >> 20} MiB")
                if time.monotonic() > deadline:
                    raise Invalid(f"`{url}` could not be fetched within {MOST_SECONDS} seconds")
                file.write(chunk)
    except requests.RequestException as error:
        raise Invalid(f"`{url}` could not be fetched: {_reason(error)}") from error


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "it did not answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection could be made"
    return type(error).__name__

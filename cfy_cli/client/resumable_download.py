"""Partial files of downloads that can be resumed."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CHUNK_SIZE = 256 * 1024  # bytes


class PartialFile:
    """The `.part` file beside the target, and the ETag of the file it is a part of.

    `etag` is empty when the download cannot be resumed.
    """

    def __init__(self, target: Path, response: requests.Response) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self._etag_file = target.with_name(f"{target.name}.part.etag")
        etag = response.headers.get("ETag", "")
        is_plain = "Content-Encoding" not in response.headers
        self.etag = etag if is_plain and etag.startswith('"') else ""
        length = response.headers.get("Content-Length") if is_plain else None
        self.expected = int(length) if length else None
        if not self.etag or self._stored_etag() != self.etag:
            self.discard()

    @property
    def size(self) -> int:
        """Return the number of bytes downloaded so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    def append(self, response: requests.Response, progress: Callable[[int], None]) -> bool:
        """Append the body of an answer; return whether the file is complete."""
        if response.status_code != 206:
            self.path.unlink(missing_ok=True)  # the file has changed or cannot be resumed: the answer holds all of it
        elif match := re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", "")):
            if int(match[1]) != self.size:
                self.path.unlink(missing_ok=True)
                return False
            self.expected = int(match[2])
        if self.etag:
            self._etag_file.write_text(self.etag)
        try:
            with response, self.path.open("ab") as file:
                for chunk in response.iter_content(_CHUNK_SIZE):
                    file.write(chunk)
                    progress(len(chunk))
        except requests.RequestException:
            return False
        return self.expected is None or self.size == self.expected

    def finish(self) -> None:
        os.replace(self.path, self.target)
        self._etag_file.unlink(missing_ok=True)

    def close(self) -> None:
        """Keep the partial file if the download can be resumed, else remove it."""
        if not self.etag or not self.size:
            self.discard()

    def discard(self) -> None:
        for path in (self.path, self._etag_file):
            path.unlink(missing_ok=True)

    def _stored_etag(self) -> str:
        return self._etag_file.read_text() if self._etag_file.exists() else ""

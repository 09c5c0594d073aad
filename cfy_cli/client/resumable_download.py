"""A file while it is downloaded: beside its place, with a note of which state of the file it is."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CHUNK = 256 * 1024


class Part:
    """`etag` is the name of the file's state, where the manager gives one that is good for going on."""

    def __init__(self, target: Path, response: requests.Response) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.etag")
        etag = response.headers.get("ETag", "")
        plain = "Content-Encoding" not in response.headers
        self.etag = etag if plain and etag.startswith('"') else ""
        length = response.headers.get("Content-Length") if plain else None
        self.expected = int(length) if length else None
        if not self.etag or self._noted() != self.etag:
            self.discard()

    @property
    def size(self) -> int:
        """The bytes that are here already."""
        return self.path.stat().st_size if self.path.exists() else 0

    def take(self, response: requests.Response, progress: Callable[[int], None]) -> bool:
        """Write what the answer holds; whether the file is whole then."""
        if response.status_code != 206:
            self.path.unlink(missing_ok=True)  # it is another file by now, or there is no going on: all of it comes
        elif found := re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", "")):
            if int(found[1]) != self.size:
                self.path.unlink(missing_ok=True)
                return False
            self.expected = int(found[2])
        if self.etag:
            self._note.write_text(self.etag)
        try:
            with response, self.path.open("ab") as file:
                for chunk in response.iter_content(_CHUNK):
                    file.write(chunk)
                    progress(len(chunk))
        except requests.RequestException:
            return False
        return self.expected is None or self.size == self.expected

    def finish(self) -> None:
        os.replace(self.path, self.target)
        self._note.unlink(missing_ok=True)

    def leave(self) -> None:
        """Keep what is here for the next time, if it can be gone on with."""
        if not self.etag or not self.size:
            self.discard()

    def discard(self) -> None:
        for path in (self.path, self._note):
            path.unlink(missing_ok=True)

    def _noted(self) -> str:
        return self._note.read_text() if self._note.exists() else ""

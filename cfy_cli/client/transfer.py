"""Files on their way up and down: packed, streamed in pieces, whole or not at all."""

import os
import re
import secrets
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests

from cfy_cli.client.resumable_download import Part
from cfy_cli.errors import CfyError, Unreachable

CHUNK = 256 * 1024
OWN_FOLDER = ".cloudify"  # profiles, and all that the manager on this machine keeps
RESUMES = 5  # how often a download is gone on with
Progress = Callable[[int], None]
Again = Callable[[requests.Response, int], requests.Response]  # the same file, from an offset on


def silent(_count: int) -> None:
    """A Progress that tells nobody."""


class Multipart:
    """A form of texts and one file, made piece by piece; may be iterated more than once."""

    def __init__(
        self, fields: Mapping[str, str], name: str, file: Path | None = None, progress: Progress = silent
    ) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._file = file
        self._progress = progress
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
            for field, value in fields.items()
        )
        if file:
            head += (
                f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
                "Content-Type: application/octet-stream\r\n\r\n"
            )
        self._head = head.encode()
        self._tail = (f"\r\n--{boundary}--\r\n" if file else f"--{boundary}--\r\n").encode()

    def __len__(self) -> int:
        return len(self._head) + (self._file.stat().st_size if self._file else 0) + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        if self._file:
            with self._file.open("rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk
                    self._progress(len(chunk))
        yield self._tail


@contextmanager
def packed(folder: Path) -> Iterator[Path]:
    """A tar.gz of the folder under its own name, which lives as long as the context."""
    with tempfile.TemporaryDirectory(prefix="cfy-") as temporary:
        archive = Path(temporary) / "archive.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=6) as tar:
            tar.add(folder, arcname=folder.resolve().name or "blueprint", filter=_without_profiles)
        yield archive


def _without_profiles(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Whoever has a blueprint in their home folder does not mean to send their passwords too."""
    return None if os.path.basename(member.name) == OWN_FOLDER else member


def save(response: requests.Response, target: Path, progress: Progress = silent, again: Again | None = None) -> Path:
    """Write a streamed answer beside `target` and rename it when it is whole.

    Where the manager names the state of the file (ETag), what broke off is gone on with: at once through `again`, and
    when that does not help either, by the next command that saves to the same place.
    """
    try:
        part = Part(target, response)
        try:
            if again and part.size:
                progress(part.size)
                response.close()
                response = again(response, part.size)
            for _ in range(RESUMES):
                if part.take(response, progress):
                    part.finish()
                    return target
                if not again or not part.etag:
                    break
                response = again(response, part.size)
        finally:
            size = part.size
            part.leave()
    except OSError as error:
        raise CfyError(f"Cannot write {target}: {error.strerror}") from error
    resumable = again and part.etag
    raise Unreachable(
        f"The connection broke after {size} of {part.expected or 'an unknown number of'} bytes",
        hint="Repeat the command: it goes on from there." if resumable else "Try again.",
    )


def target_of(response: requests.Response, wanted: str | None, default: str) -> Path:
    """Where to save: the file or folder that was named, or else the name the manager gives, in this folder."""
    found = re.search(r'filename="?([^";]+)', response.headers.get("Content-Disposition", ""))
    name = os.path.basename(found.group(1)) if found else default
    if not wanted:
        return Path(name or default)
    path = Path(wanted).expanduser()
    return path / (name or default) if path.is_dir() else path


def length_of(response: requests.Response) -> int:
    return int(response.headers.get("Content-Length") or 0)

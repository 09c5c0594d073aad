"""Uploads and downloads of files, streamed and in constant memory."""

import os
import re
import secrets
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests

from cfy_cli.client.resumable_download import PartialFile
from cfy_cli.errors import CfyError, Unreachable

CHUNK_SIZE = 256 * 1024  # bytes
OWN_FOLDER = ".cloudify"  # profiles, and the data of the embedded manager
MAX_RESUMES = 5  # of one download
Progress = Callable[[int], None]
Resume = Callable[[requests.Response, int], requests.Response]  # requests the same file from an offset on


def silent(_count: int) -> None:
    """Report no progress."""


class StreamedFile:
    """A request body that streams a file; it can be iterated more than once."""

    def __init__(self, file: Path, progress: Progress) -> None:
        self._file, self._progress = file, progress

    def __len__(self) -> int:
        return self._file.stat().st_size

    def __iter__(self) -> Iterator[bytes]:
        with self._file.open("rb") as file:
            while chunk := file.read(CHUNK_SIZE):
                yield chunk
                self._progress(len(chunk))


class Multipart:
    """A streamed multipart form of text fields and one file; it can be iterated more than once."""

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
                while chunk := file.read(CHUNK_SIZE):
                    yield chunk
                    self._progress(len(chunk))
        yield self._tail


@contextmanager
def archive_of(folder: Path) -> Iterator[Path]:
    """Yield a temporary tar.gz of the folder, under the folder's own name."""
    with tempfile.TemporaryDirectory(prefix="cfy-") as temporary:
        archive = Path(temporary) / "archive.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=6) as tar:
            tar.add(folder, arcname=folder.resolve().name or "blueprint", filter=_without_profiles)
        yield archive


def _without_profiles(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out `.cloudify`: a blueprint in the home folder must not take the passwords along."""
    return None if os.path.basename(member.name) == OWN_FOLDER else member


def save(response: requests.Response, target: Path, progress: Progress = silent, resume: Resume | None = None) -> Path:
    """Write a streamed answer beside `target` and rename it when it is complete.

    With an ETag, an interrupted download is resumed: at once through `resume`, and by the next command that saves to
    the same target.
    """
    try:
        part = PartialFile(target, response)
        try:
            if resume and part.size:
                progress(part.size)
                response.close()
                response = resume(response, part.size)
            for _ in range(MAX_RESUMES):
                if part.append(response, progress):
                    part.finish()
                    return target
                if not resume or not part.etag:
                    break
                response = resume(response, part.size)
        finally:
            size = part.size
            part.close()
    except OSError as error:
        raise CfyError(f"Cannot write {target}: {error.strerror}") from error
    is_resumable = resume and part.etag
    raise Unreachable(
        f"The connection broke after {size} of {part.expected or 'an unknown number of'} bytes",
        hint="Repeat the command to resume the download." if is_resumable else "Try again.",
    )


def target_path(response: requests.Response, wanted: str | None, default: str) -> Path:
    """Return where to save: the given file or folder, or else the manager's file name in the current folder."""
    match = re.search(r'filename="?([^";]+)', response.headers.get("Content-Disposition", ""))
    name = os.path.basename(match.group(1)) if match else default
    if not wanted:
        return Path(name or default)
    path = Path(os.path.expanduser(wanted))
    return path / (name or default) if path.is_dir() else path


def content_length(response: requests.Response) -> int:
    return int(response.headers.get("Content-Length") or 0)

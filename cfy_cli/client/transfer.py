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

from cfy_cli.errors import CfyError, Unreachable

CHUNK = 256 * 1024
Progress = Callable[[int], None]


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
            tar.add(folder, arcname=folder.resolve().name or "blueprint")
        yield archive


def save(response: requests.Response, target: Path, progress: Progress = silent) -> Path:
    """Write a streamed answer beside `target` and rename it when it is complete."""
    part = target.with_name(target.name + ".part")
    expected = response.headers.get("Content-Length")
    size = 0
    try:
        with response, part.open("wb") as file:
            for chunk in response.iter_content(CHUNK):
                size += file.write(chunk)
                progress(len(chunk))
        if expected is not None and "Content-Encoding" not in response.headers and size != int(expected):
            raise Unreachable(f"The connection broke after {size} of {expected} bytes", hint="Try again.")
        os.replace(part, target)
    except requests.RequestException as error:
        raise Unreachable(f"The connection broke after {size} bytes", hint="Try again.") from error
    except OSError as error:
        raise CfyError(f"Cannot write {target}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return target


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

"""Sending and receiving of files."""

import json
import os
import tarfile
import uuid
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path

from .client import CHUNK_SIZE, StreamedResponse

OnProgress = Callable[[int, int], object]  # bytes transferred, bytes in all


def read_file(path: str, on_progress: OnProgress | None = None) -> Iterator[bytes]:
    size, sent = os.path.getsize(path), 0
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_SIZE):
            sent += len(chunk)
            yield chunk
            if on_progress:
                on_progress(sent, size)


def multipart(
    params: dict[str, object], archive: str | None = None, on_progress: OnProgress | None = None
) -> tuple[Iterator[bytes], dict[str, str]]:
    """Return the body and the headers of a form with JSON `params` and, if given, the file `blueprint_archive`."""
    boundary = uuid.uuid4().hex
    head = _part(boundary, '"params"') + json.dumps(params).encode()
    if archive is not None:
        head += b"\r\n" + _part(boundary, '"blueprint_archive"; filename="archive"')
    tail = f"\r\n--{boundary}--\r\n".encode()

    def parts() -> Iterator[bytes]:
        yield head
        if archive is not None:
            yield from read_file(archive, on_progress)
        yield tail

    size = len(head) + len(tail) + (os.path.getsize(archive) if archive is not None else 0)
    headers = {"Content-type": f"multipart/form-data; boundary={boundary}", "Content-Length": str(size)}
    return parts(), headers


def _part(boundary: str, name: str) -> bytes:
    return f"--{boundary}\r\nContent-Disposition: form-data; name={name}\r\n\r\n".encode()


def write_file(response: StreamedResponse, output_file: str | None, on_progress: OnProgress | None = None) -> str:
    """Write an answer to a new file and return its path; a folder, or None, gets the name that the manager gives.

    Raises FileExistsError when there is such a file.
    """
    name = _file_name(response) or "download"
    path = Path(output_file or name)
    if path.is_dir():
        path /= name
    size, written = int(response.headers.get("content-length") or 0), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        for chunk in response.bytes_stream():
            file.write(chunk)
            written += len(chunk)
            if on_progress:
                on_progress(written, size)
    return str(path)


def _file_name(response: StreamedResponse) -> str | None:
    message = Message()
    message["content-disposition"] = response.headers.get("content-disposition") or ""
    name = message.get_filename()
    return Path(name).name if name else None


def pack_folder(main_file: str, target: str) -> str:
    """Pack the folder of a blueprint's file into an archive in the folder `target`, and return its path."""
    path = Path(main_file).expanduser()
    archive = Path(target) / f"{path.stem}.tar.gz"
    with tarfile.open(archive, "w:gz", dereference=True) as packed:
        packed.add(path.resolve().parent, arcname=path.stem)
    return str(archive)


def is_url(path: str) -> bool:
    return "://" in path and not Path(path).exists()

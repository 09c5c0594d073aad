"""Uploaded archives, as multipart or raw body, streamed to a temporary file."""

import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.json_values import parse_json
from cfy_cli.contract.limits import active_limits
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.bodies import check_fields
from cfy_cli.manager.rest.query import INCLUDE
from cfy_cli.manager.services.context import AppContext

MAX_FILES, MAX_FIELDS = 4, 20  # parts of a multipart body
CHUNK_SIZE = 1024**2  # bytes


@dataclass(slots=True)
class UploadedFile:
    """The archive on disk (None when there was no body) and the parameters of `params` and of the query."""

    archive: Path | None = None
    params: JsonObject = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """Return a parameter that must be text; None when it is absent or empty. Raises Invalid."""
        value = self.params.get(name)
        if value is not None and not isinstance(value, str):
            raise Invalid(f"`{name}` must be a string")
        return value or None


async def uploaded_file(request: Request) -> AsyncIterator[UploadedFile]:
    """Receive an upload, as a dependency; remove the file afterwards unless the endpoint has moved it.

    The part `params` of a multipart body, or a body that is a JSON object, has the same names as the query parameters
    of the endpoint.
    """
    app: AppContext = request.app.state.app_context
    max_parameters = active_limits().request_body
    with app.files.open_temporary() as (file, path):
        params: JsonObject = dict(request.query_params)
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            async with request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=max_parameters) as form:
                params.update(await run_in_threadpool(_parse_params, request, form.get("params")))
                archive = next((part for part in form.values() if isinstance(part, UploadFile)), None)
                if archive is not None:
                    await run_in_threadpool(shutil.copyfileobj, archive.file, file, CHUNK_SIZE)
        else:
            await _receive(request, file)
        size = await run_in_threadpool(_finish, file)
        text = await run_in_threadpool(_read_json_object, path) if 0 < size <= max_parameters else None
        if text is not None:
            params.update(await run_in_threadpool(_parse_params, request, text))
        yield UploadedFile(path if size and text is None else None, params)


async def _receive(request: Request, file: BinaryIO) -> None:
    """Write a body in threads, many chunks at a time, so that a slow disk holds up no other request."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        chunks.append(chunk)
        size += len(chunk)
        if size >= CHUNK_SIZE:
            await run_in_threadpool(file.writelines, chunks)
            chunks, size = [], 0
    await run_in_threadpool(file.writelines, chunks)


def _finish(file: BinaryIO) -> int:
    """Write a file to the disk itself, which would take long inside a transaction; return its size."""
    file.flush()
    os.fsync(file.fileno())
    return file.tell()


def _read_json_object(path: Path) -> str | None:
    """Return the text of a body that begins as a JSON object does, which no archive does."""
    with path.open("rb") as file:
        start = file.read(CHUNK_SIZE).lstrip()
    return path.read_text(errors="replace") if start.startswith(b"{") else None


def _parse_params(request: Request, part: object) -> JsonObject:
    """Parse JSON that has the names of query parameters. Raises Invalid, for unknown ones too."""
    if part is None:
        return {}
    params = parse_json(str(part), "The object of parameters of the upload")
    if not isinstance(params, dict):
        raise Invalid("The parameters of the upload are not a JSON object")
    check_fields(params, [name for name in request.state.declared if name != INCLUDE.name])
    return params

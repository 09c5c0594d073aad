"""Files as answers."""

import os
from collections.abc import Iterator
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from fastapi.responses import FileResponse, Response, StreamingResponse
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import MalformedRangeHeader, RangeNotSatisfiable
from starlette.types import Receive, Scope, Send

from cfy_cli.errors import ErrorCode, NotFound
from cfy_cli.manager.rest import errors
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.storage import RowKey, Storage, StoredFile

CHUNK_SIZE = 256 * 1024  # bytes
MEDIA_TYPE = "application/octet-stream"


def download(app: AppContext, key: RowKey, stored_name: str, name: str) -> Response:
    """Answer a file of a row under a name. Raises NotFound."""
    storage = app.files.storage
    path = storage.local_path(key, stored_name)
    found = storage.find(key, stored_name)
    if found is None:
        raise NotFound(f"The file `{name}` does not exist any more")
    return Download(path, name) if path else StreamedDownload(storage, key, found, name)


class Download(FileResponse):
    """A file, or the range of it that the request asks for. Raises NotFound when it has been deleted meanwhile."""

    def __init__(self, path: Path, name: str, background: BackgroundTask | None = None) -> None:
        try:
            found = os.stat(path)
        except FileNotFoundError:
            raise NotFound(f"The file `{name}` does not exist any more") from None
        super().__init__(path, media_type=MEDIA_TYPE, filename=name, stat_result=found, background=background)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.stat_result is not None
        range_header = Headers(scope=scope).get("range")
        try:
            if range_header is not None:
                self._parse_range_header(range_header, self.stat_result.st_size)
        except MalformedRangeHeader:  # such a header is to be ignored
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"range"]}
        except RangeNotSatisfiable as error:
            await _not_satisfiable(error)(scope, receive, send)
            return
        try:
            file = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            raise NotFound("The file does not exist any more") from None
        try:
            self.path = f"/dev/fd/{file}"  # which can be read though the file is deleted once the answer has begun
            await super().__call__(scope, receive, send)
        finally:
            os.close(file)


class StreamedDownload(FileResponse):
    """A file, or one range of it, that is read from its storage while it is sent."""

    def __init__(self, storage: Storage, key: RowKey, file: StoredFile, name: str) -> None:
        self._storage, self._key, self._file = storage, key, file
        super().__init__(
            file.name,
            media_type=MEDIA_TYPE,
            filename=name,
            headers={"last-modified": formatdate(file.modified_at, usegmt=True), "etag": f'"{file.tag}"'},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = self._file.size
        start, end, status = 0, size, HTTPStatus.OK
        try:
            ranges = self._find_ranges(Headers(scope=scope))
        except RangeNotSatisfiable as error:
            await _not_satisfiable(error)(scope, receive, send)
            return
        if len(ranges) == 1:  # a request for many ranges is answered by the whole file
            [(start, end)], status = ranges, HTTPStatus.PARTIAL_CONTENT
        headers = {**self.headers, "content-length": str(end - start)}
        if status == HTTPStatus.PARTIAL_CONTENT:
            headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
        try:
            content = await run_in_threadpool(self._storage.open, self._key, self._file.name, start, end)
        except FileNotFoundError:
            raise NotFound("The file does not exist any more") from None
        await StreamingResponse(_chunks(content), status, headers)(scope, receive, send)

    def _find_ranges(self, headers: Headers) -> list[tuple[int, int]]:
        asked, condition = headers.get("range"), headers.get("if-range")
        if asked is None or (condition not in (None, self.headers["etag"], self.headers["last-modified"])):
            return []
        try:
            return self._parse_range_header(asked, self._file.size)
        except MalformedRangeHeader:  # such a header is to be ignored
            return []


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_SIZE):
            yield chunk


def _not_satisfiable(error: RangeNotSatisfiable) -> Response:
    message = f"The file has {error.max_size} bytes: there is nothing in the range that was asked for"
    answer = errors.answer(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, ErrorCode.BAD_PARAMETERS, message)
    answer.headers["Content-Range"] = f"bytes */{error.max_size}"
    return answer

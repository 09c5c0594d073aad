"""Files as answers."""

import os
from http import HTTPStatus
from pathlib import Path

from fastapi.responses import FileResponse
from starlette.background import BackgroundTask
from starlette.datastructures import Headers
from starlette.responses import MalformedRangeHeader, RangeNotSatisfiable
from starlette.types import Receive, Scope, Send

from cfy_cli.errors import ErrorCode, NotFound
from cfy_cli.manager.rest import errors


class Download(FileResponse):
    """A file, or the range of it that the request asks for. Raises NotFound when it has been deleted meanwhile."""

    def __init__(self, path: Path, name: str, background: BackgroundTask | None = None) -> None:
        try:
            found = os.stat(path)
        except FileNotFoundError:
            raise NotFound(f"The file `{name}` does not exist any more") from None
        super().__init__(
            path, media_type="application/octet-stream", filename=name, stat_result=found, background=background
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.stat_result is not None
        range_header = Headers(scope=scope).get("range")
        try:
            if range_header is not None:
                self._parse_range_header(range_header, self.stat_result.st_size)
        except MalformedRangeHeader:  # such a header is to be ignored
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"range"]}
        except RangeNotSatisfiable as error:
            message = f"The file has {error.max_size} bytes: there is nothing in the range that was asked for"
            answer = errors.answer(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, ErrorCode.BAD_PARAMETERS, message)
            answer.headers["Content-Range"] = f"bytes */{error.max_size}"
            await answer(scope, receive, send)
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

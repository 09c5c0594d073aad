"""Taking in archives: as multipart or raw body, streamed to disk, with their parameters."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile

from cfy_cli.errors import Invalid, TooLarge
from cfy_cli.manager.services.context import AppContext

MOST_BYTES = 2 * 1024**3


@dataclass(slots=True)
class Received:
    """The archive on disk (None when there was no body) and every parameter, from `params` or the query."""

    archive: Path | None = None
    params: dict[str, Any] = field(default_factory=dict)


async def received(request: Request) -> AsyncIterator[Received]:
    """A dependency. Whatever the endpoint did not move away is removed afterwards."""
    app: AppContext = request.app.state.app_context
    with app.files.open_temporary() as (file, path):
        params: dict[str, Any] = dict(request.query_params)
        size = 0
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            async with request.form(max_files=4, max_fields=20, max_part_size=8 << 20) as form:
                params.update(_json(form.get("params")))
                archive = next((part for part in form.values() if isinstance(part, UploadFile)), None)
                while archive is not None and (chunk := await archive.read(1 << 20)):
                    size = _counted(size, chunk)
                    file.write(chunk)
        else:
            async for chunk in request.stream():
                size = _counted(size, chunk)
                file.write(chunk)
        file.flush()
        yield Received(path if size else None, params)


def _counted(size: int, chunk: bytes) -> int:
    size += len(chunk)
    if size > MOST_BYTES:
        raise TooLarge(f"An archive may have {MOST_BYTES >> 30} GiB at most")
    return size


def _json(part: object) -> dict[str, Any]:
    if part is None:
        return {}
    try:
        params = json.loads(str(part))
    except ValueError as error:
        raise Invalid(f"`params` is not JSON: {error}") from None
    if not isinstance(params, dict):
        raise Invalid("`params` is not a JSON object")
    return params

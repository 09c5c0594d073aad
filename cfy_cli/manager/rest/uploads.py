"""Uploaded archives, as multipart or raw body, streamed to a temporary file."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import Request
from starlette.datastructures import UploadFile

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.json_values import parse_json
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
    max_parameters = app.settings.limits.request_body
    with app.files.open_temporary() as (file, path):
        params: JsonObject = dict(request.query_params)
        size = 0
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            async with request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=max_parameters) as form:
                params.update(_parse_params(request, form.get("params")))
                archive = next((part for part in form.values() if isinstance(part, UploadFile)), None)
                while archive is not None and (chunk := await archive.read(CHUNK_SIZE)):
                    size += len(chunk)
                    file.write(chunk)
        else:
            async for chunk in request.stream():
                size += len(chunk)
                file.write(chunk)
        file.flush()
        if 0 < size <= max_parameters and _is_json_object(path):
            params.update(_parse_params(request, path.read_text(errors="replace")))
            size = 0
        yield UploadedFile(path if size else None, params)


def _is_json_object(path: Path) -> bool:
    """Return whether a body begins as a JSON object does; no archive begins like that."""
    with path.open("rb") as file:
        return file.read(CHUNK_SIZE).lstrip().startswith(b"{")


def _parse_params(request: Request, part: object) -> JsonObject:
    """Parse JSON that has the names of query parameters. Raises Invalid, for unknown ones too."""
    if part is None:
        return {}
    app: AppContext = request.app.state.app_context
    params = parse_json(str(part), "The object of parameters of the upload", app.settings.limits)
    if not isinstance(params, dict):
        raise Invalid("The parameters of the upload are not a JSON object")
    check_fields(params, [name for name in request.state.declared if name != INCLUDE.name])
    return params

"""Query parameters and bodies in the OpenAPI document, where FastAPI does not know them."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request

from cfy_cli.contract.json import JsonObject
from cfy_cli.manager.rest.query import Parameter
from cfy_cli.manager.rest.schemas import Answer

_FILE: JsonObject = {"type": "string", "format": "binary"}


@dataclass(frozen=True, slots=True)
class FileBody:
    """A body that is one file, whatever its Content-Type: public clients send that of JSON."""

    limit: str  # of the manager, for its size
    media_type: str = "application/octet-stream"
    required: bool = True

    @property
    def document(self) -> JsonObject:
        content: JsonObject = {"content": {self.media_type: {"schema": _FILE}}}
        return content | ({"required": True} if self.required else {})


async def received_file(request: Request) -> bytes:
    """Receive a small file, as a dependency. Raises TooLarge."""
    return await request.body()


def filters_of(answer: Answer, filtered: Answer, taken: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """Return the fields of an answer that the filtered items have as query parameters.

    Those with a meaning of their own are taken already.
    """
    names = {parameter.name for parameter in taken}
    return tuple(
        Parameter(name, f"Only items with one of these values of `{name}`.", kind, repeated=True)
        for name, kind in answer.filters.items()
        if name in filtered.filters and name not in names
    )


def upload_body(archive: str, parameters: Sequence[Parameter]) -> JsonObject:
    """Describe the body of an upload: the file alone, or the parameters as JSON, or both."""
    given: JsonObject = {
        "type": "object",
        "description": "The query parameters of the operation.",
        "properties": {parameter.name: {"type": parameter.type} for parameter in parameters},
        "additionalProperties": False,
    }
    parts: JsonObject = {"type": "object", "properties": {"params": given, archive: _FILE}}
    encoding: JsonObject = {"params": {"contentType": "application/json"}}
    return {
        "content": {
            "application/octet-stream": {"schema": _FILE},
            "multipart/form-data": {"schema": parts, "encoding": encoding},
            "application/json": {"schema": given},
        }
    }

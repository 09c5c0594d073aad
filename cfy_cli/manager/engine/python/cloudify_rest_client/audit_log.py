"""The audit log: who has changed what, and when."""

import json
from collections.abc import Iterator
from contextlib import closing

from .client import HTTPClient, StreamedResponse
from .item import Item, fields
from .responses import DeletedResponse, ListResponse


class AuditLog(Item):
    FIELDS = fields("created_at creator_name execution_id id operation ref_id ref_identifier ref_table")


class AuditLogClient:
    def __init__(self, api: HTTPClient) -> None:
        self.api = api

    def list(self, get_all: bool = False, **kwargs: object) -> ListResponse:
        """Return one page of the records, or all of them."""
        answer = self.api.get("/audit", params={**kwargs, **({"size": 0, "offset": 0} if get_all else {})})
        return ListResponse(map(AuditLog, answer["items"]), answer["metadata"])

    def stream(self, timeout: int | None = None, **kwargs: object) -> Iterator[AuditLog]:
        """Return an iterator that waits for the next records; `timeout` ends it after this many seconds."""
        return _records(self.api.get("/audit/stream", params={**kwargs, "timeout": timeout}, stream=True))

    def delete(self, **kwargs: object) -> DeletedResponse:
        return DeletedResponse(self.api.delete("/audit", params=kwargs).get("deleted"))


def _records(answer: StreamedResponse) -> Iterator[AuditLog]:
    with closing(answer):
        for line in answer.lines_stream():
            if line:
                yield AuditLog(json.loads(line))

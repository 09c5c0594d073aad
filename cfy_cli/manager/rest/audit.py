"""Endpoints of the audit log."""

from dataclasses import replace
from typing import TypedDict

from fastapi.responses import StreamingResponse

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.limits import active_limits
from cfy_cli.contract.manager_resources import AUDIT_LOG
from cfy_cli.errors import Invalid, Unprocessable
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.query import Parameter, parse_flag, parse_integer, parse_time
from cfy_cli.manager.rest.schemas import Answer, list_answer, row_answer
from cfy_cli.manager.rest.serialize import page_of
from cfy_cli.manager.services.audit import records
from cfy_cli.manager.services.audit.stream import AuditStream
from cfy_cli.manager.store.listing import MAX_PAGE_SIZE, Listing
from cfy_cli.manager.store.models import AuditRecord

PAGE_SIZE = 100  # records, when the request does not say
CHOICE = (
    Parameter("creator_name", "Only changes that this user made.", repeated=True),
    Parameter("execution_id", "Only changes that this execution made.", repeated=True),
)
SINCE = Parameter("since", "Only changes from this time on.")
BEFORE = Parameter("before", "Only changes before this time.")
PARAMETERS = (
    Parameter("order_by", "Field to sort by."),
    Parameter("desc", "Sort in descending order.", "boolean"),
    Parameter("offset", "The same as `_offset`.", "integer"),
    Parameter("size", f"The same as `_size`, by default {PAGE_SIZE}; 0 stands for all records.", "integer"),
    *CHOICE,
    SINCE,
    BEFORE,
)
TIMEOUT = Parameter("timeout", "End the stream after this many seconds.", "integer")

routes = Routes("audit")
RECORD = row_answer(AuditRecord)
STREAM_SCHEMA: JsonObject = {"type": "string", "description": "Records: a line of JSON and an empty line for each."}
STREAM = Answer(STREAM_SCHEMA, media_type="text/event-stream")


class Deleted(TypedDict):
    deleted: int


@routes.listing("/audit", "audit_log_view", PARAMETERS, list_answer(RECORD, "AuditLog"))
def list_audit_log(call: Call) -> JsonObject:
    """List who has changed what, and when, the oldest change first."""
    chosen = records.condition(call.texts("creator_name"), call.texts("execution_id"), *_times(call))
    page = call.store.list(AuditRecord, _listing(call), where=chosen)
    answer = page_of(page, [records.show(row, call.include) for row in page.items])
    metadata = answer["metadata"]
    assert isinstance(metadata, dict)
    del metadata["filtered"]  # which other lists have
    return answer


@routes.get("/audit/stream", "audit_log_view", (*CHOICE, SINCE, TIMEOUT), STREAM)
def stream_audit_log(call: Call) -> StreamingResponse:
    """Answer the records since a time, by default from now on, and further ones as they are made."""
    stream = AuditStream(
        call.app,
        records.condition(call.texts("creator_name"), call.texts("execution_id"), *_times(call)),
        after=0 if call.query.get("since") else records.newest(call.store),
        timeout=parse_integer(call.query, TIMEOUT.name, 0) if TIMEOUT.name in call.query else None,
        reading=lambda: call.open(write=False),
    )
    return StreamingResponse(stream.lines(), media_type=STREAM.media_type)


@routes.delete("/audit", "audit_log_truncate", (BEFORE, *CHOICE), status=200, refusals=(Unprocessable,))
def truncate_audit_log(call: Call) -> Deleted:
    """Delete the records of changes before a time."""
    try:
        before = parse_time(call.query.get("before", ""))
    except Invalid as error:
        raise Unprocessable(error.message) from error
    if before is None:
        raise Unprocessable("Give the time until which to delete the records as `before`")
    chosen = records.condition(call.texts("creator_name"), call.texts("execution_id"), None, before)
    return {"deleted": records.delete(call.store, chosen, before)}


def _times(call: Call) -> tuple[str | None, str | None]:
    return parse_time(call.query.get("since", "")), parse_time(call.query.get("before", ""))


def _listing(call: Call) -> Listing:
    """Read the names that the parameters of lists have here, beside those that they have everywhere."""
    listing = call.listing(AUDIT_LOG.order)
    query = call.query
    if order := query.get("order_by"):
        sign = "-" if parse_flag(query, "desc") else ""
        listing = replace(listing, sort=(sign + order,))
    elif parse_flag(query, "desc"):
        listing = replace(listing, sort=("-id",))
    if "offset" in query:
        listing = replace(listing, offset=parse_integer(query, "offset", 0))
    size = parse_integer(query, "size", PAGE_SIZE)
    if "_size" not in query and "_get_all_results" not in query:
        whole = max(active_limits().all_results, MAX_PAGE_SIZE)
        listing = replace(listing, size=min(size, MAX_PAGE_SIZE) if size else whole)
    return listing

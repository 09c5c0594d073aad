"""Endpoints of events and logs."""

from dataclasses import replace

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.limits import active_limits
from cfy_cli.errors import Conflict, Invalid, TooLarge
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import AnyJson, Body, Items
from cfy_cli.manager.rest.query import LISTING, Parameter, parse_integer, parse_time
from cfy_cli.manager.rest.schemas import answer_of, list_answer, row_answer
from cfy_cli.manager.rest.serialize import dump, page_of
from cfy_cli.manager.services.events import events
from cfy_cli.manager.store.listing import Listing, Range
from cfy_cli.manager.store.models import Event
from cfy_cli.manager.store.query import Condition

FILTERS = (
    Parameter("include_logs", "Answer logs too.", "boolean"),
    Parameter("type", "cloudify_event or cloudify_log.", repeated=True),
    Parameter("message", "Pattern of the message; `%` stands for any text.", repeated=True),
    Parameter("message.text", "The same as `message`.", repeated=True),
    Parameter("from_datetime", "The earliest time."),
    Parameter("to_datetime", "The latest time."),
    Parameter("node_id", "Name of a node, or id of a node instance.", repeated=True),
    Parameter("_after", "Cursor: only events stored after the one with this `_storage_id`.", "integer"),
)
TIME_FIELDS = {"@timestamp": "reported_timestamp"}  # names that older clients use
EVENT_FIELDS = ("event_type",)
LOG_FIELDS = ("level", "logger")

routes = Routes("events")


class NewEvents(Body):
    events: Items[dict[str, AnyJson]] | None = None
    logs: Items[dict[str, AnyJson]] | None = None
    execution_id: str | None = None
    agent_name: str | None = None
    manager_name: str | None = None


@routes.listing("/events", "event_list", FILTERS, list_answer(row_answer(Event), "EventList"))
def list_events(call: Call) -> JsonObject:
    """List events; with `include_logs` or `type=cloudify_log` logs too.

    To follow the events of an execution, give the last `_storage_id` seen as `_after` (0 at first): the answer holds
    the events stored since, in the order they were stored. `metadata.after` holds the next `_after` if more pages can
    be read this way; it is cheaper than an offset.
    """
    listing = call.listing("reported_timestamp")
    if "_after" in call.query:
        listing = replace(listing, sort=("_storage_id",), offset=0)
    listing = _with_times(call, listing)
    condition = _condition(call, listing)
    page = call.store.list(Event, listing, where=condition)
    answer = page_of(page, [_show(row, listing.include) for row in page.items])
    after = parse_integer(call.query, "_after", 0) if "_after" in call.query else None
    answer["metadata"] |= {"after": events.next_cursor(call.store, listing, condition, page, after)}  # type: ignore[operator]
    return answer


@routes.post("/events", "event_create", status=201)
def create_events(call: Call, body: NewEvents) -> None:
    """Add events and logs to an execution."""
    if not body.execution_id:
        raise Conflict("No execution passed, and not authenticated by an execution token")
    limits, every = active_limits(), (*(body.events or ()), *(body.logs or ()))
    limits.check("events", len(every), "The events of the request", TooLarge)
    limits.check("event", max((len(dump(item)) for item in every), default=0), "The bytes of an event", TooLarge)
    execution = events.get_execution(call.store, body.execution_id)
    call.store.record_update(execution)
    for kind, items in (("cloudify_event", body.events), ("cloudify_log", body.logs)):
        for item in items or ():
            events.add(call.store, execution, kind, item, manager_name=body.manager_name, agent_name=body.agent_name)


@routes.delete(
    "/events",
    "event_delete",
    (*LISTING, *FILTERS),
    list_answer(answer_of(int), "DeletedEvents"),
    status=200,
    has_filters=True,
)
def delete_events(call: Call) -> JsonObject:
    """Delete events of deployments, which may be deleted themselves; answer their number."""
    listing = call.listing("reported_timestamp")
    if not listing.filters.get("deployment_id"):
        raise Invalid("Give the deployment whose events to delete as `deployment_id`")
    for deployment_id in listing.filters["deployment_id"]:
        events.check_deployment(call.store, deployment_id)
        call.store.record_deletion(Event, deployment_id=deployment_id, tenant_name=call.scope.tenant)
    count = events.delete(call.store, _with_times(call, listing), _condition(call, listing))
    return {"items": [count], "metadata": {"pagination": {"total": count, "size": count, "offset": 0}}}


def _condition(call: Call, listing: Listing) -> Condition:
    kinds = set(call.query.getlist("type"))
    if call.flag("include_logs") and not kinds:
        kinds = {"cloudify_event", "cloudify_log"}
    if not kinds:
        kinds = {"cloudify_event", "cloudify_log"} if "level" in listing.filters else {"cloudify_event"}
    after = parse_integer(call.query, "_after", 0) if "_after" in call.query else None
    patterns = [pattern for name in ("message", "message.text") for pattern in call.texts(name)]
    return events.condition(kinds, patterns, call.texts("node_id"), after)


def _with_times(call: Call, listing: Listing) -> Listing:
    """Replace the names that older clients use for the time of an event."""
    ranges = [replace(each, column=TIME_FIELDS.get(each.column, each.column)) for each in listing.ranges]
    start, end = call.query.get("from_datetime"), call.query.get("to_datetime")
    if start or end:
        ranges.append(Range("reported_timestamp", parse_time(start or ""), parse_time(end or "")))
    signs = [("-" if key.startswith("-") else "", key.lstrip("-")) for key in listing.sort]
    sort = tuple(sign + TIME_FIELDS.get(key, key) for sign, key in signs)
    if sort and sort[-1].startswith("-"):  # of one millisecond, the newest first too
        sort = (*sort, "-_storage_id")
    return replace(listing, ranges=tuple(ranges), sort=sort)


def _show(row: Event, include: tuple[str, ...] | None) -> JsonObject:
    hidden = EVENT_FIELDS if row.type == "cloudify_log" else LOG_FIELDS
    names = include or [name for name in Event.WIRE_FIELDS if name not in hidden]
    return {name: getattr(row, name) for name in names}

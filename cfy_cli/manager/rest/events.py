"""Events and logs over HTTP."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel
from sqlalchemy import ColumnElement, and_, delete, or_

from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Conflict, Invalid
from cfy_cli.manager.rest.api import Call, Routes, listed
from cfy_cli.manager.rest.paging import flag, listing, moment, number
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.listing import Listing, Page, Range
from cfy_cli.manager.store.models import Deployment, Event, Execution
from cfy_cli.manager.store.query import apply_filters, check_include

routes = Routes("events")
EXTRA = ("include_logs", "message", "from_datetime", "to_datetime", "type", "node_id", "_after")
Asked = Annotated[Listing, Depends(listing(sort="reported_timestamp", extra=EXTRA))]
TIMES = {"@timestamp": "reported_timestamp"}
ONLY_EVENTS = ("event_type",)
ONLY_LOGS = ("level", "logger")


class Lines(BaseModel):
    events: list[dict[str, Any]] | None = None
    logs: list[dict[str, Any]] | None = None
    execution_id: str | None = None
    agent_name: str | None = None
    manager_name: str | None = None


@routes.get("/events", "event_list")
def list_events(call: Call, asked: Asked) -> dict[str, Any]:
    """Events; with `include_logs` or `type=cloudify_log` logs too.

    Who follows a history gives `_after`, the `_storage_id` of the last line seen (0 at first): the answer holds the
    lines stored since, in the order they were stored. None is ever put before one that could be seen already.
    Where it can be gone on so, `metadata.after` says after which; that costs less than an offset.
    """
    if asked.include is not None:
        check_include(Event, asked.include)
    if "_after" in call.query:
        asked = replace(asked, sort=("_storage_id",), offset=0)
    timed = _timed(call.query, asked)
    page = call.store.list(Event, timed, where=_chosen(call, asked))
    answer = listed(page, [_shown(row, asked.include) for row in page.items])
    answer["metadata"]["after"] = _after(call, timed, page)
    return answer


@routes.post("/events", "event_create", status=201)
def create_events(call: Call, body: Lines) -> None:
    """Add lines to an execution's history."""
    if not body.execution_id:
        raise Conflict("No execution passed, and not authenticated by an execution token")
    execution = call.store.get_own(Execution, body.execution_id)
    about = {
        "tenant_name": execution.tenant_name,
        "visibility": execution.visibility,
        "created_by": call.scope.user,
        "execution_id": execution.id,
        "workflow_id": execution.workflow_id,
        "deployment_id": execution.deployment_id,
        "deployment_display_name": execution.deployment_display_name,
        "blueprint_id": execution.blueprint_id,
        "manager_name": body.manager_name,
        "agent_name": body.agent_name,
    }
    call.store.acquire_lock(LockKey.EVENTS)
    for kind, lines in (("cloudify_event", body.events), ("cloudify_log", body.logs)):
        call.store.unscoped.add_all(Event(type=kind, **about, **_line(kind, line)) for line in lines or ())


@routes.delete("/events", "event_delete", status=200)
def delete_events(call: Call, asked: Asked) -> dict[str, Any]:
    """Forget lines of one deployment; answers how many there were."""
    if not asked.filters.get("deployment_id"):
        raise Invalid("Whose events? Give `deployment_id`")
    call.store.get_own(Deployment, asked.filters["deployment_id"][0])
    timed = _timed(call.query, asked)
    chosen = apply_filters(call.store.visible(Event).where(_chosen(call, asked)), Event, timed, ())
    gone = call.store.unscoped.execute(
        delete(Event)
        .where(Event.storage_id.in_(chosen.with_only_columns(Event.storage_id)))
        .execution_options(synchronize_session=False)
    )
    count = gone.rowcount  # type: ignore[attr-defined]
    return {"items": [count], "metadata": {"pagination": {"total": count, "size": count, "offset": 0}}}


def _after(call: Call, asked: Listing, page: Page[Event]) -> int | None:
    """The last of the stored lines of which the page leaves out none, so that only later ones are still to come."""
    if asked.offset:
        return None
    last = max((row.storage_id for row in page.items), default=0)
    if "_after" in call.query:
        return last or number(call.query, "_after", 0)
    up_to = and_(_chosen(call, asked), Event.storage_id <= last)
    given = len(page.items)
    return last if given == page.total or given == call.store.count(Event, asked, where=up_to) else None


def _chosen(call: Call, asked: Listing) -> ColumnElement[bool]:
    query = call.query
    kinds = set(query.getlist("type"))
    if not kinds:
        kinds = {"cloudify_event", "cloudify_log"} if flag(query, "include_logs") else {"cloudify_event"}
        if "level" in asked.filters:
            kinds.add("cloudify_log")
    conditions: list[ColumnElement[bool]] = [Event.type.in_(kinds)]
    if pattern := query.get("message"):
        conditions.append(Event.message.ilike(pattern))
    if "_after" in query:
        conditions.append(Event.storage_id > number(query, "_after", 0))
    if node := query.get("node_id"):
        conditions.append(or_(Event.node_name == node, Event.node_instance_id == node))
    return and_(*conditions)


def _timed(query: Mapping[str, str], asked: Listing) -> Listing:
    """With the names by which clients of every age call the time of an event."""
    ranges = [replace(span, column=TIMES.get(span.column, span.column)) for span in asked.ranges]
    start, end = query.get("from_datetime"), query.get("to_datetime")
    if start or end:
        ranges.append(Range("reported_timestamp", moment(start or ""), moment(end or "")))
    signs = [("-" if key.startswith("-") else "", key.lstrip("-")) for key in asked.sort]
    return replace(asked, ranges=tuple(ranges), sort=tuple(sign + TIMES.get(key, key) for sign, key in signs))


def _shown(row: Event, include: tuple[str, ...] | None) -> dict[str, Any]:
    hidden = ONLY_EVENTS if row.type == "cloudify_log" else ONLY_LOGS
    names = include or [name for name in Event.WIRE_FIELDS if name not in hidden]
    return {name: None if name == "execution_group_id" else getattr(row, name) for name in names}


def _line(kind: str, line: dict[str, Any]) -> dict[str, Any]:
    context = line.get("context") or {}
    message = line.get("message")
    text = message.get("text") if isinstance(message, dict) else message
    if text is None:
        raise Invalid('An event or log needs a `message`: {"text": ...}')
    fields = {
        "message": str(text),
        "reported_timestamp": line.get("timestamp") or line.get("reported_timestamp") or now(),
        "operation": context.get("operation"),
        "node_instance_id": context.get("node_id"),
        "node_name": context.get("node_name"),
        "source_id": context.get("source_id"),
        "target_id": context.get("target_id"),
    }
    if kind == "cloudify_event":
        return {**fields, "event_type": line.get("event_type"), "error_causes": context.get("task_error_causes")}
    return {**fields, "level": line.get("level") or "info", "logger": line.get("logger")}

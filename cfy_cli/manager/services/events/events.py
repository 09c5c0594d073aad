"""Events and logs: adding, selecting and deleting them."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Select, and_, or_, select
from sqlalchemy import delete as sql_delete

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.timestamps import format_timestamp, now, parse_timestamp
from cfy_cli.errors import Invalid
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.listing import Listing, Page
from cfy_cli.manager.store.models import Deployment, Event, Execution
from cfy_cli.manager.store.models.owned import inherited_columns
from cfy_cli.manager.store.query import Condition, all_of, apply_filters
from cfy_cli.manager.store.store import Store


def condition(
    kinds: Collection[str], messages: Collection[str], nodes: Collection[str], after: int | None
) -> Condition:
    """Return the condition of a list.

    `messages` are LIKE patterns of which one must match, `nodes` names of nodes or ids of node instances, `after` is a
    cursor.
    """
    conditions: list[Condition] = [Event.type.in_(kinds)]
    if messages:
        conditions.append(or_(*(Event.message.ilike(pattern) for pattern in messages)))
    if after is not None:
        conditions.append(Event.storage_id > after)
    if nodes:
        conditions.append(or_(Event.node_name.in_(nodes), Event.node_instance_id.in_(nodes)))
    return all_of(*conditions)


def next_cursor(store: Store, listing: Listing, where: Condition, page: Page[Event], after: int | None) -> int | None:
    """Return the storage id of the last event of a page that leaves out none before it; None when it does.

    `after` is the cursor that the page was read with, if it was read with one.
    """
    if listing.offset:
        return None
    last = max((row.storage_id for row in page.items), default=0)
    if after is not None:
        return last or after
    count = len(page.items)
    if count == page.total:
        return last
    return last if count == store.count(Event, listing, where=and_(where, Event.storage_id <= last)) else None


def get_execution(store: Store, execution_id: str) -> Execution:
    """Return the execution that events are added to. Raises NotFound; Forbidden for one of another tenant.

    Its tenant is not deleted, and its visibility not changed, before the commit.
    """
    store.acquire_lock(LockKey.EVENTS)
    return store.get_own(Execution, execution_id)


def add(
    store: Store,
    execution: Execution,
    kind: str,
    item: Mapping[str, Json],
    *,
    manager_name: str | None,
    agent_name: str | None,
) -> None:
    """Add an event (`cloudify_event`) or log (`cloudify_log`), as clients post it, to one of `get_execution`."""
    store.add(
        Event(
            type=kind,
            **inherited_columns(execution),
            created_by=store.scope.user,
            execution_id=execution.id,
            workflow_id=execution.workflow_id,
            deployment_id=execution.deployment_id,
            deployment_display_name=execution.deployment_display_name,
            blueprint_id=execution.blueprint_id,
            manager_name=manager_name,
            agent_name=agent_name,
            **_fields(kind, item),
        )
    )


def check_deployment(store: Store, deployment_id: str) -> None:
    """Raise NotFound unless the tenant has the deployment, or events that are left of it; Forbidden for another's."""
    left = _visible_in_tenant(store).where(Event.deployment_id == deployment_id).with_only_columns(Event.storage_id)
    # events that are visible
    if store.find(Deployment, deployment_id) is not None or store.unscoped.scalar(left.limit(1)) is None:
        store.get_own(Deployment, deployment_id)


def delete(store: Store, listing: Listing, where: Condition) -> int:
    """Delete the tenant's events that a list would give; return their number."""
    chosen = apply_filters(_visible_in_tenant(store).where(where), Event, listing)
    statement = sql_delete(Event).where(Event.storage_id.in_(chosen.with_only_columns(Event.storage_id)))
    return store.unscoped.connection().execute(statement).rowcount  # the subquery selects visible events only


def delete_of_deployments(store: Store, storage_ids: Sequence[int]) -> None:
    """Delete the events of deployments; those of former deployments of their names stay."""
    executions = select(Execution.id).where(Execution.deployment_storage_id.in_(storage_ids))
    store.unscoped.execute(sql_delete(Event).where(Event.execution_id.in_(executions)))  # of all users


def _visible_in_tenant(store: Store) -> Select[Event]:
    return store.visible(Event).where(Event.tenant_name == store.scope.tenant)


def _fields(kind: str, item: Mapping[str, Json]) -> JsonObject:
    context = item.get("context") or {}
    if not isinstance(context, dict):
        raise Invalid("The `context` of an event or log must be an object")
    message = item.get("message")
    text = message.get("text") if isinstance(message, dict) else message
    if text is None:
        raise Invalid('An event or log needs a `message`: {"text": ...}')
    fields: JsonObject = {
        "message": str(text),
        "reported_timestamp": _time(item, "timestamp") or _time(item, "reported_timestamp") or now(),
        "operation": _text(context, "operation"),
        "node_instance_id": _text(context, "node_id"),
        "node_name": _text(context, "node_name"),
        "source_id": _text(context, "source_id"),
        "target_id": _text(context, "target_id"),
    }
    if kind == "cloudify_event":
        return {**fields, "event_type": _text(item, "event_type"), "error_causes": _causes(context)}
    return {**fields, "level": _text(item, "level") or "info", "logger": _text(item, "logger")}


def _text(fields: Mapping[str, Json], name: str) -> str | None:
    """Return a field of an event, such as a level that is a number, as text. Raises Invalid for lists and objects."""
    value = fields.get(name)
    if isinstance(value, dict | list):
        raise Invalid(f"The `{name}` of an event or log must be text")
    return None if value is None else str(value)


def _time(item: Mapping[str, Json], name: str) -> str | None:
    text = _text(item, name)
    try:
        return format_timestamp(parse_timestamp(text)) if text else None
    except (ValueError, OverflowError):
        raise Invalid(f"The `{name}` of an event or log is not a time such as 2026-01-31T12:00:00Z") from None


def _causes(context: Mapping[str, Json]) -> Json:
    causes = context.get("task_error_causes")
    if causes is not None and not (isinstance(causes, list) and all(isinstance(cause, dict) for cause in causes)):
        raise Invalid("The `task_error_causes` of an event must be a list of objects")
    return causes

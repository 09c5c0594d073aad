"""Visibility and owners of resources: who may change them, and what follows for all that belongs to a resource."""

from collections.abc import Mapping, Sequence

from sqlalchemy import and_, or_, select, update

from cfy_cli.contract.states import Visibility
from cfy_cli.contract.timestamps import format_timestamp, now, parse_timestamp
from cfy_cli.errors import Conflict, ErrorCode, Forbidden, Invalid
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.models import (
    Blueprint,
    Deployment,
    Event,
    Execution,
    Operation,
    PluginsUpdate,
    TasksGraph,
    User,
)
from cfy_cli.manager.store.models import InterDeploymentDependency as Dependency
from cfy_cli.manager.store.models.owned import Base, Owned, models_in_tenants
from cfy_cli.manager.store.query import Condition, column
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store

NARROW_TO_WIDE = (Visibility.PRIVATE, Visibility.TENANT, Visibility.GLOBAL)
CREATE_GLOBAL = "create_global_resource"  # a permission
WIDER = NARROW_TO_WIDE[1:]  # what an existing resource can become


def widen(store: Store, row: Base, visibility: str) -> None:
    """Change the visibility of a row.

    Raises Invalid unless it becomes wider or stays, Forbidden when the user may not make it global, and Conflict when
    it becomes global and another tenant has its name.
    """
    assert isinstance(row, Owned)
    name = str(getattr(row, row.KEY))
    _check_known(visibility, WIDER)
    if is_wider(row.visibility, visibility):
        raise refused(
            f"The visibility of {type(row).__name__} `{name}` cannot be narrowed from `{row.visibility}` to "
            f"`{visibility}`: others may use it"
        )
    if row.visibility != Visibility.GLOBAL:
        _check_permitted(store.scope, visibility)
    if visibility == Visibility.GLOBAL and store.is_name_taken(row, name, visibility):
        raise Conflict(f"Another tenant has a {type(row).__name__} `{name}`: it cannot become global")
    _change(store, row, "visibility", visibility)
    if hasattr(row, "updated_at"):
        row.updated_at = now()


def set_creator(store: Store, row: Base, username: str) -> None:
    """Give a row, and all that belongs to it, to another user. Raises NotFound."""
    _change(store, row, "created_by", store.get(User, username).username)


def set_origin(store: Store, row: Base, created_by: str | None, created_at: str | None) -> None:
    """Set who created a new row, and when, for clients that restore it.

    Raises Forbidden, NotFound for an unknown user, and Invalid for text that is no time.
    """
    assert isinstance(row, Owned)
    for value, permission in ((created_by, "set_owner"), (created_at, "set_timestamp")):
        if value and not store.scope.has_permission(permission):
            raise Forbidden(f"The permission `{permission}` is required to say who created something, and when")
    if created_by:
        row.created_by = store.get(User, created_by).username
    if created_at:
        try:
            row.created_at = format_timestamp(parse_timestamp(created_at))
        except (ValueError, OverflowError):
            raise Invalid(f"`created_at` must be a time such as {now()}, not `{created_at}`") from None


def _change(store: Store, row: Base, name: str, value: str) -> None:
    """Set `visibility` or `created_by` of a row, and the same columns of all that belongs to it."""
    assert isinstance(row, Owned)
    conditions = belonging_conditions(row)
    if conditions:
        store.acquire_lock(LockKey.EVENTS)  # workers store events with the columns of their execution
    setattr(row, name, value)
    values = {"visibility": row.visibility, "owned_by": row.created_by}
    for model, belongs in conditions.items():
        statement = update(model).where(belongs).values(values)
        store.unscoped.connection().execute(statement)  # rows that belong to one in scope, which is audited


def belonging_conditions(owner: Owned) -> Mapping[type[Base], Condition]:
    """Return the conditions that match what belongs to a deployment or blueprint, by model."""
    if isinstance(owner, Blueprint):
        updates = PluginsUpdate.blueprint_storage_id == owner.storage_id
        of_updates = Execution.id.in_(select(PluginsUpdate.execution_id).where(updates))
        conditions: dict[type[Base], Condition] = {
            Execution: or_(Execution.id == owner.upload_execution_id, of_updates),
            PluginsUpdate: updates,
        }
    elif isinstance(owner, Deployment):
        own = (model for model in models_in_tenants() if hasattr(model, "deployment_storage_id"))
        conditions = {model: column(model, "deployment_storage_id") == owner.storage_id for model in own}
        of_external_source = and_(
            Dependency.source_storage_id.is_(None), Dependency.target_storage_id == owner.storage_id
        )
        conditions[Dependency] = or_(Dependency.source_storage_id == owner.storage_id, of_external_source)
    else:
        return {}
    executions = select(Execution.id).where(conditions[Execution])
    graphs = select(TasksGraph.id).where(TasksGraph.execution_id.in_(executions))
    return conditions | {
        TasksGraph: TasksGraph.execution_id.in_(executions),
        Operation: Operation.tasks_graph_id.in_(graphs),
        Event: Event.execution_id.in_(executions),
    }


def refused(message: str) -> Invalid:
    """Return the error for a visibility that a resource cannot have."""
    return Invalid(message, code=ErrorCode.ILLEGAL_ACTION)


def is_wider(visibility: str, than: str) -> bool:
    return NARROW_TO_WIDE.index(Visibility(visibility)) > NARROW_TO_WIDE.index(Visibility(than))


def check_visibility(scope: Scope, visibility: str | None) -> None:
    """Raise Invalid for an unknown visibility of a new resource, Forbidden for one that the user may not give."""
    if visibility is not None:
        _check_known(visibility, NARROW_TO_WIDE)
        _check_permitted(scope, visibility)


def _check_known(visibility: str, known: Sequence[Visibility]) -> None:
    if visibility not in known:
        valid = [str(value) for value in known]
        raise Invalid(f"Invalid visibility: `{visibility}`. Valid visibility's values are: {valid}")


def _check_permitted(scope: Scope, visibility: str) -> None:
    if visibility == Visibility.GLOBAL and not scope.has_permission(CREATE_GLOBAL):
        raise Forbidden(
            f"User `{scope.user}` is not permitted to create global resources",
            hint=f"Ask an administrator for a role that has the permission `{CREATE_GLOBAL}`.",
        )

"""Visibility of resources: who may change it, and in which direction."""

from collections.abc import Sequence

from cfy_cli.contract.states import Visibility
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Conflict, ErrorCode, Forbidden, Invalid
from cfy_cli.manager.store.models.owned import Base, Owned
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store

NARROW_TO_WIDE = (Visibility.PRIVATE, Visibility.TENANT, Visibility.GLOBAL)
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
    row.visibility = visibility
    if hasattr(row, "updated_at"):
        row.updated_at = now()


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
    if visibility == Visibility.GLOBAL and not scope.administrator:
        raise Forbidden(
            f"User `{scope.user}` is not permitted to create global resources",
            hint="Only system administrators have the permission `create_global_resource`.",
        )

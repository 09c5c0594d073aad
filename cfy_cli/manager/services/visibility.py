"""Visibility of resources: who may change it, and in which direction."""

from cfy_cli.contract.states import Visibility
from cfy_cli.errors import Conflict, Forbidden, Invalid
from cfy_cli.manager.store.models.owned import Base, Owned
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store

NARROW_TO_WIDE = (Visibility.PRIVATE, Visibility.TENANT, Visibility.GLOBAL)


def widen(store: Store, row: Base, visibility: str) -> None:
    """Change the visibility of a row. Raises Conflict when it becomes global and another tenant has its name."""
    assert isinstance(row, Owned)
    check_visibility(store.scope, visibility, current=row.visibility)
    name = str(getattr(row, row.KEY))
    if visibility == Visibility.GLOBAL and store.is_name_taken(row, name, visibility):
        raise Conflict(f"Another tenant has a {type(row).__name__} `{name}`: it cannot become global")
    row.visibility = visibility


def is_wider(visibility: str, than: str) -> bool:
    return NARROW_TO_WIDE.index(Visibility(visibility)) > NARROW_TO_WIDE.index(Visibility(than))


def check_visibility(scope: Scope, visibility: str | None, *, current: str | None = None) -> None:
    """Raise Invalid for an unknown or narrower visibility, Forbidden for one that the user may not give.

    `current` is the visibility of an existing row; None as `visibility` is always allowed.
    """
    if visibility is None:
        return
    if visibility not in NARROW_TO_WIDE:
        valid = [str(value) for value in NARROW_TO_WIDE]
        raise Invalid(f"Invalid visibility: `{visibility}`. Valid visibility's values are: {valid}")
    if visibility == Visibility.GLOBAL and not scope.administrator and current != Visibility.GLOBAL:
        raise Forbidden(
            f"User `{scope.user}` is not permitted to create global resources",
            hint="Only system administrators have the permission `create_global_resource`.",
        )
    if current is not None and is_wider(current, visibility):
        raise Invalid(f"The visibility cannot be narrowed from `{current}` to `{visibility}`: others may use it")

"""Who may make a thing visible to whom."""

from typing import Any

from cfy_cli.contract.states import Visibility
from cfy_cli.errors import Conflict, Forbidden, Invalid
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store

WIDER = (Visibility.PRIVATE, Visibility.TENANT, Visibility.GLOBAL)


def widen(store: Store, row: Any, wanted: str) -> None:
    """Show an existing row to more people. A global name must be free in every tenant."""
    check_visibility(store.scope, wanted, now=row.visibility)
    if wanted == Visibility.GLOBAL and store.is_name_taken(row, getattr(row, row.KEY), wanted):
        raise Conflict(f"Another tenant has a {type(row).__name__} `{getattr(row, row.KEY)}`: it cannot become global")
    row.visibility = wanted


def is_wider(one: str, other: str) -> bool:
    return WIDER.index(Visibility(one)) > WIDER.index(Visibility(other))


def check_visibility(scope: Scope, wanted: str | None, *, now: str | None = None) -> None:
    """Raises when `wanted` is no visibility, is not this asker's to give, or would hide what others see already."""
    if wanted is None:
        return
    if wanted not in WIDER:
        raise Invalid(f"Invalid visibility: `{wanted}`. Valid visibility's values are: {[str(v) for v in WIDER]}")
    if wanted == Visibility.GLOBAL and not scope.administrator and now != Visibility.GLOBAL:
        raise Forbidden(
            f"User `{scope.user}` is not permitted to make things global",
            hint="Only system administrators are (permission `create_global_resource`).",
        )
    if now is not None and is_wider(now, wanted):
        raise Invalid(f"What is visible as `{now}` cannot become `{wanted}`: others may rely on it")

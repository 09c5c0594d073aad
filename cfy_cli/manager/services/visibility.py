"""Who may make a thing visible to whom."""

from cfy_cli.contract.states import Visibility
from cfy_cli.errors import Forbidden, Invalid
from cfy_cli.manager.store.scope import Scope

WIDER = (Visibility.PRIVATE, Visibility.TENANT, Visibility.GLOBAL)


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
    if now is not None and WIDER.index(Visibility(wanted)) < WIDER.index(Visibility(now)):
        raise Invalid(f"What is visible as `{now}` cannot become `{wanted}`: others may rely on it")

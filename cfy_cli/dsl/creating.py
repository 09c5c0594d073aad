"""What a deployment's creation makes of a plan."""

from collections.abc import Mapping
from typing import Any, cast

from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import BlueprintSections, PreparedPlan
from cfy_cli.contract.plan import Plan as CompiledPlan
from cfy_cli.dsl.collecting import collector_paused
from cfy_cli.dsl.evaluations import Creating
from cfy_cli.dsl.functions.function import Context
from cfy_cli.dsl.functions.names import called
from cfy_cli.dsl.lookups import Lookups
from cfy_cli.dsl.problems import InputsInvalid
from cfy_cli.dsl.walk import Plan, with_calls_made

NOT_THERE = "unknown_deployment_secret_error"


@collector_paused()
def prepare_deployment(
    plan: CompiledPlan,
    inputs: Mapping[str, Json],
    lookups: Lookups | None = None,
    *,
    runtime_only: bool = False,
) -> PreparedPlan:
    """The plan with all calls made that inputs and properties allow; the others are left for run time.

    `inputs` are those in full, as check_inputs gives them. With `lookups`, secrets that are missing are told now.
    With `runtime_only` no call is made. Raises InputsInvalid for calls that these inputs make impossible.
    """
    creating = Creating(plan, inputs)
    prepared = with_calls_made(plan, (lambda value, _context: value) if runtime_only else creating.value_of)
    if creating.failures:
        raise InputsInvalid(list(dict.fromkeys(creating.failures)))
    prepared["inputs"] = dict(inputs)
    if lookups is not None:
        _check_secrets(prepared, lookups)
    return cast("PreparedPlan", prepared)


def _check_secrets(plan: Plan, lookups: Lookups) -> None:
    missing = []
    for name in sorted(secrets_of(cast("BlueprintSections", plan))):
        try:
            lookups.secret(name)
        except KeyError:
            missing.append(name)
    if missing:
        raise InputsInvalid([f"Required secrets: [{', '.join(missing)}] don't exist in this tenant"], code=NOT_THERE)


def secrets_of(plan: BlueprintSections) -> set[str]:
    """The names of the secrets that a plan's calls ask for, as far as they are known."""
    names: set[str] = set()

    def look(value: Any, context: Context) -> Any:
        if called(value) == "get_secret":
            asked = value["get_secret"]
            name = asked[0] if isinstance(asked, list) else asked
            names.update([name] if isinstance(name, str) else [])
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            look(item, context)
        return value

    with_calls_made(plan, look)
    return names

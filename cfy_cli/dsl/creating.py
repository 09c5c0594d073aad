"""What a deployment's creation makes of a plan."""

from collections.abc import Mapping
from typing import Any

from cfy_cli.dsl.collecting import collector_paused
from cfy_cli.dsl.evaluations import Creating
from cfy_cli.dsl.lookups import Lookups
from cfy_cli.dsl.problems import InputsInvalid
from cfy_cli.dsl.syntax import Json
from cfy_cli.dsl.walk import Plan, with_calls_made


@collector_paused()
def prepare_deployment(
    plan: Mapping[str, Any],
    inputs: Mapping[str, Json],
    lookups: Lookups | None = None,
    *,
    runtime_only: bool = False,
) -> Plan:
    """The plan with all calls made that inputs and properties allow; the others are left for run time.

    `inputs` are those in full, as check_inputs gives them. With `lookups`, secrets that are missing are told now.
    With `runtime_only` no call is made. Raises InputsInvalid for calls that these inputs make impossible.
    """
    creating = Creating(plan, inputs)
    prepared = with_calls_made(plan, (lambda value, _context: value) if runtime_only else creating.value_of)
    if creating.failures:
        raise InputsInvalid(list(dict.fromkeys(creating.failures)))
    prepared["inputs"] = dict(inputs)
    return prepared

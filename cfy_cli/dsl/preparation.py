"""Preparation of a plan for the creation of a deployment."""

from collections.abc import Mapping
from typing import cast

from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import BlueprintSections, Plan, PreparedPlan
from cfy_cli.dsl.functions.function import EvaluationContext
from cfy_cli.dsl.functions.names import called_function
from cfy_cli.dsl.gc_pause import gc_paused
from cfy_cli.dsl.lookups import Lookups
from cfy_cli.dsl.plan_evaluation import DeploymentEvaluation
from cfy_cli.dsl.plan_values import map_values
from cfy_cli.dsl.problems import InputsInvalid
from cfy_cli.errors import ErrorCode


@gc_paused()
def prepare_deployment(
    plan: Plan,
    inputs: Mapping[str, Json],
    lookups: Lookups | None = None,
    *,
    runtime_only: bool = False,
) -> PreparedPlan:
    """Return the plan with all calls evaluated that inputs and properties answer; others stay for run time.

    `inputs` are all inputs, as check_inputs returns them. With `lookups`, check that all secrets exist. With
    `runtime_only`, evaluate nothing. Raises InputsInvalid for calls that fail with these inputs.
    """
    evaluation = DeploymentEvaluation(plan, inputs)
    mapped = map_values(plan, _unchanged if runtime_only else evaluation.value_of)
    if evaluation.failures:
        raise InputsInvalid(list(dict.fromkeys(evaluation.failures)))
    prepared = cast("PreparedPlan", mapped)
    prepared["inputs"] = dict(inputs)
    if lookups is not None:
        _check_secrets(prepared, lookups)
    return prepared


def _unchanged(value: Json, _context: EvaluationContext) -> Json:
    return value


def _check_secrets(plan: BlueprintSections, lookups: Lookups) -> None:
    missing = [name for name in sorted(find_secrets(plan)) if not lookups.has_secret(name)]
    if missing:
        raise InputsInvalid(
            [f"Required secrets: [{', '.join(missing)}] don't exist in this tenant"],
            code=ErrorCode.UNKNOWN_DEPLOYMENT_SECRET,
        )


def find_secrets(plan: BlueprintSections) -> set[str]:
    """Return the names of the secrets that the calls in a plan read, as far as they are known."""
    names: set[str] = set()

    def collect(value: Json, context: EvaluationContext) -> Json:
        if isinstance(value, dict) and called_function(value) == "get_secret":
            arguments = value["get_secret"]
            name = arguments[0] if isinstance(arguments, list) else arguments
            if isinstance(name, str):
                names.add(name)
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            collect(item, context)
        return value

    map_values(plan, collect)
    return names

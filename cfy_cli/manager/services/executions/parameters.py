"""Parameters of workflows: declared defaults, calls of functions, types and constraints."""

from collections.abc import Iterable, Mapping

from cfy_cli import dsl
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import ParameterPlan, Schema, WorkflowPlan
from cfy_cli.dsl.functions.names import holds_function, needs_instance
from cfy_cli.dsl.value_types import PRIMITIVE_TYPES
from cfy_cli.errors import CfyError, ErrorCode, Invalid
from cfy_cli.manager.services.blueprints.plan_cache import PlanCache
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployments.existing_resources import StoreResources
from cfy_cli.manager.services.secrets.secrets import defer_secret, stored_secrets
from cfy_cli.manager.store.models import Deployment
from cfy_cli.manager.store.store import Store


def complete(
    app: AppContext,
    store: Store,
    deployment: Deployment,
    name: str,
    workflow: WorkflowPlan,
    given: Mapping[str, Json],
    *,
    custom: bool,
) -> JsonObject:
    """Return the parameters with the declared defaults. Raises Invalid with every problem.

    Calls are replaced by their values, but for those of secrets and of node instances, which are evaluated when the
    workflow runs. Parameters that are not declared are a problem unless they may be `custom`.
    """
    declared = workflow.get("parameters") or {}
    values: JsonObject = {
        **{key: parameter["default"] for key, parameter in declared.items() if "default" in parameter},
        **given,
    }
    problems = list(_find_missing(name, declared, given, custom=custom))
    checker = _Checker(app, store, deployment, declared)
    for key in values:
        values[key], found = checker.check(key, values[key])
        problems += found
    if problems:
        raise Invalid("\n".join(problems), code=ErrorCode.ILLEGAL_EXECUTION_PARAMETERS)
    return values


def check_names(name: str, workflow: WorkflowPlan, given: Mapping[str, Json], *, custom: bool) -> None:
    """Raise Invalid for parameters that are not declared, unless they may be `custom`, and for missing ones."""
    problems = list(_find_missing(name, workflow.get("parameters") or {}, given, custom=custom))
    if problems:
        raise Invalid("\n".join(problems), code=ErrorCode.ILLEGAL_EXECUTION_PARAMETERS)


def _find_missing(name: str, declared: Schema, given: Mapping[str, Json], *, custom: bool) -> Iterable[str]:
    """Yield the problems of parameters that are not declared, and of those that are required and not given."""
    unknown = [key for key in given if key not in declared]
    if unknown and not custom:
        yield (
            f'Workflow "{name}" does not have the following parameters declared: {",".join(unknown)}. '
            "Remove these parameters or use the flag for allowing custom parameters"
        )
    missing = [
        key
        for key, parameter in declared.items()
        if "default" not in parameter and key not in given and parameter.get("required", True)
    ]
    if missing:
        yield f'Workflow "{name}" must be provided with the following parameters to execute: {",".join(missing)}'


class _Checker:
    """Evaluates and checks the values for one workflow."""

    def __init__(self, app: AppContext, store: Store, deployment: Deployment, declared: Schema) -> None:
        self._declared, self._inputs = declared, deployment.inputs
        self._existing = StoreResources(store, deployment, stored_secrets(app))
        self._deferring = StoreResources(store, deployment, defer_secret)
        plan = None
        if any(parameter.get("type", "string") not in PRIMITIVE_TYPES for parameter in declared.values()):
            plan = app.service(PlanCache).get(store.unscoped, deployment.blueprint_storage_id)  # of the deployment
        self._rule = dsl.DeclaredValues(
            plan["data_types"] if plan else {},
            self._existing,
            lambda value: self._existing.evaluate(value, self._inputs),
            converts_text=True,
            strict_text=True,
        )

    def check(self, key: str, value: Json) -> tuple[Json, list[str]]:
        """Return the value to store and its problems, as sentences."""
        checked = value
        if holds_function(value):
            if needs_instance(value):
                return value, []
            try:
                value = self._deferring.evaluate(value, self._inputs)
                checked = self._existing.evaluate(value, self._inputs)
            except CfyError as error:
                return value, [f'Parameter "{key}" cannot be evaluated: {error.message}']
        parameter = self._declared.get(key)
        if parameter is None or checked is None or holds_function(checked):  # of a secret that is kept elsewhere
            return value, []
        checked, problems = self._check_declared(key, checked, parameter)
        if not holds_function(value):
            return checked, problems
        secret = f'Parameter "{key}": the value of {value} violates its declaration: {parameter}'
        return value, [secret] if problems else []

    def _check_declared(self, key: str, value: Json, parameter: ParameterPlan) -> tuple[Json, list[str]]:
        value, mismatches = self._rule.coerce(value, parameter)
        problems = [f'Parameter "{key}"{mismatch.path}: {mismatch.message}' for mismatch in mismatches]
        violations = self._rule.find_violations(value, parameter)
        return value, [*problems, *(f'Parameter "{key}" does not meet its constraints: {each}' for each in violations)]

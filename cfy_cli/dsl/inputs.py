"""Inputs of a deployment, checked against the declarations of its blueprint."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import ParameterPlan, Plan, Schema
from cfy_cli.dsl.coercion import Coercion, DataTypes
from cfy_cli.dsl.declared_values import DeclaredValues, ExistingResources
from cfy_cli.dsl.functions.function import EvaluationContext
from cfy_cli.dsl.plan_evaluation import DeploymentEvaluation
from cfy_cli.dsl.problems import InputsInvalid, quote_all, suggest
from cfy_cli.dsl.typed_text import correct_type
from cfy_cli.errors import ErrorCode


def check_inputs(
    plan: Plan,
    given: Mapping[str, Json],
    *,
    existing: ExistingResources | None = None,
    auto_correct_types: bool = False,
) -> JsonObject:
    """Return all inputs of the deployment: the given ones, and the defaults of the others.

    With `auto_correct_types`, text is converted to the declared integer, float or boolean where that is possible.
    Raises InputsInvalid with every problem; its code is that of missing inputs, else of unknown ones, else the general
    one.
    """
    declared = plan["inputs"]
    data_types: DataTypes = plan.get("data_types") or {}
    rule = DeclaredValues(data_types, existing)
    missing: list[str] = []
    invalid: dict[str, list[str]] = {}  # by the name of the input
    inputs: JsonObject = {}
    for name, declaration in declared.items():
        value = given.get(name, declaration.get("default"))
        if name not in given and value is None:
            value = _default_of_type(declaration, data_types)
            if value is None and declaration.get("required", True):
                missing.append(name)
                continue
        if value is None and name not in given:
            inputs[name] = None
            continue
        if auto_correct_types:
            value = correct_type(declaration, value)
        inputs[name], mismatches = rule.coerce(value, declaration)
        invalid[name] = [f"the input `{name}`{mismatch.path}: {mismatch.message}" for mismatch in mismatches]
    rule = replace(rule, evaluate=_evaluator(plan, inputs, existing))
    for name, problems in invalid.items():
        problems += [
            f"the input `{name}`: {violation}" for violation in rule.find_violations(inputs[name], declared[name])
        ]
    unknown = [name for name in given if name not in declared]
    if missing or unknown or any(invalid.values()):
        problems = [f"the input `{name}` is required and was not given" for name in missing]
        problems += [f"there is no input `{name}`{suggest(name, declared) or _list(declared)}" for name in unknown]
        raise InputsInvalid(problems + list(chain(*invalid.values())), code=_code(missing, unknown))
    return inputs


def _evaluator(plan: Plan, inputs: Mapping[str, Json], existing: ExistingResources | None) -> Callable[[Json], Json]:
    """Return the function that evaluates calls in constraints; without a manager, those of inputs."""
    if existing is not None:
        return lambda value: existing.evaluate(value, inputs)

    def evaluate(value: Json) -> Json:
        evaluation = DeploymentEvaluation(plan, inputs)
        result = evaluation.value_of(value, EvaluationContext(""))
        return value if evaluation.failures else result

    return evaluate


def _code(missing: list[str], unknown: list[str]) -> ErrorCode | None:
    if missing:
        return ErrorCode.MISSING_REQUIRED_DEPLOYMENT_INPUT
    return ErrorCode.UNKNOWN_DEPLOYMENT_INPUT if unknown else None


def _default_of_type(declaration: ParameterPlan, data_types: DataTypes) -> Json:
    """Return the default of an input of a data type all of whose required properties have defaults, else None."""
    kind = declaration.get("type")
    if kind not in data_types:
        return None
    coercion = Coercion(data_types, [])
    value = coercion.coerce({}, kind)
    return None if coercion.mismatches else value or None


def _list(declared: Schema) -> str:
    return f"; the inputs are {quote_all(declared)}" if declared else "; the blueprint has no inputs"

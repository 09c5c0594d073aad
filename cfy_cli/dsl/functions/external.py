"""Functions of resources of the manager outside of the deployment's own nodes."""

from cfy_cli.contract.json import Json
from cfy_cli.contract.json_values import parse_json
from cfy_cli.dsl.functions.function import (
    EvaluationContext,
    Evaluator,
    Function,
    FunctionFailed,
    is_path,
    step_into,
)
from cfy_cli.dsl.functions.names import is_function
from cfy_cli.dsl.lookups import ExtendedLookups
from cfy_cli.dsl.problems import quote_all, suggest
from cfy_cli.errors import CfyError

PARENT_LABEL = "csys-obj-parent"
SYS_PROPERTIES = {"tenant": ("name",), "deployment": ("id", "name", "blueprint", "owner")}
CONSUMER_PROPERTIES = ("ids", "names", "count")


def _check_secret(arguments: Json) -> str | None:
    if isinstance(arguments, str) or is_function(arguments) or is_path(arguments, 2):
        return None
    return "takes the name of a secret, or a list of the name and keys within it"


def _get_secret(arguments: str | list[str], evaluator: Evaluator, _context: EvaluationContext) -> Json:
    if not isinstance(arguments, list):
        return evaluator.lookups.secret(arguments)
    name, *path = arguments
    value = evaluator.lookups.secret(str(name))
    if isinstance(value, str):
        try:
            value = parse_json(value, "It")
        except CfyError:
            raise FunctionFailed(f"the secret `{name}` is not JSON, so it has no keys") from None
    return step_into(value, path, f"the secret `{name}`")


def _check_capability(arguments: Json) -> str | None:
    return None if is_path(arguments, 2) else "takes a list of a deployment, a capability and keys within it"


def _get_capability(arguments: list[str], evaluator: Evaluator, _context: EvaluationContext) -> Json:
    deployment_id, name, *path = arguments
    return step_into(evaluator.lookups.capability(str(deployment_id), str(name)), path, f"the capability `{name}`")


def _check_environment_capability(arguments: Json) -> str | None:
    if isinstance(arguments, str) or is_path(arguments, 2):
        return None
    return "takes the name of a capability, or a list of the name and keys within it"


def _get_environment_capability(arguments: str | list[str], evaluator: Evaluator, _context: EvaluationContext) -> Json:
    name, *path = arguments if isinstance(arguments, list) else [arguments]
    try:
        parents = evaluator.lookups.label(PARENT_LABEL)
    except KeyError:
        parents = []
    if not parents:
        raise FunctionFailed(f"the deployment has no environment: it has no label `{PARENT_LABEL}`")
    return step_into(evaluator.lookups.capability(parents[0], str(name)), path, f"the capability `{name}`")


def _check_group_capability(arguments: Json) -> str | None:
    usage = "takes a list of a deployment group, a capability or a list of them, and keys within it"
    if not isinstance(arguments, list) or len(arguments) < 2:
        return usage
    group, names, *path = arguments
    names = names if isinstance(names, list) else [names]
    return None if is_path([group, *names, *path], 2) else usage


def _get_group_capability(arguments: list[Json], evaluator: Evaluator, _context: EvaluationContext) -> Json:
    lookups = _extended_lookups(evaluator)
    group_id, names, *path = arguments
    if isinstance(names, list):
        return [lookups.group_capability(str(group_id), str(name)) for name in names]
    return step_into(lookups.group_capability(str(group_id), str(names)), path, f"the capability `{names}`")


def _check_label(arguments: Json) -> str | None:
    usage = "takes the key of a label, or a list of the key and the index of a value"
    if isinstance(arguments, str) or is_function(arguments):
        return None
    if isinstance(arguments, list) and is_path(arguments, 2) and len(arguments) == 2:
        key, index = arguments
        if not isinstance(key, str) and not is_function(key):
            return usage
        if is_function(index) or str(index).isdigit():
            return None
    return usage


def _get_label(arguments: str | list[str], evaluator: Evaluator, _context: EvaluationContext) -> Json:
    key, *index = arguments if isinstance(arguments, list) else [arguments]
    values = evaluator.lookups.label(key)
    if not values:
        raise FunctionFailed(f"the deployment has no label `{key}`")
    return step_into([*values], index, f"the label `{key}`")


def _check_sys(arguments: Json) -> str | None:
    if not isinstance(arguments, list) or not is_path(arguments, 2) or len(arguments) != 2:
        return "takes a list of an entity and its property, such as [deployment, id]"
    return None


def _get_sys(arguments: list[str], evaluator: Evaluator, _context: EvaluationContext) -> Json:
    entity, name = arguments
    if entity not in SYS_PROPERTIES:
        hint = f"only {quote_all(SYS_PROPERTIES)}{suggest(entity, SYS_PROPERTIES)}"
        raise FunctionFailed(f"there is no entity `{entity}`, {hint}")
    properties = SYS_PROPERTIES[entity]
    if name not in properties:
        hint = f"only {quote_all(properties)}{suggest(name, properties)}"
        raise FunctionFailed(f"a {entity} has no property `{name}`, {hint}")
    return evaluator.lookups.sys(entity, name)


def _check_consumers(arguments: Json) -> str | None:
    return None if arguments in CONSUMER_PROPERTIES else f"takes one of {quote_all(CONSUMER_PROPERTIES)}"


def _get_consumers(arguments: str, evaluator: Evaluator, _context: EvaluationContext) -> Json:
    return _extended_lookups(evaluator).consumers(arguments)


def _extended_lookups(evaluator: Evaluator) -> ExtendedLookups:
    if not isinstance(evaluator.lookups, ExtendedLookups):
        raise FunctionFailed("it is not available here")
    return evaluator.lookups


FUNCTIONS = (
    Function("get_secret", _check_secret, _get_secret),
    Function("get_capability", _check_capability, _get_capability),
    Function("get_environment_capability", _check_environment_capability, _get_environment_capability),
    Function("get_group_capability", _check_group_capability, _get_group_capability),
    Function("get_label", _check_label, _get_label),
    Function("get_sys", _check_sys, _get_sys),
    Function("get_consumers", _check_consumers, _get_consumers),
)

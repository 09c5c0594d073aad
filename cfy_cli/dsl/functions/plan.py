"""Functions of the plan and its inputs."""

from cfy_cli.contract.json import Json
from cfy_cli.dsl.functions.function import EvaluationContext, Evaluator, Function, NotYet, is_path, step_into
from cfy_cli.dsl.functions.names import NODE_FUNCTIONS, TYPE, called_function, holds_function, is_function


def _check_input(arguments: Json) -> str | None:
    if isinstance(arguments, str) or is_function(arguments) or is_path(arguments, 1):
        return None
    return "takes the name of an input, or a list of the name and keys within it"


def _get_input(arguments: str | list[str], evaluator: Evaluator, context: EvaluationContext) -> Json:
    name, *path = arguments if isinstance(arguments, list) else [arguments]
    value = evaluator.guard(f"input {name}", lambda: evaluator.value_of(evaluator.input(name), context))
    if path and is_function(value):
        raise NotYet
    return step_into(value, path, f"the input `{name}`")


def _check_property(arguments: Json) -> str | None:
    return None if is_path(arguments, 2) else "takes a list of a node, a property and keys within it"


def _get_property(arguments: list[str], evaluator: Evaluator, context: EvaluationContext) -> Json:
    node_name = context.node(arguments[0])
    value = evaluator.property_of(node_name, arguments[1:])
    return value if node_name == context.self_node else _bind_self(value, node_name)


def _bind_self(value: Json, node_name: str) -> Json:
    """Replace SELF in calls that remain, because the value is used outside of its node."""
    if isinstance(value, list):
        return [_bind_self(item, node_name) for item in value]
    if not isinstance(value, dict) or not holds_function(value):
        return value
    if called_function(value) in NODE_FUNCTIONS:
        [(name, arguments)] = [(key, item) for key, item in value.items() if key != TYPE]
        if isinstance(arguments, list) and arguments[:1] == ["SELF"]:
            return {**value, name: [node_name, *arguments[1:]]}
    return {key: _bind_self(item, node_name) for key, item in value.items()}


FUNCTIONS = (
    Function("get_input", _check_input, _get_input),
    Function("get_property", _check_property, _get_property),
)

"""Functions of what the plan and its inputs hold."""

from typing import Any

from cfy_cli.dsl.functions.function import Context, Function, Json, NotYet, World, is_path, step_into
from cfy_cli.dsl.functions.names import OF_NODES, TYPE, called, holds_function, is_function


def _input_name(arguments: Any) -> str | None:
    if isinstance(arguments, str) or is_function(arguments) or is_path(arguments, 1):
        return None
    return "takes the name of an input, or a list of the name and keys within it"


def _get_input(arguments: Any, world: World, context: Context) -> Json:
    name, *path = arguments if isinstance(arguments, list) else [arguments]
    value = world.once(f"input {name}", lambda: world.value_of(world.input(name), context))
    if path and is_function(value):
        raise NotYet
    return step_into(value, path, f"the input `{name}`")


def _node_and_path(arguments: Any) -> str | None:
    return None if is_path(arguments, 2) else "takes a list of a node, a property and keys within it"


def _get_property(arguments: Any, world: World, context: Context) -> Json:
    node_name = context.node(arguments[0])
    value = world.property_of(node_name, arguments[1:])
    return value if node_name == context.self_node else _named(value, node_name)


def _named(value: Json, node_name: str) -> Json:
    """A value that leaves its node; SELF in what is called later means that node still."""
    if isinstance(value, list):
        return [_named(item, node_name) for item in value]
    if not isinstance(value, dict) or not holds_function(value):
        return value
    if called(value) in OF_NODES:
        [(name, arguments)] = [(key, item) for key, item in value.items() if key != TYPE]
        if isinstance(arguments, list) and arguments[:1] == ["SELF"]:
            return {**value, name: [node_name, *arguments[1:]]}
    return {key: _named(item, node_name) for key, item in value.items()}


FUNCTIONS = (
    Function("get_input", _input_name, _get_input),
    Function("get_property", _node_and_path, _get_property),
)

"""Functions of what node instances know when the deployment runs."""

from typing import Any

from cfy_cli.dsl.functions.function import Context, Function, Json, World, is_path
from cfy_cli.dsl.functions.instances import instance_of, instances_of
from cfy_cli.dsl.functions.names import is_function
from cfy_cli.dsl.lookups import Lookups, WiderLookups


def attribute(instance_id: str, path: list[Any], world: World, context: Context) -> Json:
    """A run-time property of an instance, or the property of its node when it has none; None when neither has it."""
    what = instance_id + "".join(f"[{step}]" for step in path)
    return world.once(what, lambda: _attribute(instance_id, path, world, context))


def _attribute(instance_id: str, path: list[Any], world: World, context: Context) -> Json:
    outside = world.outside
    node_name = outside.node_of(instance_id)
    inside = Context(context.where, self_node=node_name, self_id=instance_id)
    value = _step(outside.runtime_properties(instance_id), path, world, inside)
    if value is None and path == ["node_instance_id"]:
        return instance_id
    if value is None and path == ["node_instance_index"]:
        return _index(instance_id, node_name, outside)
    if value is None:
        value = _step(outside.node(node_name).get("properties") or {}, path, world, inside)
    return world.value_of(value, inside)


def _index(instance_id: str, node_name: str, outside: Lookups) -> int:
    if isinstance(outside, WiderLookups):
        return outside.instance_index(instance_id)
    return outside.instance_ids(node_name).index(instance_id) + 1


def _step(value: Any, path: list[Any], world: World, context: Context) -> Json:
    for step in path:
        if is_function(value):
            value = world.value_of(value, context)
        if isinstance(value, dict):
            value = value.get(step, value.get(str(step)))
        elif isinstance(value, list) and str(step).lstrip("-").isdigit():
            position = int(step)
            value = value[position] if -len(value) <= position < len(value) else None
        else:
            return None
    return value


def _node_and_path(arguments: Any) -> str | None:
    return None if is_path(arguments, 2) else "takes a list of a node, an attribute and keys within it"


def _get_attribute(arguments: Any, world: World, context: Context) -> Json:
    return attribute(instance_of(arguments[0], world, context), arguments[1:], world, context)


def _get_list(arguments: Any, world: World, context: Context) -> Json:
    instance_ids = instances_of(arguments[0], world, context)
    return [attribute(instance_id, arguments[1:], world, context) for instance_id in instance_ids]


def _node_and_paths(arguments: Any) -> str | None:
    says = "takes a list of a node and attributes, each a name or a list of a name and keys within it"
    if not isinstance(arguments, list) or len(arguments) < 2 or not is_path(arguments[:1], 1):
        return says
    paths = [_as_path(item) for item in arguments[1:]]
    if not all(is_path(path, 1) for path in paths):
        return says
    names = [_identifier(path) for path in paths]
    twice = next((name for name in names if names.count(name) > 1), None)
    return f"is asked for `{twice}` twice" if twice else None


def _get_dict(arguments: Any, world: World, context: Context) -> Json:
    paths = [_as_path(item) for item in arguments[1:]]
    return {
        instance_id: {_identifier(path): attribute(instance_id, path, world, context) for path in paths}
        for instance_id in instances_of(arguments[0], world, context)
    }


def _as_path(item: Any) -> list[Any]:
    return item if isinstance(item, list) else [item]


def _identifier(path: list[Any]) -> str:
    return ".".join(map(str, path))


FUNCTIONS = (
    Function("get_attribute", _node_and_path, _get_attribute, at_run_time=True),
    Function("get_attributes_list", _node_and_path, _get_list, at_run_time=True),
    Function("get_attributes_dict", _node_and_paths, _get_dict, at_run_time=True),
)

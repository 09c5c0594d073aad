"""Functions of the runtime properties of node instances."""

from collections.abc import Mapping, Sequence
from typing import cast

from cfy_cli.contract.json import Json
from cfy_cli.dsl.functions.function import EvaluationContext, Evaluator, Function, is_path
from cfy_cli.dsl.functions.instances import find_instance, find_instances
from cfy_cli.dsl.functions.names import is_function
from cfy_cli.dsl.lookups import ExtendedLookups, Lookups


def _attribute(instance_id: str, path: Sequence[Json], evaluator: Evaluator, context: EvaluationContext) -> Json:
    """Return a runtime property of an instance, else the property of its node, else None."""
    key = instance_id + "".join(f"[{step}]" for step in path)
    return evaluator.guard(key, lambda: _compute(instance_id, path, evaluator, context))


def _compute(instance_id: str, path: Sequence[Json], evaluator: Evaluator, context: EvaluationContext) -> Json:
    lookups = evaluator.lookups
    node_name = lookups.node_of(instance_id)
    own = EvaluationContext(context.where, self_node=node_name, self_id=instance_id)
    value = _step(lookups.runtime_properties(instance_id), path, evaluator, own)
    if value is None and path == ["node_instance_id"]:
        return instance_id
    if value is None and path == ["node_instance_index"]:
        return _index(instance_id, node_name, lookups)
    if value is None:
        value = _step(lookups.node(node_name).get("properties") or {}, path, evaluator, own)
    return evaluator.value_of(value, own)


def _index(instance_id: str, node_name: str, lookups: Lookups) -> int:
    if isinstance(lookups, ExtendedLookups):
        return lookups.instance_index(instance_id)
    return lookups.instance_ids(node_name).index(instance_id) + 1


def _step(
    properties: Mapping[str, Json], path: Sequence[Json], evaluator: Evaluator, context: EvaluationContext
) -> Json:
    """Return the item at `path`, or None; calls on the way are evaluated."""
    value = cast("Json", properties)
    for step in path:
        if is_function(value):
            value = evaluator.value_of(value, context)
        if isinstance(value, dict):
            value = value.get(str(step))
        elif isinstance(value, list) and str(step).lstrip("-").isdigit():
            index = int(str(step))
            value = value[index] if -len(value) <= index < len(value) else None
        else:
            return None
    return value


def _check_attribute(arguments: Json) -> str | None:
    return None if is_path(arguments, 2) else "takes a list of a node, an attribute and keys within it"


def _get_attribute(arguments: list[str], evaluator: Evaluator, context: EvaluationContext) -> Json:
    return _attribute(find_instance(arguments[0], evaluator, context), arguments[1:], evaluator, context)


def _get_list(arguments: list[str], evaluator: Evaluator, context: EvaluationContext) -> Json:
    instance_ids = find_instances(arguments[0], evaluator, context)
    return [_attribute(instance_id, arguments[1:], evaluator, context) for instance_id in instance_ids]


def _check_attributes(arguments: Json) -> str | None:
    usage = "takes a list of a node and attributes, each a name or a list of a name and keys within it"
    if not isinstance(arguments, list) or len(arguments) < 2 or not is_path(arguments[:1], 1):
        return usage
    paths = [_as_path(item) for item in arguments[1:]]
    if not all(is_path(path, 1) for path in paths):
        return usage
    names = [_join(path) for path in paths]
    duplicate = next((name for name in names if names.count(name) > 1), None)
    return f"takes each attribute once, and `{duplicate}` is given twice" if duplicate else None


def _get_dict(arguments: list[str], evaluator: Evaluator, context: EvaluationContext) -> Json:
    paths = [_as_path(item) for item in arguments[1:]]
    return {
        instance_id: {_join(path): _attribute(instance_id, path, evaluator, context) for path in paths}
        for instance_id in find_instances(arguments[0], evaluator, context)
    }


def _as_path(item: Json) -> list[Json]:
    return item if isinstance(item, list) else [item]


def _join(path: list[Json]) -> str:
    return ".".join(map(str, path))


FUNCTIONS = (
    Function("get_attribute", _check_attribute, _get_attribute),
    Function("get_attributes_list", _check_attribute, _get_list),
    Function("get_attributes_dict", _check_attributes, _get_dict),
)

"""Functions of what a manager keeps beside the deployment's own nodes."""

import json
from collections.abc import Callable
from typing import Any

from cfy_cli.dsl.functions.function import Context, Function, FunctionFailed, Json, World, is_path, step_into
from cfy_cli.dsl.functions.names import is_function
from cfy_cli.dsl.lookups import WiderLookups
from cfy_cli.dsl.problems import near, one_of

PARENT_LABEL = "csys-obj-parent"
SYS = {"tenant": ("name",), "deployment": ("id", "name", "blueprint", "owner")}
CONSUMERS = ("ids", "names", "count")


def _secret_name(arguments: Any) -> str | None:
    if isinstance(arguments, str) or is_function(arguments) or is_path(arguments, 2):
        return None
    return "takes the name of a secret, or a list of the name and keys within it"


def _get_secret(arguments: Any, world: World, _context: Context) -> Json:
    if not isinstance(arguments, list):
        return world.outside.secret(arguments)
    name, *path = arguments
    value = world.outside.secret(name)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise FunctionFailed(f"the secret `{name}` is not JSON, so nothing can be found in it: {error}") from None
    return step_into(value, path, f"the secret `{name}`")


def _deployment_and_capability(arguments: Any) -> str | None:
    return None if is_path(arguments, 2) else "takes a list of a deployment, a capability and keys within it"


def _get_capability(arguments: Any, world: World, _context: Context) -> Json:
    deployment_id, name, *path = arguments
    return step_into(world.outside.capability(deployment_id, name), path, f"the capability `{name}`")


def _capability(arguments: Any) -> str | None:
    if isinstance(arguments, str) or is_path(arguments, 2):
        return None
    return "takes the name of a capability, or a list of the name and keys within it"


def _get_environment_capability(arguments: Any, world: World, _context: Context) -> Json:
    name, *path = arguments if isinstance(arguments, list) else [arguments]
    try:
        parents = world.outside.label(PARENT_LABEL)
    except KeyError:
        parents = []
    if not parents:
        raise FunctionFailed(f"the deployment has no environment: no label `{PARENT_LABEL}` names one")
    return step_into(world.outside.capability(parents[0], name), path, f"the capability `{name}`")


def _group_and_capability(arguments: Any) -> str | None:
    says = "takes a list of a deployment group, a capability or a list of them, and keys within it"
    if not isinstance(arguments, list) or len(arguments) < 2:
        return says
    group, names, *path = arguments
    names = names if isinstance(names, list) else [names]
    return None if is_path([group, *names, *path], 2) else says


def _get_group_capability(arguments: Any, world: World, _context: Context) -> Json:
    outside = _wider(world)
    group_id, names, *path = arguments
    if isinstance(names, list):
        return [outside.group_capability(group_id, name) for name in names]
    return step_into(outside.group_capability(group_id, names), path, f"the capability `{names}`")


def _label(arguments: Any) -> str | None:
    if isinstance(arguments, str) or is_function(arguments):
        return None
    if is_path(arguments, 2) and len(arguments) == 2 and not isinstance(arguments[0], int):
        position = arguments[1]
        if is_function(position) or str(position).isdigit():
            return None
    return "takes the key of a label, or a list of the key and the number of a value"


def _get_label(arguments: Any, world: World, _context: Context) -> Json:
    key, *position = arguments if isinstance(arguments, list) else [arguments]
    values = world.outside.label(key)
    if not values:
        raise FunctionFailed(f"the deployment has no label `{key}`")
    return step_into(values, position, f"the label `{key}`")


def _entity_and_property(arguments: Any) -> str | None:
    if not is_path(arguments, 2) or len(arguments) != 2:
        return "takes a list of an entity and its property, such as [deployment, id]"
    entity, name = arguments
    if is_function(entity):
        return None
    if entity not in SYS:
        return f"knows nothing of a `{entity}`, only of {one_of(SYS)}{near(str(entity), SYS)}"
    if not is_function(name) and name not in SYS[entity]:
        return f"knows no `{name}` of a {entity}, only {one_of(SYS[entity])}{near(str(name), SYS[entity])}"
    return None


def _get_sys(arguments: Any, world: World, _context: Context) -> Json:
    return world.outside.sys(arguments[0], arguments[1])


def _what(arguments: Any) -> str | None:
    return None if arguments in CONSUMERS else f"takes one of {one_of(CONSUMERS)}"


def _get_consumers(arguments: Any, world: World, _context: Context) -> Json:
    return _wider(world).consumers(arguments)


def _wider(world: World) -> WiderLookups:
    if not isinstance(world.outside, WiderLookups):
        raise FunctionFailed("nobody here can tell")
    return world.outside


def _kept(name: str, check: Callable[[Any], str | None], give: Callable[[Any, World, Context], Json]) -> Function:
    return Function(name, check, give, at_run_time=True)


FUNCTIONS = (
    _kept("get_secret", _secret_name, _get_secret),
    _kept("get_capability", _deployment_and_capability, _get_capability),
    _kept("get_environment_capability", _capability, _get_environment_capability),
    _kept("get_group_capability", _group_and_capability, _get_group_capability),
    _kept("get_label", _label, _get_label),
    _kept("get_sys", _entity_and_property, _get_sys),
    _kept("get_consumers", _what, _get_consumers),
)

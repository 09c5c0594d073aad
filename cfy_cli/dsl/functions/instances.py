"""Which instance of a node is meant, where only the node is named."""

from cfy_cli.dsl.functions.function import Context, FunctionFailed, World
from cfy_cli.dsl.lookups import Lookups

CONTAINED_IN = "cloudify.relationships.contained_in"


def instance_of(word: str, world: World, context: Context) -> str:
    """The instance that SELF, SOURCE, TARGET or a node's name stands for in a context.

    Of several instances of a node it is the one that the context's own instance is related to, else the one
    in the same instance of a scaling group. Raises FunctionFailed when that leaves none or more than one.
    """
    known = context.instance(word)
    if known:
        return known
    name = context.node(word)
    world.node(name)  # there is one
    outside = world.outside
    instance_ids = outside.instance_ids(name)
    if not instance_ids:
        raise FunctionFailed(f"the node `{name}` has no instances")
    if len(instance_ids) == 1:
        return instance_ids[0]
    found = _related(name, context, outside)
    for own in filter(None, (context.self_id, context.source_id, context.target_id)):
        found = found or _in_same_group(own, instance_ids, outside)
    if found is None:
        raise FunctionFailed(f"the node `{name}` has {len(instance_ids)} instances, and nothing says which is meant")
    return found


def instances_of(word: str, world: World, context: Context) -> list[str]:
    """All instances of the node that SELF, SOURCE, TARGET or a name stands for."""
    name = context.node(word)
    world.node(name)
    return world.outside.instance_ids(name)


def _related(name: str, context: Context, outside: Lookups) -> str | None:
    if context.self_id is None:
        return None
    relationships = outside.instance_relationships(context.self_id)
    targets = {each["target_id"] for each in relationships if each["target_name"] == name}
    return targets.pop() if len(targets) == 1 else None


def _in_same_group(own_id: str, instance_ids: list[str], outside: Lookups) -> str | None:
    """The one instance that shares the smallest scaling group instance with `own_id`."""
    others = {instance_id: dict(_groups(instance_id, outside)) for instance_id in instance_ids}
    shared = set(next(iter(others.values())))
    for name, group_id in _groups(own_id, outside):
        if name in shared:
            together = [instance_id for instance_id, groups in others.items() if groups.get(name) == group_id]
            return together[0] if len(together) == 1 else None
    return None


def _groups(instance_id: str, outside: Lookups) -> list[tuple[str, str]]:
    """The scaling group instances around an instance, nearest first: its own, then those of what contains it."""
    found: list[tuple[str, str]] = []
    container: str | None = instance_id
    while container is not None:
        found += [(group["name"], group["id"]) for group in outside.scaling_groups(container)]
        container = _container(container, outside)
    return found


def _container(instance_id: str, outside: Lookups) -> str | None:
    node = outside.node(outside.node_of(instance_id))
    for relationship in node.get("relationships") or []:
        if CONTAINED_IN in relationship["type_hierarchy"]:
            for each in outside.instance_relationships(instance_id):
                if each["target_name"] == relationship["target_id"]:
                    return str(each["target_id"])
    return None

"""Selection of the node instance that a call means when it names a node."""

from cfy_cli.dsl.functions.function import EvaluationContext, Evaluator, FunctionFailed
from cfy_cli.dsl.lookups import Lookups

CONTAINED_IN = "cloudify.relationships.contained_in"


def find_instance(word: str, evaluator: Evaluator, context: EvaluationContext) -> str:
    """Return the id of the instance that SELF, SOURCE, TARGET or a node name refers to in a context.

    Of several instances of a node it is the one to which the context's own instance is related, else the one in the
    same instance of a scaling group. Raises FunctionFailed if none or more than one remains.
    """
    own_id = context.instance(word)
    if own_id:
        return own_id
    name = context.node(word)
    evaluator.node(name)  # raises FunctionFailed if the node does not exist
    lookups = evaluator.lookups
    instance_ids = lookups.instance_ids(name)
    if not instance_ids:
        raise FunctionFailed(f"the node `{name}` has no instances")
    if len(instance_ids) == 1:
        return instance_ids[0]
    found = _related(name, context, lookups)
    for own_id in filter(None, (context.self_id, context.source_id, context.target_id)):
        found = found or _in_same_group(own_id, instance_ids, lookups)
    if found is None:
        raise FunctionFailed(
            f"the node `{name}` has {len(instance_ids)} instances, and it is ambiguous which one is meant"
        )
    return found


def find_instances(word: str, evaluator: Evaluator, context: EvaluationContext) -> list[str]:
    """Return the ids of all instances of the node that SELF, SOURCE, TARGET or a node name refers to."""
    name = context.node(word)
    evaluator.node(name)
    return evaluator.lookups.instance_ids(name)


def _related(name: str, context: EvaluationContext, lookups: Lookups) -> str | None:
    if context.self_id is None:
        return None
    relationships = lookups.instance_relationships(context.self_id)
    targets = {link["target_id"] for link in relationships if link["target_name"] == name}
    return targets.pop() if len(targets) == 1 else None


def _in_same_group(own_id: str, instance_ids: list[str], lookups: Lookups) -> str | None:
    """Return the only instance that shares the smallest scaling group instance with `own_id`."""
    others = {instance_id: dict(_groups(instance_id, lookups)) for instance_id in instance_ids}
    shared = set(next(iter(others.values())))
    for name, group_id in _groups(own_id, lookups):
        if name in shared:
            together = [instance_id for instance_id, groups in others.items() if groups.get(name) == group_id]
            return together[0] if len(together) == 1 else None
    return None


def _groups(instance_id: str, lookups: Lookups) -> list[tuple[str, str]]:
    """Return the scaling group instances around an instance, innermost first: its own, then its containers'."""
    groups: list[tuple[str, str]] = []
    container: str | None = instance_id
    while container is not None:
        groups += [(group["name"], group["id"]) for group in lookups.scaling_groups(container)]
        container = _container(container, lookups)
    return groups


def _container(instance_id: str, lookups: Lookups) -> str | None:
    node = lookups.node(lookups.node_of(instance_id))
    for relationship in node.get("relationships") or []:
        if CONTAINED_IN in relationship["type_hierarchy"]:
            for link in lookups.instance_relationships(instance_id):
                if link["target_name"] == relationship["target_id"]:
                    return link["target_id"]
    return None

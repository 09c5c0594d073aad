"""Random updates: node instances are as those of a new deployment afterwards, and only what differs is touched."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings

from cfy_cli import dsl
from cfy_cli.contract.plan import InstancePlan, PreparedPlan
from cfy_cli.dsl.plan_transition import merge_nodes, retain_counts
from tests.dsl.in_memory_lookups import write_blueprint
from tests.dsl.plan_pairs import pairs


def prepare(text: str) -> PreparedPlan:
    with TemporaryDirectory() as folder:
        plan = dsl.compile_blueprint(write_blueprint(Path(folder), text))
    return dsl.prepare_deployment(plan, {"color": "red"})


def shapes(instances: list[InstancePlan]) -> Counter[object]:
    """Count the instances of each shape: the node, and the nodes that its relationships and its host are of."""
    node_of = {instance["id"]: instance["node_id"] for instance in instances}
    return Counter(
        (
            instance["node_id"],
            tuple(sorted((link["type"], node_of[link["target_id"]]) for link in instance["relationships"])),
            node_of.get(instance.get("host_id") or ""),
            tuple(group["name"] for group in instance.get("scaling_groups") or ()),
        )
        for instance in instances
    )


def apply(plan: PreparedPlan, existing: list[InstancePlan], counts: dict[str, int]) -> list[InstancePlan]:
    changes = dsl.modify_instances(plan, existing, counts)
    removed = {instance["id"] for instance in changes.removed}
    kept: list[InstancePlan] = [
        {**instance, "relationships": changes.related.get(instance["id"], instance["relationships"])}
        for instance in existing
        if instance["id"] not in removed
    ]
    return [*kept, *changes.added]


@settings(max_examples=40)
@given(pairs())
def test_updated_instances_equal_those_of_a_new_deployment(texts: tuple[str, str]) -> None:
    old, new = map(prepare, texts)
    existing = dsl.create_instances(old)
    plan, counts = retain_counts(new, old)
    after = apply(plan, existing, counts)
    assert shapes(after) == shapes(dsl.create_instances(new))
    before = {instance["id"]: instance for instance in existing}
    unchanged = [instance["id"] for instance in after if before.get(instance["id"]) == instance]
    if texts[0] == texts[1]:
        assert len(unchanged) == len(existing)
    merged = {node["name"] for node in merge_nodes(new["nodes"], old["nodes"])}
    assert merged == {node["name"] for plan in (old, new) for node in plan["nodes"]}
    back, counts = retain_counts(old, plan)
    assert shapes(apply(back, after, counts)) == shapes(existing)

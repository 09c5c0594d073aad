"""Groups of nodes and their policies."""

from collections.abc import Mapping

from cfy_cli.contract.plan import (
    GroupPlan,
    GroupPolicyPlan,
    NodePlan,
    PolicyPlan,
    PolicyTriggerPlan,
    PolicyTypePlan,
    ScalingGroupPlan,
    TriggerPlan,
)
from cfy_cli.dsl import scaling
from cfy_cli.dsl.declarations import Group, GroupPolicy, GroupTrigger, NodeTemplate
from cfy_cli.dsl.scaling_groups import ScalingGroupChecker
from cfy_cli.dsl.schema_resolution import SchemaResolver


def build_groups(
    declared: Mapping[str, Group],
    templates: Mapping[str, NodeTemplate],
    policy_types: Mapping[str, PolicyTypePlan],
    triggers: Mapping[str, PolicyTriggerPlan],
    schemas: SchemaResolver,
) -> dict[str, GroupPlan]:
    plans: dict[str, GroupPlan] = {}
    for name, group in declared.items():
        if name in templates:
            schemas.compilation.report(group.node, "conflict", f"both a group and a node are named `{name}`")
        policies = {key: _policy(policy, policy_types, triggers, schemas) for key, policy in group.policies.items()}
        plans[name] = {"members": group.members or [], "policies": policies}
    return plans


def _policy(
    policy: GroupPolicy,
    types: Mapping[str, PolicyTypePlan],
    triggers: Mapping[str, PolicyTriggerPlan],
    schemas: SchemaResolver,
) -> GroupPolicyPlan:
    policy_type = types.get(policy.type)
    return {
        "type": policy.type,
        "properties": schemas.coerce_values(policy.properties, policy_type["properties"], policy.node)
        if policy_type
        else {},
        "triggers": {name: _trigger(trigger, triggers, schemas) for name, trigger in policy.triggers.items()},
    }


def _trigger(trigger: GroupTrigger, types: Mapping[str, PolicyTriggerPlan], schemas: SchemaResolver) -> TriggerPlan:
    trigger_type = types.get(trigger.type)
    parameters = (
        schemas.coerce_values(trigger.parameters, trigger_type["parameters"], trigger.node) if trigger_type else {}
    )
    return {"type": trigger.type, "parameters": parameters}


def build_policies(declared: Mapping[str, PolicyPlan]) -> dict[str, PolicyPlan]:
    """Return the policies, with default counts for those that set none."""
    return {
        name: policy if "properties" in policy else {**policy, "properties": scaling.default_counts()}
        for name, policy in declared.items()
    }


def build_scaling_groups(
    policies: Mapping[str, PolicyPlan],
    groups: Mapping[str, GroupPlan],
    declared: Mapping[str, Group],
    nodes: list[NodePlan],
    schemas: SchemaResolver,
) -> dict[str, ScalingGroupPlan]:
    """Return the groups that policies scale, without members that another member contains."""
    scaling_groups: dict[str, ScalingGroupPlan] = {}
    for policy in policies.values():
        for target in policy["targets"] or ():
            if target in groups:
                members = list(groups[target]["members"])
                scaling_groups[target] = {"members": members, "properties": policy["properties"]}
    ScalingGroupChecker(scaling_groups, nodes, declared, schemas.compilation).check()
    return scaling_groups

"""Groups of nodes, their policies, and scaling groups."""

from collections.abc import Mapping
from typing import Any

from cfy_cli.dsl import scaling
from cfy_cli.dsl.fitting import Fitting
from cfy_cli.dsl.hierarchies import Completing
from cfy_cli.dsl.nodes import PlanNode, container_of
from cfy_cli.dsl.source import Node
from cfy_cli.dsl.syntax import Group, GroupPolicy, GroupTrigger, Json

Schemas = Mapping[str, Mapping[str, Any]]


def groups_of(
    declared: Mapping[str, Group],
    templates: Mapping[str, Any],
    policy_types: Schemas,
    triggers: Schemas,
    completing: Completing,
) -> dict[str, Any]:
    """The groups as the plan has them."""
    plans = {}
    for name, group in declared.items():
        if name in templates:
            completing.reading.tell(group.node, "conflict", f"both a group and a node are named `{name}`")
        policies = {key: _policy(each, policy_types, triggers, completing) for key, each in group.policies.items()}
        plans[name] = {"members": group.members or [], "policies": policies}
    return plans


def _policy(policy: GroupPolicy, types: Schemas, triggers: Schemas, completing: Completing) -> dict[str, Any]:
    schema = types.get(policy.type, {}).get("properties", {})
    return {
        "type": policy.type,
        "properties": _fitted(policy.properties, schema, policy.node, completing) if policy.type in types else {},
        "triggers": {name: _trigger(each, triggers, completing) for name, each in policy.triggers.items()},
    }


def _trigger(trigger: GroupTrigger, types: Schemas, completing: Completing) -> dict[str, Any]:
    schema = types.get(trigger.type, {}).get("parameters", {})
    parameters = _fitted(trigger.parameters, schema, trigger.node, completing) if trigger.type in types else {}
    return {"type": trigger.type, "parameters": parameters}


def _fitted(given: Node | None, schema: dict[str, Any], node: Node, completing: Completing) -> dict[str, Json]:
    values = completing.reading.value(completing.reading, given) if given is not None else {}
    fitting = Fitting(completing.data_types, [])
    fitted = fitting.mapping(values, schema)
    completing.tell(fitting, given or node)
    return fitted


def policies_of(declared: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    return {name: {"properties": scaling.instances(), **policy} for name, policy in declared.items()}


def scaling_groups_of(
    policies: Mapping[str, Any],
    groups: Mapping[str, Any],
    declared: Mapping[str, Group],
    nodes: list[PlanNode],
    completing: Completing,
) -> dict[str, Any]:
    """The groups that policies scale, without members that another member contains anyway."""
    scaled: dict[str, Any] = {}
    for policy in policies.values():
        for target in policy["targets"] or ():
            if target in groups:
                scaled[target] = {"members": list(groups[target]["members"]), "properties": policy["properties"]}
    _Containment(scaled, nodes, declared, completing).check()
    return scaled


class _Containment:
    """How scaling groups and nodes contain each other; what cannot be scaled is told."""

    def __init__(
        self, scaled: dict[str, Any], nodes: list[PlanNode], declared: Mapping[str, Group], completing: Completing
    ) -> None:
        self.scaled, self.declared, self.reading = scaled, declared, completing.reading
        self.containers = {node["name"]: container_of(node) for node in nodes}
        self.group_of: dict[str, str] = {}  # a node or a group -> the group it is a member of

    def check(self) -> None:
        for name, group in self.scaled.items():
            for member in group["members"]:
                if self.group_of.setdefault(member, name) != name:
                    self._tell(
                        name, "groups", f"`{member}` is also a member of the scaling group `{self.group_of[member]}`"
                    )
        for name in self.scaled:
            line = self._line(name, self.group_of)
            if line and line[-1] == name:
                self._tell(
                    name, "circle", f"groups are members of each other in a circle: {' -> '.join([name, *line])}"
                )
                return
        self._check_shared_containers()
        self._leave_out_contained()

    def _line(self, name: str, parents: Mapping[str, Any]) -> list[str]:
        """What contains `name`, nearest first; in a circle it ends where it began."""
        line: list[str] = []
        above = parents.get(name)
        while above is not None and above not in line:
            line.append(above)
            if above == name:
                break
            above = parents.get(above)
        return line

    def _members(self, name: str) -> list[str]:
        """The nodes of a group and of the groups in it."""
        found: list[str] = []
        waiting = [name]
        while waiting:
            for member in self.scaled.get(waiting.pop(), {}).get("members", ()):
                (waiting if member in self.scaled else found).append(member)
        return found

    def _check_shared_containers(self) -> None:
        """Members that are in other nodes must all be in one, or that node be a member too."""
        for name in self.scaled:
            members = [member for member in self._members(name) if member in self.containers]
            tops = {member: [member, *self._line(member, self.containers)][-1] for member in members}
            for member, top in tops.items():
                other = next((each for each in members if tops[each] != top), None)
                if top not in members and other is not None:
                    self._tell(
                        name,
                        "groups",
                        f"`{member}` is contained in `{top}` and `{other}` is not: they cannot be scaled together",
                    )
                    break

    def _leave_out_contained(self) -> None:
        """What scales with the node that contains it is not a member beside that node."""
        for member in [name for name in self.group_of if name in self.containers]:
            groups = self._line(member, self.group_of)
            for container in self._line(member, self.containers):
                around = self._line(container, self.group_of)
                shared = next((group for group in groups if group in around), None)
                if shared is None:
                    continue
                inner = [member, *(group for group in groups if group not in around)][-1]
                members = self.scaled[shared]["members"]
                if inner in members:
                    members.remove(inner)

    def _tell(self, name: str, rule: str, message: str) -> None:
        self.reading.tell(self.declared[name].node.key_place("members"), rule, message)

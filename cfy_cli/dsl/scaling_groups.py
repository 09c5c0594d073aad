"""Checks of scaling groups: how groups and nodes contain each other."""

from collections.abc import Mapping

from cfy_cli.contract.plan import NodePlan, ScalingGroupPlan
from cfy_cli.dsl.compilation import Compilation
from cfy_cli.dsl.declarations import Group
from cfy_cli.dsl.nodes import container_of


class ScalingGroupChecker:
    """Reports groups that cannot be scaled, and removes members that scale with their container."""

    def __init__(
        self,
        groups: dict[str, ScalingGroupPlan],
        nodes: list[NodePlan],
        declared: Mapping[str, Group],
        compilation: Compilation,
    ) -> None:
        self.groups, self.declared, self.compilation = groups, declared, compilation
        self.containers = {node["name"]: container_of(node) for node in nodes}
        self.group_of: dict[str, str] = {}  # group of each node and group that is a member of one

    def check(self) -> None:
        for name, group in self.groups.items():
            for member in group["members"]:
                if self.group_of.setdefault(member, name) != name:
                    message = f"`{member}` is also a member of the scaling group `{self.group_of[member]}`"
                    self._report(name, "groups", message)
        for name in self.groups:
            ancestors = self._ancestors(name, self.group_of)
            if ancestors and ancestors[-1] == name:
                message = f"the membership of groups is circular: {' -> '.join([name, *ancestors])}"
                self._report(name, "circle", message)
                return
        self._check_shared_containers()
        self._remove_contained_members()

    def _ancestors(self, name: str, parents: Mapping[str, str | None]) -> list[str]:
        """Return what contains `name`, innermost first; a cycle ends with `name` itself."""
        ancestors: list[str] = []
        parent = parents.get(name)
        while parent is not None and parent not in ancestors:
            ancestors.append(parent)
            if parent == name:
                break
            parent = parents.get(parent)
        return ancestors

    def _nodes_of(self, name: str) -> list[str]:
        """Return the nodes of a group and of the groups in it."""
        nodes: list[str] = []
        pending = [name]
        while pending:
            group = self.groups.get(pending.pop())
            for member in group["members"] if group else ():
                (pending if member in self.groups else nodes).append(member)
        return nodes

    def _check_shared_containers(self) -> None:
        """Report members that are contained in different nodes that are not members too."""
        for name in self.groups:
            members = [member for member in self._nodes_of(name) if member in self.containers]
            outermost = {member: [member, *self._ancestors(member, self.containers)][-1] for member in members}
            for member, top in outermost.items():
                other = next((other for other in members if outermost[other] != top), None)
                if top not in members and other is not None:
                    message = f"`{member}` is contained in `{top}` and `{other}` is not: they cannot be scaled together"
                    self._report(name, "groups", message)
                    break

    def _remove_contained_members(self) -> None:
        """Remove members that scale with a container that is in the same group."""
        for member in [name for name in self.group_of if name in self.containers]:
            groups = self._ancestors(member, self.group_of)
            for container in self._ancestors(member, self.containers):
                container_groups = self._ancestors(container, self.group_of)
                shared = next((group for group in groups if group in container_groups), None)
                if shared is None:
                    continue
                inner = [member, *(group for group in groups if group not in container_groups)][-1]
                members = self.groups[shared]["members"]
                if inner in members:
                    members.remove(inner)

    def _report(self, name: str, rule: str, message: str) -> None:
        self.compilation.report(self.declared[name].node.key_location("members"), rule, message)

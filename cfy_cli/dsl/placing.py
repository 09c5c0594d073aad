"""Where node instances are: in instances of the node that contains theirs, and in instances of scaling groups."""

import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cfy_cli.dsl.nodes import container_of

_LETTERS = string.ascii_lowercase + string.digits


@dataclass(eq=False, slots=True)
class Placed:
    """One instance of a node or of a scaling group, and the one it is placed in."""

    id: str
    name: str
    parent: "Placed | None"
    is_group: bool = False

    def group(self, name: str) -> "Placed | None":
        """The instance of a scaling group that this is in."""
        above = self.parent
        while above is not None and not (above.is_group and above.name == name):
            above = above.parent
        return above

    def groups(self) -> list[dict[str, str]]:
        """The scaling group instances around this, up to the first node instance."""
        found, above = [], self.parent
        while above is not None and above.is_group:
            found.append({"name": above.name, "id": above.id})
            above = above.parent
        return found

    def container(self) -> "Placed | None":
        above = self.parent
        while above is not None and above.is_group:
            above = above.parent
        return above


class Placing:
    """Places the instances of all nodes and groups of a prepared plan, all of them new."""

    def __init__(self, plan: Mapping[str, Any], taken: Iterable[str] = ()) -> None:
        self.nodes: dict[str, dict[str, Any]] = {node["name"]: node for node in plan["nodes"]}
        self.groups: Mapping[str, dict[str, Any]] = plan["scaling_groups"]
        self.parents = self._parents()  # the node or group that something is placed in
        self.placed: dict[str, list[Placed]] = {}
        self._taken = set(taken)

    def place_all(self) -> None:
        for name in (*self.nodes, *self.groups):
            self._place(name)

    def number_of(self, name: str) -> int:
        """How many instances there are to be of a node or group, in each instance of what it is placed in."""
        about = self.groups[name] if name in self.groups else self.nodes[name]["capabilities"]["scalable"]
        return int(about["properties"]["current_instances"])

    def instances_in(self, home: Placed | None, name: str) -> list[Placed]:
        return [self.new(home, name) for _ in range(self.number_of(name))]

    def new(self, home: Placed | None, name: str) -> Placed:
        return Placed(self._new_id(name), name, home, name in self.groups)

    def _parents(self) -> dict[str, str | None]:
        """A member is placed in its group; the outermost group in the node that contains its members."""
        group_of = {member: name for name, group in self.groups.items() for member in group["members"]}
        parents: dict[str, str | None] = {**dict.fromkeys(self.groups), **group_of}
        for name, node in self.nodes.items():
            container = container_of(node)
            if container is None:
                parents.setdefault(name, None)
                continue
            top = name
            while top in group_of:
                top = group_of[top]
            parents[top] = container
        return parents

    def _place(self, name: str) -> None:
        """All instances of a node or group; what they are placed in comes first."""
        line = [name]
        while (parent := self.parents.get(line[-1])) is not None and parent not in self.placed:
            line.append(parent)
        for each in reversed(line):
            if each not in self.placed:
                home_name = self.parents.get(each)
                homes: list[Placed | None] = [None] if home_name is None else [*self.placed[home_name]]
                self.placed[each] = [placed for home in homes for placed in self.instances_in(home, each)]

    def _new_id(self, name: str) -> str:
        while True:
            new = f"{name}_{''.join(secrets.choice(_LETTERS) for _ in range(6))}"
            if new not in self._taken:
                self._taken.add(new)
                return new

"""Node instances: how many there are of each node, what contains them, and what they are related to."""

import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cfy_cli.dsl.collecting import collector_paused
from cfy_cli.dsl.nodes import CONNECTED_TO, CONTAINED_IN, DEPENDS_ON, container_of
from cfy_cli.errors import Invalid

Instance = dict[str, Any]
_LETTERS = string.ascii_lowercase + string.digits
_KNOWN = {CONTAINED_IN, CONNECTED_TO, DEPENDS_ON}


@collector_paused()
def create_instances(plan: Mapping[str, Any], taken: Iterable[str] = ()) -> list[Instance]:
    """The node instances of a prepared plan, with ids that are not in `taken`.

    A node has `current_instances` of them in each instance of what contains it; so has a scaling group. Each:
    {"id", "name", "node_id", "index", "host_id"?, "relationships": [{"type", "target_name", "target_id"}],
    "scaling_groups"?: [{"name", "id"}], the nearest first}. Raises Invalid where relationships cannot be made.
    """
    return _Creation(plan, set(taken)).create()


@dataclass(eq=False, slots=True)
class _Placed:
    """One instance of a node or of a scaling group, and the one it is placed in."""

    id: str
    name: str
    parent: "_Placed | None"
    is_group: bool = False

    def group(self, name: str) -> "_Placed | None":
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

    def container(self) -> "_Placed | None":
        above = self.parent
        while above is not None and above.is_group:
            above = above.parent
        return above


@dataclass(slots=True)
class _Creation:
    plan: Mapping[str, Any]
    taken: set[str]
    nodes: dict[str, dict[str, Any]] = field(init=False)
    groups: dict[str, dict[str, Any]] = field(init=False)
    placed: dict[str, list[_Placed]] = field(default_factory=dict)
    parents: dict[str, str | None] = field(default_factory=dict)  # the node or group that something is placed in

    def __post_init__(self) -> None:
        self.nodes = {node["name"]: node for node in self.plan["nodes"]}
        self.groups = self.plan["scaling_groups"]

    def create(self) -> list[Instance]:
        self._find_parents()
        for name in (*self.nodes, *self.groups):
            self._place(name)
        return [
            self._instance(placed, index) for name in self.nodes for index, placed in enumerate(self.placed[name], 1)
        ]

    def _find_parents(self) -> None:
        """A member is placed in its group; the outermost group in the node that contains its members."""
        group_of = {member: name for name, group in self.groups.items() for member in group["members"]}
        self.parents.update(dict.fromkeys(self.groups))
        self.parents.update(group_of)
        for name, node in self.nodes.items():
            container = container_of(node)
            if container is None:
                self.parents.setdefault(name, None)
                continue
            top = name
            while top in group_of:
                top = group_of[top]
            self.parents[top] = container

    def _place(self, name: str) -> list[_Placed]:
        """All instances of a node or group; what they are placed in comes first."""
        line = [name]
        while (parent := self.parents.get(line[-1])) is not None and parent not in self.placed:
            line.append(parent)
        for each in reversed(line):
            if each not in self.placed:
                self.placed[each] = self._made(each)
        return self.placed[name]

    def _made(self, name: str) -> list[_Placed]:
        is_group = name in self.groups
        about = self.groups[name] if is_group else self.nodes[name]["capabilities"]["scalable"]
        count = int(about["properties"]["current_instances"])
        parent = self.parents.get(name)
        homes: list[_Placed | None] = list(self.placed[parent]) if parent is not None else [None]
        return [_Placed(self._new_id(name), name, home, is_group) for home in homes for _ in range(count)]

    def _new_id(self, name: str) -> str:
        while True:
            new = f"{name}_{''.join(secrets.choice(_LETTERS) for _ in range(6))}"
            if new not in self.taken:
                self.taken.add(new)
                return new

    def _instance(self, placed: _Placed, index: int) -> Instance:
        node = self.nodes[placed.name]
        instance: Instance = {"id": placed.id, "name": placed.name, "node_id": placed.name, "index": index}
        host = self._host(placed)
        if host is not None:
            instance["host_id"] = host
        instance["relationships"] = [
            {"type": each["type"], "target_name": each["target_id"], "target_id": target.id}
            for each in node["relationships"]
            for target in self._targets(placed, each)
        ]
        groups = placed.groups()
        if groups:
            instance["scaling_groups"] = groups
        return instance

    def _host(self, placed: _Placed) -> str | None:
        host_node = self.nodes[placed.name].get("host_id")
        here: _Placed | None = placed
        while here is not None and host_node is not None:
            if here.name == host_node and not here.is_group:
                return here.id
            here = here.parent
        return host_node

    def _targets(self, source: _Placed, relationship: Mapping[str, Any]) -> list[_Placed]:
        """The instances that one instance is related to."""
        hierarchy = relationship["type_hierarchy"]
        if CONTAINED_IN in hierarchy:
            container = source.container()
            return [container] if container is not None else []
        if not _KNOWN & set(hierarchy):
            raise Invalid(f"the relationship type `{relationship['type']}` is derived from none that can be made")
        targets = self.placed[relationship["target_id"]]
        connection = relationship["properties"].get("connection_type")
        shared = self._shared_group(source, relationship["target_id"])
        if connection == "all_to_one":
            if shared is not None:
                raise Invalid(
                    f"`all_to_one` cannot be used within a scaling group, and `{source.name}` and "
                    f"`{relationship['target_id']}` are both in `{shared.name}`"
                )
            return [min(targets, key=lambda each: each.id)] if targets else []
        if connection != "all_to_all":
            raise Invalid(
                f"the `connection_type` of the relationship from `{source.name}` to `{relationship['target_id']}` "
                f"is `{connection}`; it must be `all_to_all` or `all_to_one`"
            )
        return targets if shared is None else [each for each in targets if each.group(shared.name) is shared]

    def _shared_group(self, source: _Placed, target: str) -> _Placed | None:
        """The nearest group instance around the source whose group is around the target node too."""
        around = set()
        above = self.parents.get(target)
        while above is not None:
            around.add(above)
            above = self.parents.get(above)
        here = source.parent
        while here is not None and not (here.is_group and here.name in around):
            here = here.parent
        return here

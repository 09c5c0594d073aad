"""Node instances: how many there are of each node, what contains them, and what they are related to."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from cfy_cli.contract.plan import InstancePlan, ScalablePlan
from cfy_cli.dsl.collecting import collector_paused
from cfy_cli.dsl.nodes import CONNECTED_TO, CONTAINED_IN, DEPENDS_ON
from cfy_cli.dsl.placing import Placed, Placing
from cfy_cli.errors import Invalid

Instance = dict[str, Any]
_KNOWN = {CONTAINED_IN, CONNECTED_TO, DEPENDS_ON}


@collector_paused()
def create_instances(plan: ScalablePlan, taken: Iterable[str] = ()) -> list[InstancePlan]:
    """The node instances of a prepared plan, with ids that are not in `taken`.

    A node has `current_instances` of them in each instance of what contains it; so has a scaling group. Each:
    {"id", "name", "node_id", "index", "host_id"?, "relationships": [{"type", "target_name", "target_id"}],
    "scaling_groups"?: [{"name", "id"}], the nearest first}. Raises Invalid where relationships cannot be made.
    """
    placing = Placing(plan, taken)
    placing.place_all()
    making = Making(placing)
    return [
        cast("InstancePlan", making.instance(placed, index))
        for name in placing.nodes
        for index, placed in enumerate(placing.placed[name], 1)
    ]


class Making:
    """Makes instances of what is placed."""

    def __init__(self, placing: Placing) -> None:
        self._nodes, self._placed, self._parents = placing.nodes, placing.placed, placing.parents

    def instance(self, placed: Placed, index: int) -> Instance:
        instance: Instance = {"id": placed.id, "name": placed.name, "node_id": placed.name, "index": index}
        host = self._host(placed)
        if host is not None:
            instance["host_id"] = host
        instance["relationships"] = self.relationships(placed)
        groups = placed.groups()
        if groups:
            instance["scaling_groups"] = groups
        return instance

    def relationships(self, placed: Placed) -> list[dict[str, str]]:
        return [
            {"type": each["type"], "target_name": each["target_id"], "target_id": target.id}
            for each in self._nodes[placed.name]["relationships"]
            for target in self._targets(placed, each)
        ]

    def one_of(self, source: str, relationship: Mapping[str, Any], targets: list[Placed]) -> Placed:
        """The instance that all of the node `source` are related to."""
        return min(targets, key=lambda each: each.id)

    def _host(self, placed: Placed) -> str | None:
        host_node = self._nodes[placed.name].get("host_id")
        here: Placed | None = placed
        while here is not None and host_node is not None:
            if here.name == host_node and not here.is_group:
                return here.id
            here = here.parent
        return host_node

    def _targets(self, source: Placed, relationship: Mapping[str, Any]) -> list[Placed]:
        """The instances that one instance is related to."""
        hierarchy = relationship["type_hierarchy"]
        if CONTAINED_IN in hierarchy:
            container = source.container()
            return [container] if container is not None else []
        if not _KNOWN & set(hierarchy):
            raise Invalid(f"the relationship type `{relationship['type']}` is derived from none that can be made")
        targets = self._placed[relationship["target_id"]]
        connection = relationship["properties"].get("connection_type")
        shared = self._shared_group(source, relationship["target_id"])
        if connection == "all_to_one":
            if shared is not None:
                raise Invalid(
                    f"`all_to_one` cannot be used within a scaling group, and `{source.name}` and "
                    f"`{relationship['target_id']}` are both in `{shared.name}`"
                )
            return [self.one_of(source.name, relationship, targets)] if targets else []
        if connection != "all_to_all":
            raise Invalid(
                f"the `connection_type` of the relationship from `{source.name}` to `{relationship['target_id']}` "
                f"is `{connection}`; it must be `all_to_all` or `all_to_one`"
            )
        return targets if shared is None else [each for each in targets if each.group(shared.name) is shared]

    def _shared_group(self, source: Placed, target: str) -> Placed | None:
        """The nearest group instance around the source whose group is around the target node too."""
        around = set()
        above = self._parents.get(target)
        while above is not None:
            around.add(above)
            above = self._parents.get(above)
        here = source.parent
        while here is not None and not (here.is_group and here.name in around):
            here = here.parent
        return here

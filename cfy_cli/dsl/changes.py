"""Which node instances come, go, or gain and lose relationships when a deployment is scaled or updated."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from cfy_cli.contract.plan import InstancePlan, ScalablePlan
from cfy_cli.dsl.collecting import collector_paused
from cfy_cli.dsl.instances import Instance, Making
from cfy_cli.dsl.nodes import container_of
from cfy_cli.dsl.placing import Placed, Placing
from cfy_cli.errors import Invalid


@dataclass(frozen=True, slots=True)
class Changes:
    """Instances as create_instances makes them; those that existed keep whatever else they carry.

    What is `..._related` stays: with only those relationships that lead to what comes, goes, or is gained or lost.
    `extended` and `reduced` stay too, with the relationships that they gain or lose.
    """

    added: list[InstancePlan]
    added_related: list[InstancePlan]
    removed: list[InstancePlan]
    removed_related: list[InstancePlan]
    extended: list[InstancePlan]
    extended_related: list[InstancePlan]
    reduced: list[InstancePlan]
    reduced_related: list[InstancePlan]


@collector_paused()
def modify_instances(
    plan: ScalablePlan,
    existing: Sequence[InstancePlan],
    wanted: Mapping[str, int],
    *,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
) -> Changes:
    """What changes when there are to be `wanted[name]` instances of nodes and scaling groups, in each container.

    `plan` is a prepared plan, or its `nodes` and `scaling_groups`; after an update it is another than `existing` was
    made of. What is not in `wanted` has as many as before; in a new container, as many as the plan says. `include`
    (ids of instances; a member's stands for its group) goes first and `exclude` last, otherwise the newest go first,
    and an instance that all of another node are related to goes late.
    Raises Invalid for a name that nothing has, or a negative number.
    """
    for name, number in wanted.items():
        if name not in plan["scaling_groups"] and all(node["name"] != name for node in plan["nodes"]):
            raise Invalid(f"there is no node and no scaling group `{name}`")
        if number < 0:
            raise Invalid(f"`{name}` cannot have {number} instances")
    instances = cast("list[Instance]", existing)
    modifying = _Modifying(plan, instances, wanted, include=set(include), exclude=set(exclude))
    modifying.place_all()
    return _Difference(modifying, instances).changes()


class _Modifying(Placing):
    """Places what there is where it was, and new instances beside it."""

    def __init__(
        self,
        plan: Mapping[str, Any],
        existing: list[Instance],
        wanted: Mapping[str, int],
        *,
        include: set[str],
        exclude: set[str],
    ) -> None:
        taken = {each["id"] for each in existing}
        super().__init__(plan, taken | {group["id"] for each in existing for group in _groups(each)})
        self._wanted, self._include, self._exclude = wanted, include, exclude
        self._before: dict[str, Placed] = {}
        self._members: dict[str, set[str]] = {}  # of instances of groups: the ids of what is in them
        self._children: dict[tuple[str, str | None], list[Placed]] = {}
        self._restore(existing)
        self._shared = set(_targets_of_all(self.nodes, existing).values())

    def instances_in(self, home: Placed | None, name: str) -> list[Placed]:
        here = self._children.get((name, home.id if home is not None else None), [])
        number = self._wanted.get(name)
        if number is None:
            number = max(len(here), self.number_of(name))
        kept = self._kept(here, number)
        for each in kept:
            each.parent = home
        return kept + [self.new(home, name) for _ in range(number - len(kept))]

    def _kept(self, here: list[Placed], number: int) -> list[Placed]:
        def last_to_go(placed: Placed) -> int:
            ids = {placed.id} | self._members.get(placed.id, set())
            return 0 if ids & self._include else 3 if ids & self._exclude else 2 if placed.id in self._shared else 1

        newest_first = here[::-1]
        going = {placed.id for placed in sorted(newest_first, key=last_to_go)[: max(len(here) - number, 0)]}
        return [placed for placed in here if placed.id not in going]

    def _restore(self, existing: list[Instance]) -> None:
        nodes = [each for each in existing if each["node_id"] in self.nodes]
        for each in sorted(nodes, key=lambda each: int(each.get("index") or 0)):
            self._before[each["id"]] = Placed(each["id"], each["node_id"], None)
        for each in nodes:
            above = _container(each, self.nodes[each["node_id"]])
            for group in reversed(_groups(each)):
                around = self._before.setdefault(group["id"], Placed(group["id"], group["name"], None, is_group=True))
                around.parent = self._before.get(above) if above is not None else around.parent
                self._members.setdefault(group["id"], set()).add(each["id"])
                above = group["id"]
            self._before[each["id"]].parent = self._before.get(above) if above is not None else None
        for placed in self._before.values():
            home = placed.parent.id if placed.parent is not None and self.parents.get(placed.name) is not None else None
            self._children.setdefault((placed.name, home), []).append(placed)


def _groups(instance: Instance) -> list[dict[str, str]]:
    return instance.get("scaling_groups") or []


def _container(instance: Instance, node: dict[str, Any]) -> str | None:
    """The id of the instance that this one is contained in."""
    name = container_of(node)
    found = (each["target_id"] for each in instance["relationships"] if each["target_name"] == name)
    return next(found, None)


def _targets_of_all(nodes: Mapping[str, dict[str, Any]], existing: list[Instance]) -> dict[tuple[str, str, str], str]:
    """Those instances that all instances of a node are related to: by that node, their own, and the relationship."""
    asked = {
        (name, each["target_id"], each["type"])
        for name, node in nodes.items()
        for each in node["relationships"]
        if each["properties"].get("connection_type") == "all_to_one"
    }
    links = [(each["node_id"], link) for each in existing for link in each["relationships"]] if asked else []
    return {
        key: link["target_id"] for node, link in links if (key := (node, link["target_name"], link["type"])) in asked
    }


class _MakingAgain(Making):
    """Makes instances beside others, which keep the one that all of them are related to."""

    def __init__(self, placing: Placing, existing: list[Instance]) -> None:
        super().__init__(placing)
        self._kept = _targets_of_all(placing.nodes, existing)

    def one_of(self, source: str, relationship: Mapping[str, Any], targets: list[Placed]) -> Placed:
        kept = self._kept.get((source, relationship["target_id"], relationship["type"]))
        found = next((each for each in targets if each.id == kept), None)
        return found or super().one_of(source, relationship, targets)


class _Difference:
    """What differs between the instances before and those that are placed now."""

    def __init__(self, placing: Placing, existing: list[Instance]) -> None:
        self.before = {each["id"]: each for each in existing}
        making = _MakingAgain(placing, existing)
        self.now: dict[str, Instance] = {}
        for name in placing.nodes:
            last = max((each.get("index") or 0 for each in existing if each["node_id"] == name), default=0)
            for placed in placing.placed[name]:
                if placed.id in self.before:
                    self.now[placed.id] = self.before[placed.id] | {"relationships": making.relationships(placed)}
                else:
                    last += 1
                    self.now[placed.id] = making.instance(placed, last)

    def changes(self) -> Changes:
        added, added_related = _outside(self.now, self.before)
        removed, removed_related = _outside(self.before, self.now)
        extended, extended_related = _gained(self.now, self.before)
        reduced, reduced_related = _gained(self.before, self.now)
        found = added, added_related, removed, removed_related, extended, extended_related, reduced, reduced_related
        return Changes(*cast("tuple[list[InstancePlan], ...]", found))


def _outside(all_of: Mapping[str, Instance], others: Mapping[str, Instance]) -> tuple[list[Instance], list[Instance]]:
    """Those that are in one set alone; and those in both that are related to them, either way."""
    alone = [each for name, each in all_of.items() if name not in others]
    names = {each["id"] for each in alone}
    targets = {relationship["target_id"] for each in alone for relationship in each["relationships"]}
    related = []
    for name, each in all_of.items():
        links = [relationship for relationship in each["relationships"] if relationship["target_id"] in names]
        if name not in names and (links or name in targets):
            related.append({**each, "relationships": links})
    return alone, related


def _gained(all_of: Mapping[str, Instance], others: Mapping[str, Instance]) -> tuple[list[Instance], list[Instance]]:
    """Those in both sets with the relationships that they have in one alone; and the targets of these in both."""
    gained = []
    for name, each in all_of.items():
        if name in others:
            links = [link for link in each["relationships"] if link not in others[name]["relationships"]]
            gained += [{**each, "relationships": links}] if links else []
    names = {each["id"] for each in gained}
    targets = {link["target_id"] for each in gained for link in each["relationships"]} - names
    return gained, [{**all_of[name], "relationships": []} for name in all_of if name in targets and name in others]

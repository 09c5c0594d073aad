"""Changes of how many instances there are, as the process of a workflow makes them."""

import threading
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from cfy_cli import dsl
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.workflows.context import WorkflowContext
from cfy_cli.manager.engine.workflows.scale import existing, with_all_relationships

Json = Any


class Modifications:
    """Of one execution. A resumed workflow that starts the same one again goes on with it."""

    def __init__(self, context: WorkflowContext) -> None:
        self._context, self._records = context, context.records
        self._started = 0
        self._lock = threading.Lock()

    def start(self, wanted: Mapping[str, Mapping[str, Json]]) -> dict[str, Json]:
        """Add the instances that are to come; those that are to go stay until it is finished."""
        if self._context.job.dry_run:
            raise Invalid("A dry run cannot change how many instances there are.")
        with self._lock:
            self._started += 1
            name = f"modification-{self._started}"
        decided = self._context.once(name, partial(self._decide, wanted))
        if not self._is_over(name):
            self._records.add_instances(decided["added"], decided["related"])
            for entity, number in decided["planned"].items():
                self._records.set_planned_instances(entity, number)
        return self._told(name)

    def started(self) -> list[dict[str, Json]]:
        """Those that are neither finished nor undone."""
        return [self._told(name) for name in self._names() if not self._is_over(name)]

    def counts(self) -> dict[str, int]:
        """How many instances each node and scaling group has now, what this execution has finished included."""
        plan = self._context.job.plan
        nodes = {node["id"]: node["capabilities"]["scalable"] for node in plan["nodes"] if "capabilities" in node}
        scalable = {**nodes, **(plan.get("scaling_groups") or {})}
        counts = {name: int(one["properties"]["current_instances"]) for name, one in scalable.items()}
        for name in self._names():
            if self._records.load_decision(f"{name} is over") == "finished":
                counts |= self._decided(name)["planned"]
        return counts

    def _names(self) -> list[str]:
        found: list[str] = []
        while self._records.load_decision(f"modification-{len(found) + 1}") is not None:
            found.append(f"modification-{len(found) + 1}")
        return found

    def finish(self, name: str) -> None:
        decided = self._decided(name)
        self._records.remove_instances([one["id"] for one in decided["removed"]])
        for entity, number in decided["planned"].items():
            self._records.set_planned_instances(entity, number, reached=True)
        self._records.save_decision(f"{name} is over", "finished")

    def undo(self, name: str) -> None:
        decided = self._decided(name)
        self._records.remove_instances([one["id"] for one in decided["added"]])
        for entity, number in decided["before"].items():
            self._records.set_planned_instances(entity, number)
        self._records.save_decision(f"{name} is over", "undone")

    def _decide(self, wanted: Mapping[str, Mapping[str, Json]]) -> dict[str, Json]:
        counts = self.counts()
        unknown = sorted(set(wanted) - set(counts))
        if unknown:
            raise Invalid(
                f"No scalable entity named {', '.join(unknown)} was found",
                hint=f"There is {', '.join(sorted(counts))}.",
            )
        planned = {entity: int(about["instances"]) for entity, about in wanted.items() if "instances" in about}
        topology = self._context.look()
        changes = dsl.modify_instances(
            self._context.job.plan,
            existing(topology),
            planned,
            include=_hints(wanted, "removed_ids_include_hint"),
            exclude=_hints(wanted, "removed_ids_exclude_hint"),
        )
        return {
            "before": {entity: counts[entity] for entity in planned},
            "planned": planned,
            "added": changes.added,
            "related": with_all_relationships(topology, changes),
            "removed": [{"id": one["id"]} for one in changes.removed],
            "beside_added": [one["id"] for one in changes.added_related],
            "beside_removed": [one["id"] for one in changes.removed_related],
        }

    def _told(self, name: str) -> dict[str, Json]:
        decided = self._decided(name)
        return {
            "id": name,
            "added": [
                *({"id": one["id"], "modification": "added"} for one in decided["added"]),
                *({"id": one, "modification": None} for one in decided["beside_added"]),
            ],
            "removed": [
                *({"id": one["id"], "modification": "removed"} for one in decided["removed"]),
                *({"id": one, "modification": None} for one in decided["beside_removed"]),
            ],
        }

    def _decided(self, name: str) -> dict[str, Json]:
        decided = cast("dict[str, Json] | None", self._records.load_decision(name))
        if decided is None:
            raise Invalid(f"This workflow has started no modification {name} of its deployment.")
        return decided

    def _is_over(self, name: str) -> bool:
        return bool(self._records.load_decision(f"{name} is over"))


def _hints(wanted: Mapping[str, Mapping[str, Json]], name: str) -> list[str]:
    return [one for about in wanted.values() for one in about.get(name) or ()]

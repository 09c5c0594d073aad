"""Deployment modifications: changes of the number of instances by a workflow process."""

import threading
from collections.abc import Mapping
from functools import partial
from typing import TypedDict, cast

from cfy_cli import dsl
from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import InstancePlan, InstanceRelationship
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.ports import ModificationChange, ModificationHost
from cfy_cli.manager.engine.workflows.context import WorkflowContext
from cfy_cli.manager.engine.workflows.request_history import DecidedRequest
from cfy_cli.manager.engine.workflows.scale import existing, with_all_relationships

MODIFICATION = "modification-"  # and its number: the name of the decision


class EntityChange(TypedDict, total=False):
    """The requested number of instances of a node or scaling group, and hints which to remove."""

    instances: int
    removed_ids_include_hint: list[str]
    removed_ids_exclude_hint: list[str]


class InstanceId(TypedDict):
    id: str


class Decision(TypedDict):
    """List the changes of a modification; stored as JSON with the execution."""

    requested: Mapping[str, EntityChange]
    position: float | None  # of the request among those of the workflow that have an order
    before: dict[str, int]
    planned: dict[str, int]
    added: list[InstancePlan]
    related: dict[str, list[InstanceRelationship]]
    removed: list[InstanceId]
    beside_added: list[str]
    beside_removed: list[str]


class ModifiedInstance(TypedDict):
    id: str
    modification: str | None


class Modification(TypedDict):
    """A modification as the workflow process sees it."""

    id: str
    added: list[ModifiedInstance]
    removed: list[ModifiedInstance]


class Modifications:
    """The modifications of one execution."""

    def __init__(self, context: WorkflowContext) -> None:
        self._context, self._records = context, context.records
        self._lock = threading.Lock()

    def requests(self) -> list[DecidedRequest]:
        """Return the requests of earlier runs to start a modification."""
        decisions = {name: self._decision(name) for name in self._names()}
        return [
            DecidedRequest(name, cast(Json, decision.get("requested")), decision.get("position"))
            for name, decision in decisions.items()
        ]

    def start(self, nodes: Mapping[str, EntityChange], continued: str | None, position: float | None) -> Modification:
        """Add the new instances, or those of a modification to continue; those to remove stay until `finish`."""
        if self._context.job.dry_run:
            raise Invalid("A dry run cannot change the number of instances.")
        with self._lock:
            name = continued or f"{MODIFICATION}{len(self._names()) + 1}"
            decision = self._context.decide_once(name, partial(self._decide, nodes, position))
        if not self._is_closed(name):
            if isinstance(self._records, ModificationHost):
                self._records.record_modification(
                    name,
                    ModificationChange(
                        decision["planned"],
                        decision["added"],
                        [instance["id"] for instance in decision["removed"]],
                        decision["related"],
                        decision["beside_removed"],
                    ),
                )
            self._records.add_instances(decision["added"], decision["related"])
            for entity, number in decision["planned"].items():
                self._records.set_planned_instances(entity, number)
        return self._describe(name)

    def started(self) -> list[Modification]:
        """Return the modifications that are neither finished nor rolled back."""
        return [self._describe(name) for name in self._names() if not self._is_closed(name)]

    def counts(self) -> dict[str, int]:
        """Return the current number of instances of each node and scaling group, including finished modifications."""
        plan = self._context.job.plan
        counts = {
            node["id"]: int(node["capabilities"]["scalable"]["properties"]["current_instances"])
            for node in plan["nodes"]
            if "capabilities" in node
        }
        for name, group in (plan.get("scaling_groups") or {}).items():
            counts[name] = int(group["properties"]["current_instances"])
        for name in self._names():
            if self._records.load_decision(f"{name} is over") == "finished":
                counts |= self._decision(name)["planned"]
        return counts

    def _names(self) -> list[str]:
        names: list[str] = []
        while self._records.load_decision(name := f"{MODIFICATION}{len(names) + 1}") is not None:
            names.append(name)
        return names

    def finish(self, name: str) -> None:
        decision = self._decision(name)
        self._records.remove_instances([instance["id"] for instance in decision["removed"]])
        for entity, number in decision["planned"].items():
            self._records.set_planned_instances(entity, number, reached=True)
        if isinstance(self._records, ModificationHost):
            self._records.record_modification_end(name, finished=True)
        self._records.save_decision(f"{name} is over", "finished")

    def rollback(self, name: str) -> None:
        decision = self._decision(name)
        self._records.remove_instances([instance["id"] for instance in decision["added"]])
        for entity, number in decision["before"].items():
            self._records.set_planned_instances(entity, number)
        if isinstance(self._records, ModificationHost):
            self._records.record_modification_end(name, finished=False)
        self._records.save_decision(f"{name} is over", "undone")

    def _decide(self, requested: Mapping[str, EntityChange], position: float | None) -> Decision:
        counts = self.counts()
        unknown = sorted(set(requested) - set(counts))
        if unknown:
            raise Invalid(
                f"No scalable entity named {', '.join(unknown)} was found",
                hint=f"The scalable entities are {', '.join(sorted(counts))}.",
            )
        planned = {entity: int(change["instances"]) for entity, change in requested.items() if "instances" in change}
        topology = self._context.topology()
        changes = dsl.modify_instances(
            self._context.job.plan,
            existing(topology),
            planned,
            include=[hint for change in requested.values() for hint in change.get("removed_ids_include_hint") or ()],
            exclude=[hint for change in requested.values() for hint in change.get("removed_ids_exclude_hint") or ()],
        )
        return {
            "requested": requested,
            "position": position,
            "before": {entity: counts[entity] for entity in planned},
            "planned": planned,
            "added": changes.added,
            "related": with_all_relationships(topology, changes),
            "removed": [{"id": instance["id"]} for instance in changes.removed],
            "beside_added": [instance["id"] for instance in changes.added_related],
            "beside_removed": [instance["id"] for instance in changes.removed_related],
        }

    def _describe(self, name: str) -> Modification:
        decision = self._decision(name)
        return {
            "id": name,
            "added": _modified([instance["id"] for instance in decision["added"]], decision["beside_added"], "added"),
            "removed": _modified(
                [instance["id"] for instance in decision["removed"]], decision["beside_removed"], "removed"
            ),
        }

    def _decision(self, name: str) -> Decision:
        decision = cast("Decision | None", self._records.load_decision(name))
        if decision is None:
            raise Invalid(f"This workflow has not started a modification {name}.")
        return decision

    def _is_closed(self, name: str) -> bool:
        return bool(self._records.load_decision(f"{name} is over"))


def _modified(ids: list[str], related_ids: list[str], modification: str) -> list[ModifiedInstance]:
    """Return the instances that are added or removed, and those whose relationships change with them."""
    return [
        *(ModifiedInstance(id=instance_id, modification=modification) for instance_id in ids),
        *(ModifiedInstance(id=instance_id, modification=None) for instance_id in related_ids),
    ]

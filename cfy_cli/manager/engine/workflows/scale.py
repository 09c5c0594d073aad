"""The workflow `scale`: add or remove instances of a node or scaling group, with all that they contain."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import cast

from cfy_cli import dsl
from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import InstancePlan, InstanceRelationship
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.ports import Instance, ModificationChange, ModificationHost, StartMode
from cfy_cli.manager.engine.selection import join_names
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows.context import GraphFailed, Graphs, WorkflowContext
from cfy_cli.manager.engine.workflows.rollback import PARTIALLY_CREATED, PARTIALLY_STARTED, build_rollback
from cfy_cli.manager.engine.workflows.scalable import ScalableEntity, find_entity, included_and_excluded
from cfy_cli.manager.engine.workflows.setup import build_install, build_uninstall

MODIFICATION = "scaling"  # the name of the modification of an execution


@dataclass(frozen=True, slots=True)
class Scaling:
    """The decision of one scaling; stored as JSON, so that a resumed execution scales in the same way."""

    entity: str
    before: int
    after: int
    added: list[InstancePlan]
    related: dict[str, list[InstanceRelationship]]  # all relationships of existing instances that get new ones
    removed: list[str]


def scale(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    delta = _integer(parameters.get("delta", 1))
    if delta == 0:
        ctx.log("delta parameter is 0, so no scaling will take place.")
        return
    name = parameters.get("scalable_entity_name") or parameters.get("node_id")  # its older name
    entity = find_entity(ctx, name, scale_compute=bool(parameters.get("scale_compute")))
    if parameters.get("abort_started"):
        yield from _abort(ctx, entity, parameters)
    plan = Scaling(**ctx.decide_once("scaling", lambda: asdict(_decide(ctx, entity, delta, parameters))))
    if ctx.records.load_decision("undone"):
        if ctx.job.start_mode is StartMode.RECOVERED:
            yield Graph(f"{plan.entity}_install", {})  # the stored graph fails again
        raise Invalid("This scaling failed and was undone: start a new execution instead of resuming this one.")
    if ctx.job.dry_run:
        ctx.log(f"{_summary(plan)} (dry run)")
        if plan.after < plan.before:
            yield build_uninstall(ctx.topology(), plan.removed, f"{name}_uninstall")
        return
    ctx.log(_summary(plan))
    if isinstance(ctx.records, ModificationHost):
        change = ModificationChange({plan.entity: plan.after}, plan.added, plan.removed, plan.related)
        ctx.records.record_modification(MODIFICATION, change)
    ctx.records.set_planned_instances(plan.entity, plan.after)
    if plan.after < plan.before:
        yield from _scale_in(ctx, plan, parameters)
    else:
        yield from _scale_out(ctx, plan, parameters)


def _scale_out(ctx: WorkflowContext, plan: Scaling, parameters: Mapping[str, Json]) -> Graphs:
    ctx.records.add_instances(plan.added, plan.related)
    added = {instance["id"] for instance in plan.added}
    try:
        yield build_install(ctx.topology(), added, f"{plan.entity}_install")
    except GraphFailed:
        if not parameters.get("rollback_if_failed", True):
            ctx.log("Scale out failed.", "error")
            raise
        ctx.log("Scale out failed, scaling back in.", "error")
        yield from _undo(ctx, plan, added, bool(parameters.get("ignore_failure")))
        raise
    _finish(ctx, plan.entity, plan.after, finished=True)


def _undo(ctx: WorkflowContext, plan: Scaling, added: set[str], ignore_failure: bool) -> Graphs:
    """Remove all added instances, whatever their state."""
    topology = ctx.topology()
    partial = [
        instance_id
        for instance_id in added
        if topology.instances[instance_id].state in PARTIALLY_CREATED | PARTIALLY_STARTED
    ]
    yield build_rollback(topology, partial, f"{plan.entity}_rollback", ignore_failure=ignore_failure)
    yield build_uninstall(ctx.topology(), added, f"{plan.entity}_uninstall", ignore_failure=ignore_failure)
    ctx.records.remove_instances(added)
    _finish(ctx, plan.entity, plan.before, finished=False)
    ctx.records.save_decision("undone", True)


def _scale_in(ctx: WorkflowContext, plan: Scaling, parameters: Mapping[str, Json]) -> Graphs:
    ignore_failure = bool(parameters.get("ignore_failure"))
    existing_ids = [instance_id for instance_id in plan.removed if instance_id in ctx.topology().instances]
    try:
        yield build_uninstall(ctx.topology(), existing_ids, f"{plan.entity}_uninstall", ignore_failure=ignore_failure)
    except GraphFailed:
        if parameters.get("rollback_if_failed", True):
            ctx.log("Scale in failed; the node instances are kept. Run install to restore removed ones.", "warning")
            ctx.records.set_planned_instances(plan.entity, plan.before)
            _record_end(ctx, finished=False)
        raise
    ctx.records.remove_instances(plan.removed)
    _finish(ctx, plan.entity, plan.after, finished=True)


def _finish(ctx: WorkflowContext, entity: str, number: int, *, finished: bool) -> None:
    """Store the number that is reached, and the end of the modification."""
    ctx.records.set_planned_instances(entity, number, reached=True)
    _record_end(ctx, finished=finished)


def _record_end(ctx: WorkflowContext, *, finished: bool) -> None:
    if isinstance(ctx.records, ModificationHost):
        ctx.records.record_modification_end(MODIFICATION, finished=finished)


def _abort(ctx: WorkflowContext, entity: ScalableEntity, parameters: Mapping[str, Json]) -> Graphs:
    """Remove the instances that an interrupted scaling has added: the newest ones above the current number."""
    leftover = ctx.decide_once("left over", lambda: _leftover(ctx.topology(), ctx, entity))
    if leftover:
        ctx.log(f"Removing instances of an earlier scaling of {entity.name}: {join_names(leftover)}")
        ignore_failure = bool(parameters.get("ignore_failure"))
        existing_ids = [instance_id for instance_id in leftover if instance_id in ctx.topology().instances]
        yield build_uninstall(ctx.topology(), existing_ids, f"{entity.name}_abort", ignore_failure=ignore_failure)
    if not ctx.job.dry_run:
        ctx.records.remove_instances(leftover)
        if ctx.records.load_decision("scaling") is None:
            ctx.records.set_planned_instances(entity.name, entity.current)
            if isinstance(ctx.records, ModificationHost):
                ctx.records.record_modifications_undone()


def _leftover(topology: Topology, ctx: WorkflowContext, entity: ScalableEntity) -> list[str]:
    if entity.planned <= entity.current:
        return []
    changes = dsl.modify_instances(ctx.job.plan, existing(topology), {entity.name: entity.current})
    return [instance["id"] for instance in changes.removed]


def _decide(ctx: WorkflowContext, entity: ScalableEntity, delta: int, parameters: Mapping[str, Json]) -> Scaling:
    topology, after = ctx.topology(), entity.current + delta
    include, exclude = included_and_excluded(topology, entity, delta, parameters)
    _check_number(entity, delta, after)
    if entity.planned != entity.current and not parameters.get("abort_started"):
        raise Invalid(
            f"An earlier scaling of {entity.name} from {entity.current} to {entity.planned} has not finished. "
            "Resume its execution, or pass abort_started=true to remove the instances it has added."
        )
    changes = dsl.modify_instances(
        ctx.job.plan, existing(topology), {entity.name: after}, include=include, exclude=exclude
    )
    related = with_all_relationships(topology, changes)
    removed = [instance["id"] for instance in changes.removed]
    return Scaling(entity.name, entity.current, after, changes.added, related, removed)


def with_all_relationships(topology: Topology, changes: dsl.InstanceChanges) -> dict[str, list[InstanceRelationship]]:
    """Return all relationships of the instances that get new ones, by the ids of the instances."""
    return {
        instance["id"]: _with(topology, topology.instances[instance["id"]], instance["relationships"])
        for instance in changes.added_related
        if instance["relationships"]
    }


def _check_number(entity: ScalableEntity, delta: int, after: int) -> None:
    if after < 0:
        raise Invalid(
            f"Provided delta: {delta} is illegal. current number of instances of entity {entity.name} "
            f"is {entity.current}"
        )
    if delta > 0 and 0 <= entity.max_instances < after:
        raise Invalid(
            f"{entity.name} cannot have {after} instances: its max_instances is {entity.max_instances}, and there are "
            f"{entity.current} now."
        )
    if delta < 0 and after < entity.min_instances:
        raise Invalid(
            f"{entity.name} cannot have {after} instances: its min_instances is {entity.min_instances}, and there are "
            f"{entity.current} now."
        )


def _with(topology: Topology, instance: Instance, more: list[InstanceRelationship]) -> list[InstanceRelationship]:
    """Return the relationships of an instance and the new ones, in the order of the plan."""
    order = [
        (relationship["type"], relationship["target_id"]) for relationship in topology.node(instance)["relationships"]
    ]
    return sorted(
        [*instance.relationships, *more],
        key=lambda relationship: order.index((relationship["type"], relationship["target_name"])),
    )


def existing(topology: Topology) -> list[InstancePlan]:
    """Return the instances in the form that `dsl.modify_instances` takes."""
    return [
        {
            "id": instance.id,
            "name": instance.node_id,
            "node_id": instance.node_id,
            "index": instance.index,
            "host_id": instance.host_id,
            "relationships": instance.relationships,
            "scaling_groups": instance.scaling_groups,
        }
        for instance in topology.instances.values()
    ]


def _integer(delta: Json) -> int:
    try:
        return int(cast("int", delta))
    except (TypeError, ValueError):
        raise Invalid(f"The delta parameter must be a number. Got: {delta}") from None


def _summary(plan: Scaling) -> str:
    verb, names = "adding", [instance["id"] for instance in plan.added]
    if plan.after < plan.before:
        verb, names = "removing", plan.removed
    return f"Scaling {plan.entity} from {plan.before} to {plan.after}: {verb} {join_names(names)}"

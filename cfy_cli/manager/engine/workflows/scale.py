"""scale: more or fewer instances of a node or scaling group, and of all that is in them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cfy_cli import dsl
from cfy_cli.contract.plan import InstancePlan, InstanceRelationship
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.ports import Instance, StartMode
from cfy_cli.manager.engine.selection import join_names
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows.context import GraphFailed, Graphs, WorkflowContext
from cfy_cli.manager.engine.workflows.rollback import HALF_MADE, HALF_STARTED, draw_rollback
from cfy_cli.manager.engine.workflows.scaled import Entity, choices, find_entity
from cfy_cli.manager.engine.workflows.setup import draw_install, draw_uninstall

Json = Any


@dataclass(frozen=True, slots=True)
class Plan:
    """What one scaling is about, decided once; JSON."""

    entity: str
    before: int
    after: int
    added: list[InstancePlan]
    related: dict[str, list[InstanceRelationship]]  # all relationships of those that gain some
    removed: list[str]


def scale(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    delta = _whole(parameters.get("delta", 1))
    if delta == 0:
        ctx.say("delta parameter is 0, so no scaling will take place.")
        return
    name = parameters.get("scalable_entity_name") or parameters.get("node_id")  # as it was called once
    entity = find_entity(ctx, name, scale_compute=bool(parameters.get("scale_compute")))
    if parameters.get("abort_started"):
        yield from _abort(ctx, entity, parameters)
    plan = Plan(**ctx.once("scaling", lambda: asdict(_decide(ctx, entity, delta, parameters))))
    if ctx.records.load_decision("undone"):
        if ctx.job.start_mode is StartMode.RECOVERED:
            yield Graph(f"{plan.entity}_install", {})  # what is kept of it fails as it did
        raise Invalid("This scaling has failed and was undone: start another one instead of resuming it.")
    if ctx.job.dry_run:
        ctx.say(f"{_told(plan)} (dry run)")
        if plan.after < plan.before:
            yield draw_uninstall(ctx.look(), plan.removed, f"{name}_uninstall")
        return
    ctx.say(_told(plan))
    ctx.records.set_planned_instances(plan.entity, plan.after)
    if plan.after < plan.before:
        yield from _scale_in(ctx, plan, parameters)
    else:
        yield from _scale_out(ctx, plan, parameters)


def _scale_out(ctx: WorkflowContext, plan: Plan, parameters: Mapping[str, Json]) -> Graphs:
    ctx.records.add_instances(plan.added, plan.related)
    added = {instance["id"] for instance in plan.added}
    try:
        yield draw_install(ctx.look(), added, f"{plan.entity}_install")
    except GraphFailed:
        if not parameters.get("rollback_if_failed", True):
            ctx.say("Scale out failed.", "error")
            raise
        ctx.say("Scale out failed, scaling back in.", "error")
        yield from _take_back(ctx, plan, added, bool(parameters.get("ignore_failure")))
        raise
    ctx.records.set_planned_instances(plan.entity, plan.after, reached=True)


def _take_back(ctx: WorkflowContext, plan: Plan, added: set[str], ignore_failure: bool) -> Graphs:
    """Nothing of what was added is left behind, whatever state it had come to."""
    topology = ctx.look()
    half = [one for one in added if topology.instances[one].state in HALF_MADE | HALF_STARTED]
    yield draw_rollback(topology, half, f"{plan.entity}_rollback", ignore_failure=ignore_failure)
    yield draw_uninstall(ctx.look(), added, f"{plan.entity}_uninstall", ignore_failure=ignore_failure)
    ctx.records.remove_instances(added)
    ctx.records.set_planned_instances(plan.entity, plan.before, reached=True)
    ctx.records.save_decision("undone", True)


def _scale_in(ctx: WorkflowContext, plan: Plan, parameters: Mapping[str, Json]) -> Graphs:
    ignore_failure = bool(parameters.get("ignore_failure"))
    there = [one for one in plan.removed if one in ctx.look().instances]
    try:
        yield draw_uninstall(ctx.look(), there, f"{plan.entity}_uninstall", ignore_failure=ignore_failure)
    except GraphFailed:
        if parameters.get("rollback_if_failed", True):
            ctx.say("Scale in failed, keeping the node instances; install brings back those that are gone.", "warning")
            ctx.records.set_planned_instances(plan.entity, plan.before)
        raise
    ctx.records.remove_instances(plan.removed)
    ctx.records.set_planned_instances(plan.entity, plan.after, reached=True)


def _abort(ctx: WorkflowContext, entity: Entity, parameters: Mapping[str, Json]) -> Graphs:
    """Drop what an earlier run has begun and not ended: instances above the number there is, the newest."""
    left = ctx.once("left over", lambda: _left_over(ctx.look(), ctx, entity))
    if left:
        ctx.say(f"Removing what an earlier scaling of {entity.name} has left: {join_names(left)}")
        ignore_failure = bool(parameters.get("ignore_failure"))
        there = [one for one in left if one in ctx.look().instances]
        yield draw_uninstall(ctx.look(), there, f"{entity.name}_abort", ignore_failure=ignore_failure)
    if not ctx.job.dry_run:
        ctx.records.remove_instances(left)
        if ctx.records.load_decision("scaling") is None:
            ctx.records.set_planned_instances(entity.name, entity.current)


def _left_over(topology: Topology, ctx: WorkflowContext, entity: Entity) -> list[str]:
    if entity.planned <= entity.current:
        return []
    changes = dsl.modify_instances(ctx.job.plan, existing(topology), {entity.name: entity.current})
    return [instance["id"] for instance in changes.removed]


def _decide(ctx: WorkflowContext, entity: Entity, delta: int, parameters: Mapping[str, Json]) -> Plan:
    topology, after = ctx.look(), entity.current + delta
    include, exclude = choices(topology, entity, delta, parameters)
    _check_number(entity, delta, after)
    if entity.planned != entity.current and not parameters.get("abort_started"):
        raise Invalid(
            f"An earlier scaling of {entity.name} from {entity.current} to {entity.planned} has begun and not ended. "
            "Resume its execution, or pass abort_started=true to drop what it has left."
        )
    changes = dsl.modify_instances(
        ctx.job.plan, existing(topology), {entity.name: after}, include=include, exclude=exclude
    )
    related = with_all_relationships(topology, changes)
    removed = [instance["id"] for instance in changes.removed]
    return Plan(entity.name, entity.current, after, changes.added, related, removed)


def with_all_relationships(topology: Topology, changes: dsl.Changes) -> dict[str, list[InstanceRelationship]]:
    """All relationships of the instances that gain some, by their ids."""
    return {
        one["id"]: _with(topology, topology.instances[one["id"]], one["relationships"])
        for one in changes.added_related
        if one["relationships"]
    }


def _check_number(entity: Entity, delta: int, after: int) -> None:
    if after < 0:
        raise Invalid(
            f"Provided delta: {delta} is illegal. current number of instances of entity {entity.name} "
            f"is {entity.current}"
        )
    if delta > 0 and 0 <= entity.most < after:
        raise Invalid(
            f"{entity.name} cannot have {after} instances: its max_instances is {entity.most}, and there are "
            f"{entity.current} now."
        )
    if delta < 0 and after < entity.least:
        raise Invalid(
            f"{entity.name} cannot have {after} instances: its min_instances is {entity.least}, and there are "
            f"{entity.current} now."
        )


def _with(topology: Topology, instance: Instance, more: list[InstanceRelationship]) -> list[InstanceRelationship]:
    """Its relationships and the new ones, in the plan's order."""
    order = [(one["type"], one["target_id"]) for one in topology.node(instance)["relationships"]]
    return sorted([*instance.relationships, *more], key=lambda one: order.index((one["type"], one["target_name"])))


def existing(topology: Topology) -> list[InstancePlan]:
    """The instances as the language makes them."""
    return [
        {
            "id": one.id,
            "name": one.node_id,
            "node_id": one.node_id,
            "index": one.index,
            "host_id": one.host_id,
            "relationships": one.relationships,
            "scaling_groups": one.scaling_groups,
        }
        for one in topology.instances.values()
    ]


def _whole(delta: Json) -> int:
    try:
        return int(delta)
    except (TypeError, ValueError):
        raise Invalid(f"The delta parameter must be a number. Got: {delta}") from None


def _told(plan: Plan) -> str:
    verb, names = "adding", [instance["id"] for instance in plan.added]
    if plan.after < plan.before:
        verb, names = "removing", plan.removed
    return f"Scaling {plan.entity} from {plan.before} to {plan.after}: {verb} {join_names(names)}"

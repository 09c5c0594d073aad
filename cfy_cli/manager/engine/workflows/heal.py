"""The workflow `heal`: run the heal operation of unhealthy instances, or reinstall them with all they contain."""

from collections.abc import Collection, Generator, Mapping
from functools import partial
from typing import cast

from cfy_cli.contract.json import Json
from cfy_cli.contract.states import InstanceState
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine import health
from cfy_cli.manager.engine.graph import Graph, GraphBuilder, SequenceBuilder
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.selection import join_names
from cfy_cli.manager.engine.tasks import NodeEvent, SetState
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows.checks import build_status_check
from cfy_cli.manager.engine.workflows.context import GraphFailed, Graphs, WorkflowContext
from cfy_cli.manager.engine.workflows.order import targets_first
from cfy_cli.manager.engine.workflows.phases import LIFECYCLE
from cfy_cli.manager.engine.workflows.setup import reinstall_all

HEAL = f"{LIFECYCLE}.heal"


def heal(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    target = cast("str | None", parameters.get("node_instance_id"))
    topology = ctx.topology()
    what = f"on {target}" if target else f"for '{ctx.job.deployment_id}' deployment"
    ctx.log(f"Starting 'heal' workflow {what}, Diagnosis: {parameters.get('diagnose_value', 'Not provided')}")
    affected = _affected(topology, target)
    ignore_failure = bool(parameters.get("ignore_failure", True))
    if parameters.get("force_reinstall"):
        yield from reinstall_all(ctx, affected, ignore_failure=ignore_failure)
        return
    if parameters.get("check_status", True):
        yield build_status_check(topology, affected, ignore_failure=True)
    to_heal, to_reinstall = ctx.decide_once(
        "heal", lambda: _classify(ctx.topology(), affected, is_suspect=bool(target))
    )
    if not to_heal and not to_reinstall:
        ctx.log("Nothing to heal: no instance is known to be unhealthy; force_reinstall=true reinstalls them anyway.")
    is_allowed = bool(parameters.get("allow_reinstall", True))
    _check_allowed(to_reinstall, is_allowed)
    failed = yield from heal_all(ctx, to_heal)
    topology = ctx.topology()
    subtrees = {instance_id for root in [*to_reinstall, *failed] for instance_id in topology.subtree(root)}
    _check_allowed(subtrees, is_allowed)
    if subtrees:
        yield from reinstall_all(ctx, subtrees, ignore_failure=ignore_failure)


def build_heal(topology: Topology, selected: Collection[str], name: str = "heal") -> Graph:
    builder = GraphBuilder(name)
    steps = {}
    for instance in topology.instances.values():
        if instance.id in selected:
            steps[instance.id] = builder.add_subgraph(f"heal_{instance.id}")
            add_heal(steps[instance.id], topology, instance)
        else:
            steps[instance.id] = builder.add_barrier(instance.id)
    targets_first(builder, topology, steps)
    return builder.build()


def add_heal(steps: SequenceBuilder, topology: Topology, instance: Instance) -> None:
    steps.add(NodeEvent(instance.id, "Healing node instance"))
    for verb in ("preheal", "heal", "postheal"):
        operation = topology.operation(instance, f"{LIFECYCLE}.{verb}")
        steps.add(*([operation] if operation is not None else []))
    healed = SetState(instance.id, InstanceState(instance.state), reason="healed")
    steps.add_parallel(NodeEvent(instance.id, "Node instance healed"), healed)


def heal_all(ctx: WorkflowContext, to_heal: list[str]) -> Generator[Graph, None, list[str]]:
    """Run the heal operations, again for instances that waited for failed ones. Return the failed instances."""
    failed: list[str] = []
    remaining, number = list(to_heal), 1
    while remaining:
        name = "heal" if number == 1 else f"heal-{number}"
        newly_failed: list[str] = []
        try:
            yield build_heal(ctx.topology(), remaining, name)
        except GraphFailed as error:
            newly_failed = sorted({operation.instance_id for operation, _ in error.failures})
            ctx.log(f"Error running heal: {error}", "error")
        newly_failed = ctx.decide_once(f"{name} failed", partial(list, newly_failed))
        failed += newly_failed
        now = ctx.topology().instances
        remaining = [
            instance_id
            for instance_id in remaining
            if instance_id not in newly_failed and not health.was_healed(now[instance_id])
        ]
        if not newly_failed:
            break
        number += 1
    return failed


def _affected(topology: Topology, target: str | None) -> set[str]:
    """Return the instance, its host and all that they contain; all instances when none is named."""
    if not target:
        return set(topology.instances)
    if target not in topology.instances:
        raise Invalid(
            f"There is no node instance {target} in this deployment.",
            hint=f"Its node instances are {join_names(topology.instances)}.",
        )
    host = topology.instances[target].host_id
    return topology.subtree(host if host in topology.instances else target)


def _classify(topology: Topology, affected: Collection[str], *, is_suspect: bool) -> tuple[list[str], list[str]]:
    """Return the unhealthy instances to heal, and those to reinstall.

    An instance that was never checked counts as healthy, unless `is_suspect`: then it counts as unhealthy.
    """
    unhealthy = [
        instance
        for instance in topology.instances.values()
        if instance.id in affected and not _passes(instance, is_suspect)
    ]
    non_recoverable = [instance for instance in unhealthy if topology.operation(instance, HEAL) is None]
    to_reinstall = {inner for instance in non_recoverable for inner in topology.subtree(instance.id)}
    return [instance.id for instance in unhealthy if instance.id not in to_reinstall], sorted(to_reinstall)


def _passes(instance: Instance, is_suspect: bool) -> bool:
    known = health.is_healthy(instance)
    return not is_suspect if known is None else known


def _check_allowed(to_reinstall: Collection[str], allowed: bool) -> None:
    if to_reinstall and not allowed:
        raise Invalid(
            f"allow_reinstall is false, but would need to reinstall instances: {join_names(to_reinstall, limit=5)}"
        )

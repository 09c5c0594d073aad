"""heal: what is not well is healed by its own operation, or else installed anew with all that is in it."""

from collections.abc import Collection, Generator, Mapping
from functools import partial
from typing import Any

from cfy_cli.contract.states import InstanceState
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine import health
from cfy_cli.manager.engine.graph import Graph, GraphBuilder, SequenceBuilder
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.selection import join_names
from cfy_cli.manager.engine.tasks import NodeEvent, SetState
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows.checks import draw_status
from cfy_cli.manager.engine.workflows.context import GraphFailed, Graphs, WorkflowContext
from cfy_cli.manager.engine.workflows.order import targets_first
from cfy_cli.manager.engine.workflows.phases import LIFECYCLE
from cfy_cli.manager.engine.workflows.setup import reinstall_all

Json = Any

HEAL = f"{LIFECYCLE}.heal"


def heal(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    target = parameters.get("node_instance_id")
    topology = ctx.look()
    what = f"on {target}" if target else f"for '{ctx.job.deployment_id}' deployment"
    ctx.say(f"Starting 'heal' workflow {what}, Diagnosis: {parameters.get('diagnose_value', 'Not provided')}")
    around = _around(topology, target)
    ignore_failure = bool(parameters.get("ignore_failure", True))
    if parameters.get("force_reinstall"):
        yield from reinstall_all(ctx, around, ignore_failure=ignore_failure)
        return
    if parameters.get("check_status", True):
        yield draw_status(topology, around, ignore_failure=True)
    to_heal, to_reinstall = ctx.once("heal", lambda: _sort_out(ctx.look(), around, proven=bool(target)))
    if not to_heal and not to_reinstall:
        ctx.say(
            "Nothing to heal: all are well as far as is known; force_reinstall=true installs them anew all the same."
        )
    allowed = bool(parameters.get("allow_reinstall", True))
    _check_allowed(to_reinstall, allowed)
    failed = yield from _heal_all(ctx, to_heal)
    topology = ctx.look()
    to_reinstall = {inside for one in [*to_reinstall, *failed] for inside in topology.subtree(one)}
    _check_allowed(to_reinstall, allowed)
    if to_reinstall:
        yield from reinstall_all(ctx, to_reinstall, ignore_failure=ignore_failure)


def draw_heal(topology: Topology, chosen: Collection[str], name: str = "heal") -> Graph:
    builder = GraphBuilder(name)
    steps = {}
    for instance in topology.instances.values():
        if instance.id in chosen:
            steps[instance.id] = builder.add_subgraph(f"heal_{instance.id}")
            heal_one(steps[instance.id], topology, instance)
        else:
            steps[instance.id] = builder.add_barrier(instance.id)
    targets_first(builder, topology, steps)
    return builder.build()


def heal_one(steps: SequenceBuilder, topology: Topology, instance: Instance) -> None:
    steps.add(NodeEvent(instance.id, "Healing node instance"))
    for verb in ("preheal", "heal", "postheal"):
        operation = topology.operation(instance, f"{LIFECYCLE}.{verb}")
        steps.add(*([operation] if operation is not None else []))
    healed = SetState(instance.id, InstanceState(instance.state), reason="healed")
    steps.add_parallel(NodeEvent(instance.id, "Node instance healed"), healed)


def _heal_all(ctx: WorkflowContext, to_heal: list[str]) -> Generator[Graph, None, list[str]]:
    """Heal those that can be; what waited for one that could not is tried again without it. Returns who failed."""
    failed: list[str] = []
    left, number = list(to_heal), 1
    while left:
        name = "heal" if number == 1 else f"heal-{number}"
        newly_failed: list[str] = []
        try:
            yield draw_heal(ctx.look(), left, name)
        except GraphFailed as error:
            newly_failed = sorted({operation.instance_id for operation, _ in error.failures})
            ctx.say(f"Error running heal: {error}", "error")
        newly_failed = ctx.once(f"{name} failed", partial(list, newly_failed))
        failed += newly_failed
        now = ctx.look().instances
        left = [one for one in left if one not in newly_failed and not health.was_healed(now[one])]
        if not newly_failed:
            break
        number += 1
    return failed


def _around(topology: Topology, target: str | None) -> set[str]:
    """The instance, its host and all that is in them; everything when no instance is named."""
    if not target:
        return set(topology.instances)
    if target not in topology.instances:
        raise Invalid(
            f"There is no node instance {target} in this deployment; there is {join_names(topology.instances)}."
        )
    host = topology.instances[target].host_id
    return topology.subtree(host if host in topology.instances else target)


def _sort_out(topology: Topology, around: Collection[str], *, proven: bool) -> tuple[list[str], list[str]]:
    """Those to heal and those to install anew, of the instances that are not well.

    Where nothing is known, an instance is well unless `proven`: then it is in need of help.
    """
    sick = [
        instance for instance in topology.instances.values() if instance.id in around and not _passes(instance, proven)
    ]
    non_recoverable = [instance for instance in sick if topology.operation(instance, HEAL) is None]
    to_reinstall = {inside for instance in non_recoverable for inside in topology.subtree(instance.id)}
    return [instance.id for instance in sick if instance.id not in to_reinstall], sorted(to_reinstall)


def _passes(instance: Instance, proven: bool) -> bool:
    known = health.is_healthy(instance)
    return not proven if known is None else known


def _check_allowed(to_reinstall: Collection[str], allowed: bool) -> None:
    if to_reinstall and not allowed:
        raise Invalid(
            f"allow_reinstall is false, but would need to reinstall instances: {join_names(to_reinstall, limit=5)}"
        )

"""The workflow `update`: what changed is found out and stored, then node instances are removed, changed and added."""

from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import DeploymentPlan
from cfy_cli.contract.states import InstanceState as State
from cfy_cli.contract.states import UpdateState
from cfy_cli.errors import CfyError, Invalid
from cfy_cli.manager.engine import health
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.ports import ExecutionEvent, StaleVersion, UpdateHost, UpdatePlan
from cfy_cli.manager.engine.selection import join_names
from cfy_cli.manager.engine.tasks import Operation
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows.checks import build_drift_check, build_status_check
from cfy_cli.manager.engine.workflows.context import GraphFailed, Graphs, WorkflowContext
from cfy_cli.manager.engine.workflows.heal import HEAL, heal_all
from cfy_cli.manager.engine.workflows.setup import REMOVED, build_install, build_uninstall, install_all
from cfy_cli.manager.engine.workflows.update_graphs import (
    Relation,
    build_relationships,
    build_update,
    checks_drift,
    has_update_operations,
)

PREPARE = ("prepare_plan", "create_steps", "prepare_update_nodes", "prepare_plugin_changes")
STORE = (
    "set_deployment_attributes",
    "update_inter_deployment_dependencies",
    "update_deployment_nodes",
    "update_deployment_node_instances",
)
FINISH = (
    "delete_removed_relationships",
    "delete_removed_instances",
    "delete_removed_nodes",
    "update_schedules",
    "update_operations",
)
PASSED_ON = (  # parameters that a workflow which runs in place of the built-in steps gets as they are
    "update_id", "skip_install", "skip_uninstall", "ignore_failure", "install_first",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """The parameters of an update that say how node instances are changed."""

    reinstall_list: frozenset[str]
    skip_install: bool
    skip_uninstall: bool
    skip_reinstall: bool
    skip_drift_check: bool
    skip_heal: bool
    force_reinstall: bool
    ignore_failure: bool
    install_first: bool


class _View(WorkflowContext):
    """The context of a workflow that works with the definitions before or after the update.

    Hidden links are left out: those of the other side of the update.
    """

    def __init__(
        self,
        ctx: WorkflowContext,
        plan: DeploymentPlan,
        hidden: Collection[tuple[str, ...]],
        former_nodes: Collection[str],
    ) -> None:
        super().__init__(replace(ctx.job, plan=plan, former_nodes=frozenset(former_nodes)), ctx.records)
        self._hidden = frozenset(hidden)

    def topology(self) -> Topology:
        instances = self.records.instances()
        for instance in instances:
            instance.relationships = [
                link
                for link in instance.relationships
                if (instance.id, link["target_id"], link["type"]) not in self._hidden
            ]
        known = {node["id"] for node in self.job.plan["nodes"]}
        present = [instance for instance in instances if instance.node_id in known]
        return Topology(self.job.plan, present, self.job.retries, former=self.job.former_nodes)


def update(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    host = ctx.records
    if not isinstance(host, UpdateHost):
        raise Invalid("An update runs in a manager only.")
    for name in PREPARE:
        _run_task(ctx, host, name)
    if parameters.get("preview"):
        return
    for name in STORE:
        _run_task(ctx, host, name)
    host.set_update_state(UpdateState.EXECUTING_WORKFLOW)
    workflow_id = parameters.get("workflow_id")
    if workflow_id:
        if not ctx.records.load_decision("custom workflow"):
            host.run_update_workflow(str(workflow_id), _arguments(host.update_plan(), parameters))
            ctx.records.save_decision("custom workflow", True)
    elif not ctx.records.load_decision("node instances changed"):
        yield from _InstanceUpdate(ctx, host, _options(parameters)).run()
        ctx.records.save_decision("node instances changed", True)
    host.set_update_state(UpdateState.FINALIZING)
    for name in FINISH:
        _run_task(ctx, host, name)


def _run_task(ctx: WorkflowContext, host: UpdateHost, name: str) -> None:
    if ctx.records.load_decision(name):  # before an interruption
        return
    ctx.records.emit(ExecutionEvent("cloudify_event", f"Task started '{name}'", "task_started"))
    try:
        host.run_update_task(name)
    except CfyError as error:
        message = f"Task failed '{name}' -> {error.message}"
        ctx.records.emit(ExecutionEvent("cloudify_event", message, "task_failed"))
        raise
    ctx.records.emit(ExecutionEvent("cloudify_event", f"Task succeeded '{name}'", "task_succeeded"))
    ctx.records.save_decision(name, True)


def _options(parameters: Mapping[str, Json]) -> Options:
    flags = {name: bool(parameters.get(name)) for name in Options.__dataclass_fields__ if name != "reinstall_list"}
    return Options(frozenset(cast("list[str]", parameters.get("reinstall_list") or [])), **flags)


def _arguments(plan: UpdatePlan, parameters: Mapping[str, Json]) -> JsonObject:
    """Return the parameters for a workflow that runs in place of the built-in steps."""
    changes = plan.changes
    ids: dict[str, list[str]] = {
        "added_instance_ids": [instance["id"] for instance in changes["added"]],
        "added_target_instances_ids": [
            link["target_id"] for instance in changes["added"] for link in instance["relationships"]
        ],
        "removed_instance_ids": changes["removed"],
        "remove_target_instance_ids": [
            target for source, target, _ in changes["reduced"] if source in changes["removed"]
        ],
        "extended_instance_ids": [source for source, _, _ in changes["extended"]],
        "extend_target_instance_ids": [target for _, target, _ in changes["extended"]],
        "reduced_instance_ids": [source for source, _, _ in changes["reduced"]],
        "reduce_target_instance_ids": [target for _, target, _ in changes["reduced"]],
        "node_instances_to_reinstall": cast("list[str]", parameters.get("reinstall_list") or []),
        "modified_entity_ids": changes["changed"],
        "central_plugins_to_install": [],
        "central_plugins_to_uninstall": [],
    }
    passed = {name: parameters.get(name) for name in PASSED_ON}
    return {**passed, **{name: cast(Json, list(dict.fromkeys(found))) for name, found in ids.items()}}


class _InstanceUpdate:
    """The part of an update that changes node instances."""

    def __init__(self, ctx: WorkflowContext, host: UpdateHost, options: Options) -> None:
        plan = host.update_plan()
        self._ctx, self._host, self._options, self._changes = ctx, host, options, plan.changes
        self._extended = [(source, target, kind) for source, target, kind in plan.changes["extended"]]
        self._reduced = [(source, target, kind) for source, target, kind in plan.changes["reduced"]]
        self._added = {instance["id"] for instance in plan.changes["added"]}
        self._removed = set(plan.changes["removed"])
        former_nodes = ctx.job.former.keys()
        self._latest = _View(ctx, plan.latest, self._reduced, plan.removed_nodes)
        self._former = _View(ctx, plan.former, self._extended, former_nodes)
        self._former_kept = _View(ctx, plan.former, [*self._extended, *self._reduced], former_nodes)

    def run(self) -> Graphs:
        options = self._options
        if options.install_first:
            yield from self._install()
        yield from self._unlink()
        if not options.skip_uninstall and self._removed:
            yield from self._uninstall()
        updated, reinstalled = yield from self._change()
        if not options.install_first:
            yield from self._install()
        yield from self._establish(reinstalled)
        self._clear_drift({*updated, *reinstalled})

    def _uninstall(self) -> Graphs:
        topology = self._former.topology()
        removed = [instance_id for instance_id in self._removed if instance_id in topology.instances]
        yield build_uninstall(topology, removed, ignore_failure=self._options.ignore_failure)

    def _install(self) -> Graphs:
        """Install what is added, and what a former update has left."""
        if self._options.skip_install:
            return
        left = self._ctx.decide_once("left by a former update", lambda: self._unfinished(REMOVED))
        selected = self._added | set(left)
        if selected:
            yield from install_all(self._latest, selected, self._latest.topology())

    def _unfinished(self, states: Collection[State]) -> list[str]:
        instances = self._latest.topology().instances
        return [each for each in self._changes["unfinished"] if each in instances and instances[each].state in states]

    def _unlink(self) -> Graphs:
        """Unlink relationships that are removed, but for those that the removal of an instance unlinks."""
        topology = self._former.topology()
        links: set[Relation] = {
            (source, target, kind)
            for source, target, kind in self._reduced
            if (self._options.skip_uninstall or target not in self._removed)
            and source not in self._removed
            and {source, target} <= topology.instances.keys()
            and topology.instances[source].state not in REMOVED
        }
        graph = build_relationships(topology, links, "unlink", "unlink", ignore_failure=self._options.ignore_failure)
        if graph.tasks:
            yield graph

    def _establish(self, reinstalled: Collection[str]) -> Graphs:
        """Establish relationships that are added, but for those that an installation has established."""
        topology, installed = self._latest.topology(), {*self._added, *reinstalled}
        links: set[Relation] = {
            (source, target, kind)
            for source, target, kind in self._extended
            if source not in installed
            and target not in installed
            and all(
                end in topology.instances and topology.instances[end].state == State.STARTED for end in (source, target)
            )
        }
        graph = build_relationships(topology, links, "establish", "establish")
        if graph.tasks:
            yield graph

    def _change(self) -> Generator[Graph, None, tuple[list[str], list[str]]]:
        """Update or reinstall the instances that stay and have changed; return the updated and the reinstalled."""
        options = self._options
        candidates = self._ctx.decide_once("candidates", self._candidates)
        if not options.skip_drift_check:
            graph = build_drift_check(self._latest.topology(), candidates, ignore_failure=True)
            if _has_operations(graph):
                yield graph
        to_update, to_reinstall = self._ctx.decide_once("drifted", partial(self._classify, candidates))
        failed = (yield from self._update(to_update)) if to_update else []
        to_reinstall = [*to_reinstall, *failed]
        if options.skip_reinstall and to_reinstall:
            self._ctx.log(f"Not reinstalled, because of skip_reinstall: {join_names(to_reinstall)}", "warning")
            to_reinstall = []
        reinstalled = self._ctx.decide_once("reinstall", partial(self._with_contents, to_reinstall))
        if reinstalled:
            self._host.add_unfinished(reinstalled)
            topology = self._former_kept.topology()
            yield build_uninstall(topology, reinstalled, "reinstall-uninstall", ignore_failure=options.ignore_failure)
            yield build_install(self._latest.topology(), reinstalled, "reinstall-install")
        return [instance_id for instance_id in to_update if instance_id not in failed], reinstalled

    def _candidates(self) -> list[str]:
        """Return the started instances that are neither added nor removed, nor reinstalled in any case."""
        left_out = {*self._added, *self._removed, *self._options.reinstall_list}
        return [
            instance.id
            for instance in self._latest.topology().instances.values()
            if instance.state == State.STARTED and instance.id not in left_out
        ]

    def _classify(self, candidates: Collection[str]) -> tuple[list[str], list[str]]:
        """Return the drifted instances with update operations, and those to reinstall."""
        topology, to_update, to_reinstall = self._latest.topology(), list[str](), list[str]()
        for instance_id in candidates:
            instance = topology.instances[instance_id]
            is_checked = not self._options.skip_drift_check and checks_drift(topology, instance)
            targets = {link.target.id for link in topology.links(instance)} - self._removed
            drifts = health.has_drifted(instance) or not targets.isdisjoint(health.drifted_links(instance, "source"))
            can_update = not self._options.force_reinstall and has_update_operations(topology, instance)
            has_failed = is_checked and health.has_failed_drift_check(instance, targets)
            if has_failed or (drifts and not can_update):
                to_reinstall.append(instance_id)
            elif drifts:
                to_update.append(instance_id)
        return to_update, to_reinstall

    def _update(self, to_update: list[str]) -> Generator[Graph, None, list[str]]:
        """Heal and update instances; return those that have to be reinstalled instead."""
        failed: list[str] = []
        if not self._options.skip_heal:
            failed = yield from self._heal(to_update)
        remaining, number = [each for each in to_update if each not in failed], 1
        while remaining:
            name = "update" if number == 1 else f"update-{number}"
            newly_failed: list[str] = []
            try:
                yield build_update(self._latest.topology(), remaining, name)
            except GraphFailed as error:
                newly_failed = sorted({operation.source_id or operation.instance_id for operation, _ in error.failures})
                self._ctx.log(f"Error running update: {error}", "error")
            newly_failed = self._ctx.decide_once(f"{name} failed", partial(list, newly_failed))
            if not newly_failed:
                break
            failed += newly_failed
            now = self._latest.topology().instances
            remaining = [each for each in remaining if each not in failed and health.has_drifted(now[each])]
            number += 1
        return failed

    def _heal(self, to_update: list[str]) -> Generator[Graph, None, list[str]]:
        """Check the status of instances and heal the unhealthy ones; return those that cannot be healed."""
        graph = build_status_check(self._latest.topology(), to_update, ignore_failure=True)
        if _has_operations(graph):
            yield graph
        unhealthy = self._ctx.decide_once("unhealthy", partial(self._unhealthy, to_update))
        topology = self._latest.topology()
        to_heal = [each for each in unhealthy if topology.operation(topology.instances[each], HEAL) is not None]
        failed = yield from heal_all(self._latest, to_heal)
        return [each for each in unhealthy if each not in to_heal or each in failed]

    def _unhealthy(self, instance_ids: list[str]) -> list[str]:
        instances = self._latest.topology().instances
        return [each for each in instance_ids if health.is_healthy(instances[each]) is False]

    def _with_contents(self, to_reinstall: Collection[str]) -> list[str]:
        """Return the instances to reinstall with what they contain, and those that a former update left half done."""
        topology = self._latest.topology()
        present = set(State) - REMOVED - {State.STARTED}
        roots = [*self._options.reinstall_list, *to_reinstall, *self._unfinished(present)]
        left_out = self._added | self._removed
        subtrees = {
            inner for root in roots if root in topology.instances for inner in topology.subtree(root)
        } - left_out
        return [instance_id for instance_id in topology.instances if instance_id in subtrees]

    def _clear_drift(self, changed: Collection[str]) -> None:
        """Clear the drift that was only assumed, that of relationships which are gone, and that of changed sources."""
        links = {
            (instance.id, link["target_id"])
            for instance in self._latest.topology().instances.values()
            for link in instance.relationships
        }
        for instance in self._ctx.records.instances():

            def is_kept(side: str, other: str, check: health.CheckResult, own: str = instance.id) -> bool:
                if side and ((own, other) if side == "source" else (other, own)) not in links:
                    return False
                is_drift = bool(check.get("result"))
                return not is_drift or bool(check.get("task") and not (side == "target" and other in changed))

            while True:
                present = instance.system_properties or {}
                kept = health.keep_drift(present, is_kept)
                if kept == present:
                    break
                try:
                    self._ctx.records.update_instance(instance.id, version=instance.version, system_properties=kept)
                    break
                except StaleVersion:
                    instance = self._ctx.records.instance(instance.id)


def _has_operations(graph: Graph) -> bool:
    return any(isinstance(task.action, Operation) for task in graph.tasks.values())

"""Finding out what an update of a deployment changes: the first tasks of the workflow `update`."""

from collections.abc import Collection, Iterable
from typing import Literal, cast

from cfy_cli import dsl
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import InstancePlan, NodePlan, Plan, PluginPlan, PreparedPlan
from cfy_cli.dsl.plan_comparison import PlanStep
from cfy_cli.dsl.plan_transition import retain_counts, with_default_counts
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.ports import UpdateChanges
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.blueprints.plan_cache import PlanCache
from cfy_cli.manager.services.deployment_updates import records, steps
from cfy_cli.manager.services.deployments import capability_dependencies, dependencies
from cfy_cli.manager.services.deployments.lookups import StoreLookups, plan_node
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.schedules import schedules
from cfy_cli.manager.services.secrets.secrets import execution_secrets
from cfy_cli.manager.services.worker.update_rows import (
    FORMER_BLUEPRINTS,
    blueprints_of,
    instance_plan,
    instances_after,
    plans_of,
    read_deployment,
    read_instances,
    read_nodes,
    read_rows,
)
from cfy_cli.manager.store.models import Deployment
from cfy_cli.manager.store.store import Store

PLUGIN_SECTIONS: tuple[Literal["deployment_plugins_to_install", "workflow_plugins_to_install"], ...] = (
    "deployment_plugins_to_install",
    "workflow_plugins_to_install",
)


def prepare_plan(context: ExecutionContext) -> None:
    """Store the plan after the update, and the definitions before it."""
    with context.reading_own_rows() as store:
        update, deployment = read_rows(context, store)
        plan = _blueprint_plan(context, store, update.new_blueprint_storage_id, update.new_blueprint_id)
        former = _former_plan(context, store, deployment)
        raw: JsonObject = {
            name: cast(Json, getattr(deployment, name))
            for name in (
                "id", "display_name", "description", "blueprint_id", "inputs", "outputs", "capabilities", "groups",
                "scaling_groups", "policy_types", "policy_triggers", "runtime_only_evaluation", "created_at",
                "updated_at",
            )
        }  # fmt: skip
        raw[FORMER_BLUEPRINTS] = cast(Json, blueprints_of(read_nodes(store, deployment)))
        raw["workflows"] = cast(Json, deployment.workflow_definitions)
        raw["labels"] = [{"key": key, "value": value} for key, value in _present_labels(deployment)]
    lookups = StoreLookups(context.reading, deployment, execution_secrets(context))
    prepared = dsl.prepare_deployment(plan, update.new_inputs, lookups, runtime_only=update.runtime_only_evaluation)
    if not context.parameters.get("update_plugins", True):
        prepared = _with_former_plugins(prepared, former)
    prepared, _ = retain_counts(prepared, former)
    with context.writing_own_rows() as store:
        update = records.get_of_execution(store.unscoped, context.execution)  # of the execution
        update.deployment_plan, update.former_plan, update.deployment_update_deployment = prepared, former, raw
    context.update_plans.clear()  # another attempt may have read those of the former one


def create_steps(context: ExecutionContext) -> None:
    """Store the steps. Raises Invalid when one is not supported."""
    with context.reading_own_rows() as store:
        update, deployment = read_rows(context, store)
        former, plan = plans_of(context, update)
        found = _compare(former, plan, _present_labels(deployment))
    supported = [steps.is_supported(step, former, plan) for step in found]
    with context.writing_own_rows() as store:
        update = records.get_of_execution(store.unscoped, context.execution)  # of the execution
        owner: JsonObject = {
            "deployment_update_id": update.id,
            "visibility": update.visibility,
            "tenant_name": update.tenant_name,
            "created_by": update.created_by,
            "resource_availability": update.visibility,
            "private_resource": update.private_resource,
        }
        pairs = zip(found, supported, strict=True)
        update.steps = [steps.describe(step, supported=is_supported, owner=owner) for step, is_supported in pairs]
        update.modified_entity_ids = steps.modified_entities(found)
        update.labels_to_create = _labels_to_create(found)
        update.schedules_to_delete, update.schedules_to_create = _schedules(former, plan)
        update.recursive_dependencies = dependencies.describe_dependents(store, deployment)
    unsupported = [step for step, is_supported in zip(found, supported, strict=True) if not is_supported]
    for step in unsupported:
        context.log(f"Unsupported step: {step.action} {step.entity_type} {step.entity_id}", "error")
    if unsupported:
        raise Invalid(steps.unsupported_message(unsupported))


def prepare_nodes(context: ExecutionContext) -> None:
    """Store which nodes and node instances change."""
    with context.reading_own_rows() as store:
        update, deployment = read_rows(context, store)
        former, plan = plans_of(context, update)
        nodes = steps.node_changes(_compare(former, plan, _present_labels(deployment)), plan)
        existing = read_instances(store, deployment)
        unfinished = records.find_unfinished(store, deployment)
    _, counts = retain_counts(plan, former)
    instances = dsl.modify_instances(plan, [instance_plan(row) for row in existing], counts)
    kept = {row.id: row for row in existing}
    removed = [instance["id"] for instance in instances.removed]
    extended = {instance["id"]: instance["relationships"] for instance in instances.extended}
    changes: UpdateChanges = {
        "added": instances.added,
        "removed": removed,
        "related": {key: [*kept[key].relationships, *extended[key]] for key in extended},
        "final": instances.related,
        "reduced": _triples(instances.reduced),
        "extended": _triples(instances.extended),
        "changed": [row.id for row in existing if row.node_id in nodes.drifted and row.id not in removed],
        "changed_links": [
            [row.id, link["target_id"]]
            for row in existing
            for link in row.relationships
            if (row.node_id, link["target_name"]) in nodes.drifted_links
        ],
        "unfinished": [each for each in unfinished if each in kept and each not in removed],
    }
    _check_dependencies(context, plan, instances_after(existing, changes))
    sources = list(dict.fromkeys(source for source, _ in changes["changed_links"]))
    with context.writing_own_rows() as store:
        update = records.get_of_execution(store.unscoped, context.execution)  # of the execution
        update.changes = cast(JsonObject, changes)
        # What is removed counts too: if this update fails and another one keeps it, it is installed again.
        update.unfinished = [*(instance["id"] for instance in instances.added), *removed, *changes["unfinished"]]
        update.deployment_update_node_instances = steps.describe_instances(instances, sources)
        update.deployment_update_nodes = {
            "modify_attributes": cast(Json, nodes.modified),
            "add": [["nodes", name] for name in nodes.added],
            "remove": [["nodes", name] for name in nodes.removed],
            "host_plugins_to_uninstall": {},
            "cda_plugins_to_uninstall": [],
        }


def _check_dependencies(context: ExecutionContext, plan: PreparedPlan, instances: list[InstancePlan]) -> None:
    """Raise Conflict when the deployment would depend on one that depends on it, before anything is changed."""
    with context.reading_own_rows() as store:
        deployment = read_deployment(context, store)
    lookups = StoreLookups(context.reading, deployment, execution_secrets(context))
    target_ids = {target_id for target_id, _ in capability_dependencies.find_calls(plan, instances, lookups)}
    with context.reading() as store:
        for target_id in sorted(filter(None, target_ids)):
            target = store.find(Deployment, target_id)
            if target is not None:
                dependencies.check_acyclic(store, deployment, target)


def prepare_plugins(context: ExecutionContext) -> None:
    """Store which plugins are needed from now on, and which no more; they are installed at their first operation."""
    with context.writing_own_rows() as store:
        update = records.get_of_execution(store.unscoped, context.execution)  # of the execution
        before, after = map(_plugins, plans_of(context, update))
        update.central_plugins_to_install = [plugin for plugin in after if plugin not in before]
        update.central_plugins_to_uninstall = [plugin for plugin in before if plugin not in after]


def _blueprint_plan(context: ExecutionContext, store: Store, storage_id: int, blueprint_id: str) -> Plan:
    plan = context.app.service(PlanCache).get(store.unscoped, storage_id)  # which the request has let through
    if plan is None:
        raise Invalid(f"Blueprint `{blueprint_id}` was deleted")
    return plan


def _former_plan(context: ExecutionContext, store: Store, deployment: Deployment) -> PreparedPlan:
    """Return what the deployment has now, with those sections of its blueprint that are stored nowhere else."""
    declared = _blueprint_plan(context, store, deployment.blueprint_storage_id, deployment.blueprint_id)
    prepared = dsl.prepare_deployment(declared, deployment.inputs, runtime_only=deployment.runtime_only_evaluation)
    return {
        **prepared,
        "nodes": [plan_node(row) for row in read_nodes(store, deployment)],
        "scaling_groups": deployment.scaling_groups,
        "workflows": deployment.workflow_definitions,
        "outputs": deployment.outputs,
        "capabilities": deployment.capabilities,
        "groups": deployment.groups,
        "description": deployment.description,
    }


def _compare(former: PreparedPlan, plan: PreparedPlan, present_labels: Collection[labels.Pair]) -> list[PlanStep]:
    """Return the differences of the plans as if nothing had been scaled; labels are only added."""
    before, after = (cast(PreparedPlan, {**each, **with_default_counts(each), "labels": {}}) for each in (former, plan))
    found = steps.with_group_steps_once(dsl.compare_plans(before, after))
    new = [pair for pair in labels.of_plan(plan.get("labels")) if pair not in present_labels]
    return [*found, *(PlanStep("add", "label", ("labels", key), new=value) for key, value in new)]


def _present_labels(deployment: Deployment) -> list[labels.Pair]:
    return [(label.key, label.value) for label in deployment.labels]


def _triples(instances: Iterable[InstancePlan]) -> list[list[str]]:
    return [[each["id"], link["target_id"], link["type"]] for each in instances for link in each["relationships"]]


def _with_former_plugins(plan: PreparedPlan, former: PreparedPlan) -> PreparedPlan:
    """Return the plan with the plugins that the deployment has, under the same names."""
    known = {plugin["name"]: plugin for section in PLUGIN_SECTIONS for plugin in former.get(section) or ()}
    for node in former["nodes"]:
        known.update({plugin["name"]: plugin for plugin in node.get("plugins") or ()})

    def keep(plugins: Iterable[PluginPlan] | None) -> list[PluginPlan]:
        return [known.get(plugin["name"], plugin) for plugin in plugins or ()]

    nodes: list[NodePlan] = [{**node, "plugins": keep(node.get("plugins"))} for node in plan["nodes"]]
    return {
        **plan,
        "nodes": nodes,
        "deployment_plugins_to_install": keep(plan.get("deployment_plugins_to_install")),
        "workflow_plugins_to_install": keep(plan.get("workflow_plugins_to_install")),
    }


def _plugins(plan: PreparedPlan) -> list[JsonObject]:
    found = [plugin for section in PLUGIN_SECTIONS for plugin in plan.get(section) or ()]
    return [cast(JsonObject, plugin) for plugin in found if plugin.get("install")]


def _schedules(former: PreparedPlan, plan: PreparedPlan) -> tuple[list[str], list[JsonObject]]:
    """Return the ids of schedules that are deleted, those that are replaced too, and the new ones."""
    before, after = (each.get("deployment_settings") or {} for each in (former, plan))
    gone, changed = schedules.compare_defaults(before, after)
    declared = before.get("default_schedules")
    replaced = [schedule_id for schedule_id in changed if isinstance(declared, dict) and schedule_id in declared]
    return [*gone, *replaced], [{"id": key, **entry} for key, entry in changed.items() if isinstance(entry, dict)]


def _labels_to_create(found: Iterable[PlanStep]) -> list[JsonObject]:
    return [{"key": step.path[1], "value": step.new} for step in found if step.entity_type == "label"]

"""The tasks of the workflow `update` in the manager: what changes is found out and stored, step by step."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from sqlalchemy import delete, insert

from cfy_cli.contract.plan import NodePlan, PreparedPlan, link_key
from cfy_cli.contract.states import InstanceState, UpdateState
from cfy_cli.dsl.plan_transition import merge_nodes
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine import health
from cfy_cli.manager.engine.ports import UpdateChanges, UpdatePlan
from cfy_cli.manager.services.deployment_updates import records
from cfy_cli.manager.services.deployments import capability_dependencies
from cfy_cli.manager.services.deployments.lookups import StoreLookups
from cfy_cli.manager.services.deployments.plan_nodes import node_columns
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.schedules import schedules
from cfy_cli.manager.services.secrets.secrets import execution_secrets
from cfy_cli.manager.services.system_workflows.deployment_environment import node_row, owner_columns, store_plan
from cfy_cli.manager.services.worker import scaling
from cfy_cli.manager.services.worker.update_preparation import (
    create_steps,
    prepare_nodes,
    prepare_plan,
    prepare_plugins,
)
from cfy_cli.manager.services.worker.update_rows import (
    instances_after,
    plans_of,
    read_deployment,
    read_instances,
    read_nodes,
    read_rows,
)
from cfy_cli.manager.store.models import Blueprint, Deployment, Node


def run_task(context: ExecutionContext, name: str) -> None:
    """Run one task; it may have been run before, if a worker crashed after it. Raises CfyError."""
    TASKS[name](context)


def read_plan(context: ExecutionContext) -> UpdatePlan:
    """Return the definitions before and after the update, and the changes of node instances."""
    with context.reading_own_rows() as store:
        update = records.get_of_execution(store.unscoped, context.execution)  # of the execution
        (former, plan), changes = plans_of(context, update), update.changes
    return UpdatePlan(
        former={
            "nodes": merge_nodes(former["nodes"], plan["nodes"]),
            "workflows": former["workflows"],
            "scaling_groups": former["scaling_groups"],
        },
        latest={
            "nodes": merge_nodes(plan["nodes"], former["nodes"]),
            "workflows": plan.get("workflows") or {},
            "scaling_groups": plan["scaling_groups"],
        },
        removed_nodes=frozenset(names_of(former) - names_of(plan)),
        changes=cast(UpdateChanges, changes),
    )


def names_of(plan: PreparedPlan) -> set[str]:
    return {node["name"] for node in plan["nodes"]}


def set_state(context: ExecutionContext, state: UpdateState) -> None:
    with context.writing_own_rows() as store:
        records.get_of_execution(store.unscoped, context.execution).state = state  # of the execution


def add_unfinished(context: ExecutionContext, instance_ids: Sequence[str]) -> None:
    """Store that node instances are about to be reinstalled, which the next update continues if this one fails."""
    with context.writing_own_rows() as store:
        update = records.get_of_execution(store.unscoped, context.execution)  # of the execution
        update.unfinished = list(dict.fromkeys((*update.unfinished, *instance_ids)))


def _set_deployment_attributes(context: ExecutionContext) -> None:
    with context.writing(context.permission) as store:
        update, deployment = read_rows(context, store)
        _, plan = plans_of(context, update)
        blueprint = store.unscoped.get(Blueprint, update.new_blueprint_storage_id)  # which the request has let through
        if blueprint is None:
            raise Invalid(f"Blueprint `{update.new_blueprint_id}` was deleted")
        deployment.blueprint, deployment.blueprint_id = blueprint, blueprint.id
        deployment.inputs = update.new_inputs
        deployment.runtime_only_evaluation = update.runtime_only_evaluation
        store_plan(store, deployment, plan)


def _update_dependencies(context: ExecutionContext) -> None:
    """Store the dependencies on the deployments whose capabilities the new plan uses, and delete those of the old."""
    with context.reading_own_rows() as store:
        update, deployment = read_rows(context, store)
        _, plan = plans_of(context, update)
        instances = instances_after(read_instances(store, deployment), cast(UpdateChanges, update.changes))
        keeps_old = update.keep_old_deployment_dependencies
    lookups = StoreLookups(context.reading, deployment, execution_secrets(context))
    calls = capability_dependencies.find_calls(plan, instances, lookups)
    with context.writing("inter_deployment_dependency_update") as store:
        deployment = read_deployment(context, store)
        capability_dependencies.replace_dependencies(store, deployment, calls, keeps_old=keeps_old)


def _update_nodes(context: ExecutionContext) -> None:
    """Store the new definitions beside what is removed later, which stays of the former blueprint."""
    with context.writing_own_rows() as store:
        update, deployment = read_rows(context, store)
        former, plan = plans_of(context, update)
        present = {row.id: row for row in read_nodes(store, deployment)}
        own = {node["name"]: node for node in plan["nodes"]}
        owner = owner_columns(deployment)
        for node in merge_nodes(plan["nodes"], former["nodes"]):
            row = present.get(node["name"])
            if row is None:
                store.unscoped.execute(insert(Node), node_row(deployment, node, owner))  # a row of the deployment
            elif node["name"] in own:
                left = node["relationships"][len(own[node["name"]]["relationships"]) :]  # until they are deleted
                keys = [link_key(row.id, link["type"], link["target_id"]) for link in left]
                links = {key: (row.link_blueprints or {}).get(key, row.blueprint_id) for key in keys}
                _set_columns(row, node, deployment)
                row.link_blueprints = links or None


def _update_instances(context: ExecutionContext) -> None:
    """Store instances that are added, new relationships beside those that are removed later, and what has drifted."""
    with context.writing_own_rows() as store:
        update, deployment = read_rows(context, store)
        changes = cast(UpdateChanges, update.changes)
        scaling.add_instances(store, deployment.storage_id, changes["added"], changes["related"])
        rows = {row.id: row for row in read_instances(store, deployment) if row.state == InstanceState.STARTED}
        for instance_id, marked in health.mark_drifted(
            {instance_id: row.system_properties for instance_id, row in rows.items()},
            changes["changed"],
            changes["changed_links"],
        ).items():
            rows[instance_id].system_properties, rows[instance_id].version = marked, rows[instance_id].version + 1


def _delete_relationships(context: ExecutionContext) -> None:
    with context.writing_own_rows() as store:
        update, deployment = read_rows(context, store)
        final = cast(UpdateChanges, update.changes)["final"]
        rows = {row.id: row for row in read_instances(store, deployment)}
        scaling.add_instances(store, deployment.storage_id, [], {key: final[key] for key in final if key in rows})


def _delete_instances(context: ExecutionContext) -> None:
    with context.writing_own_rows() as store:
        update, deployment = read_rows(context, store)
        scaling.remove_instances(store, deployment.storage_id, cast(UpdateChanges, update.changes)["removed"])


def _delete_nodes(context: ExecutionContext) -> None:
    with context.writing_own_rows() as store:
        update, deployment = read_rows(context, store)
        names = [node["name"] for node in plans_of(context, update)[1]["nodes"]]
        gone = delete(Node).where(Node.deployment_storage_id == deployment.storage_id, Node.id.not_in(names))
        store.unscoped.execute(gone)  # rows of the deployment


def _update_schedules(context: ExecutionContext) -> None:
    with context.writing(context.permission) as store:
        update, deployment = read_rows(context, store)
        former, plan = (each.get("deployment_settings") or {} for each in plans_of(context, update))
        schedules.replace_defaults(store, deployment, former, plan)


def _update_operations(context: ExecutionContext) -> None:
    with context.writing_own_rows() as store:
        update, deployment = read_rows(context, store)
        nodes = {node["name"]: node for node in plans_of(context, update)[1]["nodes"]}
        for row in read_nodes(store, deployment):
            _set_columns(row, nodes[row.id], deployment)


TASKS: Mapping[str, Callable[[ExecutionContext], None]] = {
    "prepare_plan": prepare_plan,
    "create_steps": create_steps,
    "prepare_update_nodes": prepare_nodes,
    "prepare_plugin_changes": prepare_plugins,
    "set_deployment_attributes": _set_deployment_attributes,
    "update_inter_deployment_dependencies": _update_dependencies,
    "update_deployment_nodes": _update_nodes,
    "update_deployment_node_instances": _update_instances,
    "delete_removed_relationships": _delete_relationships,
    "delete_removed_instances": _delete_instances,
    "delete_removed_nodes": _delete_nodes,
    "update_schedules": _update_schedules,
    "update_operations": _update_operations,
}


def _set_columns(row: Node, node: NodePlan, deployment: Deployment) -> None:
    for name, value in node_columns(node).items():
        setattr(row, name, value)
    row.blueprint_id, row.link_blueprints = deployment.blueprint_id, None

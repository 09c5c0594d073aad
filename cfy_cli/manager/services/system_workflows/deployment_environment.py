"""`create_deployment_environment` and `delete_deployment_environment`: nodes and instances come and go."""

from typing import Any

from sqlalchemy import delete, exists, select

from cfy_cli import dsl
from cfy_cli.contract.plan import InstancePlan, NodePlan, PreparedPlan
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.ports import StartMode
from cfy_cli.manager.services.blueprints.plan_cache import PlanCache
from cfy_cli.manager.services.deployments import capability_dependencies
from cfy_cli.manager.services.deployments.deployments import SLIM
from cfy_cli.manager.services.deployments.labels import remove, set_labels
from cfy_cli.manager.services.deployments.lookups import StoreLookups
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext, OnCompletion
from cfy_cli.manager.services.secrets.secrets import execution_secrets
from cfy_cli.manager.services.system_workflows import cascade
from cfy_cli.manager.store.bulk import BulkStatement
from cfy_cli.manager.store.models import Deployment, Event, Node, NodeInstance
from cfy_cli.manager.store.store import Store

NODES, INSTANCES = BulkStatement.insert(Node), BulkStatement.insert(NodeInstance)


def create_deployment_environment(context: ExecutionContext) -> OnCompletion:
    context.check_crashes()
    number = context.execution.deployment_storage_id
    with context.reading() as store:
        deployment = store.unscoped.get_one(Deployment, number, options=SLIM)
        blueprint_plan = context.app.service(PlanCache).get(store.unscoped, deployment.blueprint_storage_id)
    if blueprint_plan is None:
        raise Invalid(f"Blueprint `{deployment.blueprint_id}` has no plan")
    lookups = StoreLookups(context.reading, deployment, execution_secrets(context))
    plan = dsl.prepare_deployment(
        blueprint_plan, deployment.inputs, lookups, runtime_only=deployment.runtime_only_evaluation
    )
    instances = dsl.create_instances(plan)
    wanted = capability_dependencies.wanted(plan, instances, lookups)
    context.say("Setting deployment attributes")
    context.say(f"Creating {len(plan['nodes'])} nodes")
    context.say(f"Creating {len(instances)} node-instances")
    context.say("Creating deployment work directory")
    context.app.files.deployment_folder(deployment.storage_id).mkdir(mode=0o700, parents=True, exist_ok=True)

    def finish(store: Store, made: Deployment) -> None:
        if context.start_mode is not StartMode.NEW and _is_made(store, made):
            return
        describe(store, made, plan)
        owner = owner_of(made)
        NODES.execute(store.unscoped.connection(), [_node(made, node, owner) for node in plan["nodes"]])
        INSTANCES.execute(store.unscoped.connection(), [instance_row(instance, owner) for instance in instances])
        capability_dependencies.keep(store, made, wanted)

    return finish


def _is_made(store: Store, deployment: Deployment) -> bool:
    return bool(store.unscoped.scalar(select(exists().where(Node.deployment_storage_id == deployment.storage_id))))


def delete_deployment_environment(context: ExecutionContext) -> OnCompletion:
    """The deployment, its nodes, instances and executions - this one too - are gone after it."""
    if context.parameters.get("recursive"):
        cascade.delete(context)

    def finish(store: Store, deployment: Deployment) -> None:
        store.unscoped.execute(
            delete(Event).where(Event.tenant_name == deployment.tenant_name, Event.deployment_id == deployment.id)
        )
        remove(store, deployment)
        store.after_commit(lambda: context.app.files.delete_deployment(deployment.storage_id))

    return finish


def describe(store: Store, deployment: Deployment, plan: PreparedPlan) -> None:
    """Set what a deployment shows of its plan."""
    deployment.description = plan.get("description")
    deployment.groups = plan.get("groups") or {}
    deployment.policy_types = plan.get("policy_types") or {}
    deployment.policy_triggers = plan.get("policy_triggers") or {}
    deployment.outputs = plan.get("outputs") or {}
    deployment.capabilities = plan.get("capabilities") or {}
    deployment.scaling_groups = plan.get("scaling_groups") or {}
    deployment.workflow_definitions = plan.get("workflows") or {}
    deployment.resource_tags = plan.get("resource_tags") or {}
    deployment.node_types = sorted({kind for node in plan["nodes"] for kind in node["type_hierarchy"]})
    deployment.updated_at = now()
    settings = plan.get("deployment_settings") or {}
    if settings.get("display_name") and deployment.display_name == deployment.id:
        deployment.display_name = str(settings["display_name"])
    own = [(key.lower(), str(value)) for key, about in (plan.get("labels") or {}).items() for value in about["values"]]
    if own:
        set_labels(store, deployment, [*((label.key, label.value) for label in deployment.labels), *own])


def owner_of(deployment: Deployment) -> dict[str, Any]:
    return {
        "deployment_storage_id": deployment.storage_id,
        "deployment_id": deployment.id,
        "tenant_name": deployment.tenant_name,
        "visibility": deployment.visibility,
        "created_by": deployment.created_by,
        "created_at": now(),
    }


def _node(deployment: Deployment, node: NodePlan, owner: dict[str, Any]) -> dict[str, Any]:
    scalable = node["capabilities"]["scalable"]["properties"]
    return {
        **owner,
        "id": node["name"],
        "blueprint_id": deployment.blueprint_id,
        "deployment_display_name": deployment.display_name,
        "type": node["type"],
        "type_hierarchy": node["type_hierarchy"],
        "host_id": node.get("host_id"),
        "properties": node["properties"],
        "operations": node["operations"],
        "relationships": node.get("relationships") or [],
        "plugins": node.get("plugins") or [],
        "plugins_to_install": node.get("plugins_to_install"),
        "deploy_number_of_instances": scalable["default_instances"],
        "max_number_of_instances": scalable["max_instances"],
        "min_number_of_instances": scalable["min_instances"],
        "number_of_instances": scalable["current_instances"],
        "planned_number_of_instances": scalable["planned_instances"],
    }


def instance_row(instance: InstancePlan, owner: dict[str, Any]) -> dict[str, Any]:
    return {
        **owner,
        "id": instance["id"],
        "node_id": instance.get("node_id") or instance["name"],
        "index": instance.get("index", 1),
        "host_id": instance.get("host_id"),
        "state": "uninitialized",
        "version": 1,
        "relationships": instance.get("relationships") or [],
        "scaling_groups": instance.get("scaling_groups") or [],
        "runtime_properties": {},
        "system_properties": None,
    }

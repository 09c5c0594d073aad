"""`create_deployment_environment` and `delete_deployment_environment`: nodes and node instances of a deployment."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select

from cfy_cli import dsl
from cfy_cli.contract.plan import CapabilityCall, InstancePlan, NodePlan, Plan, PreparedPlan
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.ports import StartMode
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.agents import queues
from cfy_cli.manager.services.blueprints.plan_cache import PlanCache
from cfy_cli.manager.services.deployment_groups import groups
from cfy_cli.manager.services.deployments import capability_dependencies, deployments
from cfy_cli.manager.services.deployments.lookups import StoreLookups
from cfy_cli.manager.services.deployments.plan_nodes import node_columns
from cfy_cli.manager.services.events import events
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext, StoreResult
from cfy_cli.manager.services.schedules import schedules
from cfy_cli.manager.services.secrets.secrets import execution_secrets
from cfy_cli.manager.services.system_workflows import cascade
from cfy_cli.manager.store.bulk import BulkStatement
from cfy_cli.manager.store.models import Deployment, Node, NodeInstance
from cfy_cli.manager.store.models.owned import InheritedColumns, inherited_columns
from cfy_cli.manager.store.store import Store

INSERT_NODE, INSERT_INSTANCE = BulkStatement.insert(Node), BulkStatement.insert(NodeInstance)


class OwnerColumns(InheritedColumns):
    """Columns that the nodes and node instances of a deployment have in common."""

    deployment_storage_id: int
    deployment_id: str
    created_by: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Environment:
    """The plan of a deployment with its values, and the node instances that it begins with."""

    plan: PreparedPlan
    instances: list[InstancePlan]
    capability_calls: Sequence[tuple[str | None, CapabilityCall]]


def create_deployment_environment(context: ExecutionContext) -> StoreResult:
    """Prepare the plan and the working directory; the returned function stores the nodes and node instances."""
    context.check_start()
    deployment, blueprint_plan = _read_deployment(context)
    environment = prepare_environment(context, deployment, blueprint_plan)
    for message in describe_creation(environment):
        context.log(message)

    def store_environment(store: Store, deployment: Deployment) -> None:
        if context.start_mode is not StartMode.NEW and _has_nodes(store, deployment):
            return
        store_environments(store, [(deployment, environment)])

    return store_environment


def prepare_environment(context: ExecutionContext, deployment: Deployment, blueprint_plan: Plan) -> Environment:
    """Evaluate the plan for the deployment, and make its working directory. Raises InputsInvalid."""
    lookups = StoreLookups(context.reading, deployment, execution_secrets(context))
    plan = dsl.prepare_deployment(
        blueprint_plan, deployment.inputs, lookups, runtime_only=deployment.runtime_only_evaluation
    )
    instances = dsl.create_instances(plan)
    capability_calls = capability_dependencies.find_calls(plan, instances, lookups)
    if not context.app.files.is_shared:  # else it is on the machine that runs something on the deployment
        context.app.files.deployment_folder(deployment.storage_id).mkdir(mode=0o700, parents=True, exist_ok=True)
    return Environment(plan, instances, capability_calls)


def describe_creation(environment: Environment) -> Sequence[str]:
    """Return the messages of the log about the creation of an environment."""
    return (
        "Setting deployment attributes",
        f"Creating {len(environment.plan['nodes'])} nodes",
        f"Creating {len(environment.instances)} node-instances",
        "Creating deployment work directory",
    )


def store_environments(store: Store, environments: Sequence[tuple[Deployment, Environment]]) -> None:
    """Store the nodes, node instances and all else that deployments get from their plans."""
    nodes, instances = list[dict[str, object]](), list[dict[str, object]]()
    for deployment, environment in environments:
        store_plan(store, deployment, environment.plan)
        owner = owner_columns(deployment)
        nodes += [node_row(deployment, node, owner) for node in environment.plan["nodes"]]
        instances += [instance_row(instance, owner) for instance in environment.instances]
    connection = store.unscoped.connection()  # new rows of the deployments
    INSERT_NODE.execute(connection, nodes)
    INSERT_INSTANCE.execute(connection, instances)
    for deployment, environment in environments:
        settings = environment.plan.get("deployment_settings") or {}
        capability_dependencies.create_dependencies(store, deployment, environment.capability_calls)
        schedules.set_defaults(store, deployment, settings)
        groups.join_defaults(store, deployment, settings)


def delete_deployment_environment(context: ExecutionContext) -> StoreResult:
    """Delete the deployments inside if requested.

    The returned function deletes the deployment with its nodes, node instances and executions, this one too, and with
    its events and logs if that is requested.
    """
    context.check_rights()
    if context.parameters.get("recursive"):
        cascade.delete(context)

    def delete_deployment(store: Store, deployment: Deployment) -> None:
        if context.parameters.get("delete_logs"):
            events.delete_of_deployments(store, [deployment.storage_id])
        queues.delete_with_deployments(context.app, store, [deployment.storage_id])
        deployments.delete(store, deployment)

    return delete_deployment


def _read_deployment(context: ExecutionContext) -> tuple[Deployment, Plan]:
    """Return the deployment and the plan of its blueprint. Raises Invalid when there is no plan."""
    with context.reading_own_rows() as store:
        session = store.unscoped  # the execution's own deployment and its blueprint
        deployment = session.get_one(Deployment, context.execution.deployment_storage_id, options=deployments.SLIM)
        plan = context.app.service(PlanCache).get(session, deployment.blueprint_storage_id)
    if plan is None:
        raise Invalid(f"Blueprint `{deployment.blueprint_id}` has no plan")
    return deployment, plan


def _has_nodes(store: Store, deployment: Deployment) -> bool:
    nodes = exists().where(Node.deployment_storage_id == deployment.storage_id)
    return bool(store.unscoped.scalar(select(nodes)))  # rows of the deployment


def store_plan(store: Store, deployment: Deployment, plan: PreparedPlan) -> None:
    """Set the columns and labels of a deployment that come from its plan."""
    deployment.description = plan.get("description")
    deployment.groups = plan.get("groups") or {}
    deployment.policy_types = plan.get("policy_types") or {}
    deployment.policy_triggers = plan.get("policy_triggers") or {}
    deployment.outputs = plan.get("outputs") or {}
    deployment.capabilities = plan.get("capabilities") or {}
    deployment.scaling_groups = plan.get("scaling_groups") or {}
    deployment.workflow_definitions = plan.get("workflows") or {}
    deployment.resource_tags = plan.get("resource_tags") or {}
    deployment.node_types = sorted({type_ for node in plan["nodes"] for type_ in node["type_hierarchy"]})
    deployment.updated_at = now()
    settings = plan.get("deployment_settings") or {}
    if settings.get("display_name") and deployment.display_name == deployment.id:
        deployment.display_name = str(settings["display_name"])
    own = labels.of_plan(plan.get("labels"))
    if own:
        deployments.add_labels(store, deployment, own)


def owner_columns(deployment: Deployment) -> OwnerColumns:
    return {
        **inherited_columns(deployment),
        "deployment_storage_id": deployment.storage_id,
        "deployment_id": deployment.id,
        "created_by": deployment.created_by,
        "created_at": now(),
    }


def node_row(deployment: Deployment, node: NodePlan, owner: OwnerColumns) -> dict[str, object]:
    return {
        **owner,
        **node_columns(node),
        "blueprint_id": deployment.blueprint_id,
        "link_blueprints": None,
        "deployment_display_name": deployment.display_name,
    }


def instance_row(instance: InstancePlan, owner: OwnerColumns) -> dict[str, object]:
    return {
        **owner,
        "id": instance["id"],
        "node_id": instance["node_id"],
        "index": instance["index"],
        "host_id": instance.get("host_id"),
        "state": "uninitialized",
        "version": 1,
        "relationships": instance.get("relationships") or [],
        "scaling_groups": instance.get("scaling_groups") or [],
        "runtime_properties": {},
        "system_properties": None,
    }

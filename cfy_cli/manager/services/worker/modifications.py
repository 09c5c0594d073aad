"""Deployment modifications: changes of the number of instances that are finished or rolled back later."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from sqlalchemy import Select, delete, insert, select

from cfy_cli import dsl
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import DeploymentPlan
from cfy_cli.contract.states import RUNNING
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.engine.ports import Instance, ModificationChange
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows.scale import existing, with_all_relationships
from cfy_cli.manager.services.deployments import deployments
from cfy_cli.manager.services.deployments.lookups import plan_node
from cfy_cli.manager.services.system_workflows.deployment_environment import owner_columns
from cfy_cli.manager.services.worker import scaling
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.models import Deployment, DeploymentModification, Execution, Node, NodeInstance
from cfy_cli.manager.store.store import Store

RESTORED = (
    "id", "node_id", "index", "host_id", "state", "relationships", "runtime_properties", "system_properties",
    "scaling_groups", "version",
)  # fmt: skip


class Status(StrEnum):
    STARTED = "started"
    FINISHED = "finished"
    ROLLED_BACK = "rolledback"


@dataclass(frozen=True, slots=True)
class EntityChange:
    """The requested number of instances of a node or scaling group, and which to remove first and last."""

    instances: int
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()


def start(
    store: Store,
    deployment_id: str,
    requested: Mapping[str, EntityChange],
    modified_nodes: JsonObject,
    context: JsonObject | None,
    execution_id: str | None,
) -> DeploymentModification:
    """Add the instances that are missing and note those to remove, which stay until the modification is finished.

    Raises Invalid for unknown entities, and while another modification of the deployment is started.
    """
    deployment = store.get_permitted(Deployment, deployment_id)
    store.acquire_lock(LockKey.DEPLOYMENT, deployment.storage_id)
    _check_none_started(store, deployment)
    plan, instances = _plan(store, deployment), _rows(store, deployment.storage_id)
    topology = Topology(plan, [_instance(row) for row in instances])
    planned = {entity: change.instances for entity, change in requested.items()}
    changes = dsl.modify_instances(
        plan,
        existing(topology),
        planned,
        include=[name for change in requested.values() for name in change.include],
        exclude=[name for change in requested.values() for name in change.exclude],
    )
    change = ModificationChange(
        planned,
        changes.added,
        [instance["id"] for instance in changes.removed],
        with_all_relationships(topology, changes),
        [instance["id"] for instance in changes.removed_related],
    )
    modification = _add(store, deployment, str(uuid.uuid4()), change, modified_nodes, context, execution_id)
    scaling.add_instances(store, deployment.storage_id, change.added, change.related)
    for entity, number in planned.items():
        scaling.set_planned_instances(store, deployment.storage_id, entity, number, reached=False)
    store.flush()
    _describe_added(store, modification, change)
    return modification


def finish(store: Store, modification_id: str, execution_id: str | None) -> DeploymentModification:
    """Remove the instances that the modification has noted, and make its numbers the current ones. Raises Invalid."""
    modification = _get_started(store, modification_id, "finish", execution_id)
    removed = [
        str(instance["id"])
        for instance in _instances_of(modification, "removed_and_related")
        if instance.get("modification") == "removed"
    ]
    scaling.remove_instances(store, modification.deployment_storage_id, removed)
    for entity in modification.counts_before:
        number = cast(int, cast(JsonObject, modification.modified_nodes[entity])["instances"])
        scaling.set_planned_instances(store, modification.deployment_storage_id, entity, number, reached=True)
    _end(modification, Status.FINISHED)
    return modification


def rollback(store: Store, modification_id: str, execution_id: str | None) -> DeploymentModification:
    """Restore all instances of the deployment as they were before the modification. Raises Invalid."""
    modification = _get_started(store, modification_id, "rollback", execution_id)
    deployment = store.unscoped.get_one(Deployment, modification.deployment_storage_id)  # of a row in scope
    rows = _rows(store, deployment.storage_id)
    before = {str(instance["id"]): instance for instance in _instances_of(modification, "before_modification")}
    modification.node_instances = {
        **modification.node_instances,
        "before_rollback": [_describe(row) for row in rows],
    }
    present = {row.id: row for row in rows}
    store.unscoped.execute(  # rows of the deployment
        delete(NodeInstance).where(
            NodeInstance.deployment_storage_id == deployment.storage_id, NodeInstance.id.not_in(before)
        )
    )
    for instance_id, row in present.items():
        if instance_id in before:
            changed = {name: before[instance_id][name] for name in RESTORED if name != "version"}
            if any(getattr(row, name) != value for name, value in changed.items()):
                for name, value in changed.items():
                    setattr(row, name, value)
                row.version += 1
    owner = owner_columns(deployment)
    missing = [
        {**owner, **{name: instance[name] for name in RESTORED}}
        for instance_id, instance in before.items()
        if instance_id not in present
    ]
    store.flush()
    if missing:
        store.unscoped.execute(insert(NodeInstance), missing)  # rows of the deployment
    for entity, number in modification.counts_before.items():
        scaling.set_planned_instances(store, deployment.storage_id, entity, cast(int, number), reached=False)
    _end(modification, Status.ROLLED_BACK)
    deployments.refresh_status(store, deployment)
    return modification


def record_start(
    store: Store, deployment: Deployment, execution: Execution, name: str, change: ModificationChange
) -> None:
    """Store that an execution changes the number of instances, before it does; again, after an interruption."""
    known = store.unscoped.scalar(_of_execution(execution, name))  # of the execution's own deployment
    if known is not None:
        if known.status == Status.ROLLED_BACK:  # and the execution is resumed
            known.status, known.ended_at = Status.STARTED, None
        return
    _check_none_started(store, deployment)
    context: JsonObject = {
        "blueprint_id": execution.blueprint_id,
        "deployment_id": execution.deployment_id,
        "execution_id": execution.id,
        "workflow_id": execution.workflow_id,
    }
    modified_nodes: JsonObject = {entity: {"instances": number} for entity, number in change.planned.items()}
    modification = _add(store, deployment, _id_of(execution, name), change, modified_nodes, context, execution.id)
    _describe_planned(modification, change)


def record_end(store: Store, execution: Execution, name: str, status: Status) -> None:
    """Store the end of a modification that an execution has started."""
    modification = store.unscoped.scalar(_of_execution(execution, name))  # of the execution's own deployment
    if modification is not None and modification.status == Status.STARTED:
        _end(modification, status)


def record_abort(store: Store, deployment_storage_id: int) -> None:
    """Store that the started modifications of a deployment were undone."""
    for modification in store.unscoped.scalars(_started(deployment_storage_id)):  # of the execution's own deployment
        _end(modification, Status.ROLLED_BACK)


def _add(
    store: Store,
    deployment: Deployment,
    modification_id: str,
    change: ModificationChange,
    modified_nodes: JsonObject,
    context: JsonObject | None,
    execution_id: str | None,
) -> DeploymentModification:
    rows = _rows(store, deployment.storage_id)
    by_id = {row.id: row for row in rows}
    removed = [_describe(by_id[name], "removed") for name in change.removed_ids if name in by_id]
    beside = [_describe(by_id[name], None) for name in change.beside_removed if name in by_id]
    row = DeploymentModification(
        id=modification_id,
        status=Status.STARTED,
        context=context,
        modified_nodes=modified_nodes,
        node_instances={
            "added_and_related": [],
            "removed_and_related": cast(Json, [*removed, *beside]),
            "before_modification": [_describe(each) for each in rows],
            "before_rollback": [],
        },
        counts_before=_counts(store, deployment, change.planned),
        execution_id=execution_id,
        **{**owner_columns(deployment), "created_by": store.scope.user},
    )
    return store.add(row)


def _describe_added(store: Store, modification: DeploymentModification, change: ModificationChange) -> None:
    """Store the rows of the instances that were added, and of those that got relationships to them."""
    added = {instance["id"] for instance in change.added}
    rows = [
        row for row in _rows(store, modification.deployment_storage_id) if row.id in added or row.id in change.related
    ]
    described = [_describe(row, "added" if row.id in added else None) for row in rows]
    modification.node_instances = {**modification.node_instances, "added_and_related": cast(Json, described)}


def _describe_planned(modification: DeploymentModification, change: ModificationChange) -> None:
    """Store the instances that will be added, whose rows do not exist yet."""
    added = [{**instance, "modification": "added"} for instance in change.added]
    related = [
        {"id": instance_id, "relationships": relationships, "modification": None}
        for instance_id, relationships in change.related.items()
    ]
    modification.node_instances = {**modification.node_instances, "added_and_related": cast(Json, [*added, *related])}


def _end(modification: DeploymentModification, status: Status) -> None:
    modification.status, modification.ended_at = status, now()


def _get_started(store: Store, modification_id: str, verb: str, execution_id: str | None) -> DeploymentModification:
    modification = store.get_permitted(DeploymentModification, modification_id)
    store.acquire_lock(LockKey.DEPLOYMENT, modification.deployment_storage_id)
    store.unscoped.refresh(modification)  # another request may have ended it meanwhile
    if modification.status != Status.STARTED:
        raise Invalid(
            f"Cannot {verb} deployment modification: {modification_id}. It is already in {modification.status} status.",
            code=ErrorCode.DEPLOYMENT_MODIFICATION_ALREADY_ENDED,
        )
    own = modification.execution_id
    if own is not None and own != execution_id:
        running = select(Execution.workflow_id).where(Execution.id == own, Execution.status.in_(RUNNING))
        workflow = store.unscoped.scalar(running)  # of the same deployment
        if workflow is not None:
            raise Invalid(
                f"Cannot {verb} deployment modification: {modification_id}. The execution {own} of `{workflow}` that "
                "has started it is still running.",
                hint=f"Wait for its end, or cancel it: cfy executions cancel {own}",
                code=ErrorCode.EXISTING_RUNNING_EXECUTION,
            )
    return modification


def _check_none_started(store: Store, deployment: Deployment) -> None:
    started = [row.id for row in store.unscoped.scalars(_started(deployment.storage_id))]  # of a row in scope
    if started:
        raise Invalid(
            "Cannot start deployment modification while there are existing started deployment modifications. "
            f"Currently started deployment modifications: {started}",
            hint=f"Roll it back: cfy deployments modifications rollback {started[0]}",
            code=ErrorCode.EXISTING_STARTED_DEPLOYMENT_MODIFICATION,
        )


def _started(deployment_storage_id: int) -> Select[DeploymentModification]:
    return select(DeploymentModification).where(
        DeploymentModification.deployment_storage_id == deployment_storage_id,
        DeploymentModification.status == Status.STARTED,
    )


def _id_of(execution: Execution, name: str) -> str:
    """Return the id of a modification by an execution, the same after each interruption."""
    return str(uuid.uuid5(uuid.UUID(execution.id), name))


def _of_execution(execution: Execution, name: str) -> Select[DeploymentModification]:
    return select(DeploymentModification).where(DeploymentModification.id == _id_of(execution, name))


def _counts(store: Store, deployment: Deployment, entities: Iterable[str]) -> JsonObject:
    """Return the current numbers of instances of nodes and scaling groups."""
    of_deployment = select(Node.id, Node.number_of_instances).where(Node.deployment_storage_id == deployment.storage_id)
    rows = store.unscoped.execute(of_deployment)  # rows of the deployment
    nodes = {row.id: row.number_of_instances for row in rows}
    groups = {name: group["properties"]["current_instances"] for name, group in deployment.scaling_groups.items()}
    return {entity: cast(Json, {**nodes, **groups}[entity]) for entity in entities}


def _plan(store: Store, deployment: Deployment) -> DeploymentPlan:
    own = select(Node).where(Node.deployment_storage_id == deployment.storage_id).order_by(Node.storage_id)
    nodes = [plan_node(node) for node in store.unscoped.scalars(own)]  # rows of the deployment
    return {
        "nodes": nodes,
        "workflows": deployment.workflow_definitions,
        "scaling_groups": deployment.scaling_groups,
    }


def _rows(store: Store, deployment_storage_id: int) -> Sequence[NodeInstance]:
    own = select(NodeInstance).where(NodeInstance.deployment_storage_id == deployment_storage_id)
    return store.unscoped.scalars(own.order_by(NodeInstance.storage_id)).all()  # rows of the deployment


def _instance(row: NodeInstance) -> Instance:
    return Instance(
        row.id, row.node_id, row.index, row.host_id, row.state, row.version, row.relationships, row.scaling_groups
    )


def _describe(row: NodeInstance, *modification: str | None) -> JsonObject:
    described: JsonObject = {name: getattr(row, name) for name in NodeInstance.WIRE_FIELDS}
    return {**described, "modification": modification[0]} if modification else described


def _instances_of(modification: DeploymentModification, kind: str) -> Sequence[JsonObject]:
    return cast("list[JsonObject]", modification.node_instances.get(kind) or [])

"""Deployments, their labels, nodes and node instances."""

from typing import TYPE_CHECKING

from sqlalchemy import (
    ColumnElement,
    ColumnExpressionArgument,
    ForeignKey,
    Text,
    UniqueConstraint,
    exists,
    false,
    func,
    not_,
    or_,
    select,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import (
    Mapped,
    MappedSQLExpression,
    class_mapper,
    column_property,
    mapped_column,
    relationship,
)

from cfy_cli.contract.plan import (
    GroupPlan,
    InstanceGroup,
    InstanceRelationship,
    Operations,
    PluginPlan,
    PolicyTriggerPlan,
    PolicyTypePlan,
    RelationshipPlan,
    ScalingGroupPlan,
    ValuePlan,
    WorkflowPlan,
)
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.store.files import DEPLOYMENTS
from cfy_cli.manager.store.models.blueprints import Blueprint
from cfy_cli.manager.store.models.deployment_groups import DeploymentGroupMember, GroupName
from cfy_cli.manager.store.models.executions import Execution, LatestExecution
from cfy_cli.manager.store.models.expressions import any_value, is_truthy
from cfy_cli.manager.store.models.labels import Label
from cfy_cli.manager.store.models.owned import Base, Belonging, Owned
from cfy_cli.manager.store.models.sites import Site
from cfy_cli.manager.store.models.types import NO_ID_REUSE, JsonColumn, JsonObject, Name, Sql, Timestamp, text

ENVIRONMENT_TYPE = "csys-env-type"  # key of a label


class Deployment(Owned, Base):
    __tablename__ = "deployments"
    __table_args__ = (UniqueConstraint("tenant_name", "id"), NO_ID_REUSE)
    WIRE_FIELDS = (
        "created_at",
        "id",
        "visibility",
        "description",
        "inputs",
        "groups",
        "permalink",
        "policy_triggers",
        "policy_types",
        "outputs",
        "capabilities",
        "scaling_groups",
        "updated_at",
        "workflows",
        "runtime_only_evaluation",
        "installation_status",
        "deployment_status",
        "sub_services_status",
        "sub_environments_status",
        "sub_services_count",
        "sub_environments_count",
        "display_name",
        "resource_tags",
        "drifted_instances",
        "unavailable_instances",
        "latest_execution",
        "latest_execution_finished_operations",
        "latest_execution_total_operations",
        "latest_execution_workflow_id",
        "create_execution",
        "blueprint_id",
        "site_name",
        "latest_execution_status",
        "environment_type",
        "has_sub_deployments",
        *Owned.OWNED_FIELDS,
        "workdir_zip",
        "labels",
        "deployment_groups",
    )
    COMPUTED_FROM = {
        "workflows": ("workflow_definitions", "node_types"),
        "deployment_groups": ("is_in_groups", "member_of"),
    }
    RELATED = {"site_name": ("site", "name")}
    FOLDER = DEPLOYMENTS
    UNAUDITED = frozenset(  # what is counted, and what executions end with
        ("updated_at", "installation_status", "deployment_status", "drifted_instances", "unavailable_instances",
         "instances_active", "sub_services_count", "sub_services_status", "sub_environments_count",
         "sub_environments_status", "latest_execution")
    )  # fmt: skip

    id: Mapped[str] = mapped_column(Name)
    display_name: Mapped[str] = mapped_column(Name)
    description: Mapped[str | None] = mapped_column(Text)
    blueprint_storage_id: Mapped[int] = mapped_column(ForeignKey("blueprints.storage_id"), index=True)
    blueprint_id: Mapped[str] = mapped_column(Name)
    site_storage_id: Mapped[int | None] = mapped_column(ForeignKey("sites.storage_id", ondelete="SET NULL"))
    updated_at: Mapped[str] = mapped_column(Timestamp, default=now)
    inputs: Mapped[JsonObject] = mapped_column(JsonColumn, default=dict)
    groups: Mapped[dict[str, GroupPlan]] = mapped_column(JsonColumn, default=dict)
    policy_types: Mapped[dict[str, PolicyTypePlan]] = mapped_column(JsonColumn, default=dict)
    policy_triggers: Mapped[dict[str, PolicyTriggerPlan]] = mapped_column(JsonColumn, default=dict)
    outputs: Mapped[dict[str, ValuePlan]] = mapped_column(JsonColumn, default=dict)
    capabilities: Mapped[dict[str, ValuePlan]] = mapped_column(JsonColumn, default=dict)
    scaling_groups: Mapped[dict[str, ScalingGroupPlan]] = mapped_column(JsonColumn, default=dict)
    workflow_definitions: Mapped[dict[str, WorkflowPlan]] = mapped_column(
        JsonColumn, default=dict
    )  # by name, as in the plan
    resource_tags: Mapped[JsonObject] = mapped_column(JsonColumn, default=dict)
    runtime_only_evaluation: Mapped[bool] = mapped_column(default=False)
    installation_status: Mapped[str] = mapped_column(text(16), default="inactive")
    deployment_status: Mapped[str] = mapped_column(text(24), default="requires_attention")
    drifted_instances: Mapped[int] = mapped_column(default=0)
    unavailable_instances: Mapped[int] = mapped_column(default=0)
    instances_active: Mapped[str] = mapped_column(text(8), default="none")  # InstancesActive
    node_types: Mapped[list[str]] = mapped_column(JsonColumn, default=list)  # types of its nodes and their ancestors
    sub_services_count: Mapped[int] = mapped_column(
        default=0, server_default="0"
    )  # of all deployments below it, see services/deployments/tree.py
    sub_services_status: Mapped[str | None] = mapped_column(text(24))
    sub_environments_count: Mapped[int] = mapped_column(default=0, server_default="0")
    sub_environments_status: Mapped[str | None] = mapped_column(text(24))
    create_execution: Mapped[str | None] = mapped_column(text(36))
    latest_execution: Mapped[str | None] = mapped_column(text(36), index=True)

    blueprint: Mapped[Blueprint] = relationship(lazy="select")
    site: Mapped[Site | None] = relationship(lazy="joined")
    latest: Mapped[LatestExecution | None] = relationship(
        primaryjoin="foreign(Deployment.latest_execution) == LatestExecution.id", viewonly=True, lazy="joined"
    )
    labels: Mapped[list["DeploymentLabel"]] = relationship(
        cascade="all, delete-orphan", order_by="DeploymentLabel.storage_id", lazy="selectin"
    )
    member_of: Mapped[list[GroupName]] = relationship(
        secondary="deployment_group_members", viewonly=True, order_by="GroupName.id", lazy="select"
    )

    if TYPE_CHECKING:
        is_in_groups: bool
    permalink = None
    workdir_zip = None
    deployment_groups: tuple[str, ...] = ()

    @hybrid_property
    def has_sub_deployments(self) -> bool:
        return self.sub_services_count + self.sub_environments_count > 0

    @hybrid_property
    def site_name(self) -> str | None:
        return self.site.name if self.site else None

    @site_name.inplace.expression
    @classmethod
    def _site_name(cls) -> ColumnElement[str | None]:
        return select(Site.name).where(Site.storage_id == cls.site_storage_id).scalar_subquery()

    @hybrid_property
    def latest_execution_status(self) -> str | None:
        return self.latest.status_display if self.latest else None

    @latest_execution_status.inplace.expression
    @classmethod
    def _latest_execution_status(cls) -> ColumnElement[str | None]:
        return cls._of_latest_execution("status_display")

    @hybrid_property
    def latest_execution_workflow_id(self) -> str | None:
        return self.latest.workflow_id if self.latest else None

    @latest_execution_workflow_id.inplace.expression
    @classmethod
    def _latest_execution_workflow_id(cls) -> ColumnElement[str | None]:
        return cls._of_latest_execution("workflow_id")

    @hybrid_property
    def latest_execution_total_operations(self) -> int | None:
        return self.latest.total_operations if self.latest else None

    @latest_execution_total_operations.inplace.expression
    @classmethod
    def _latest_execution_total_operations(cls) -> ColumnElement[int | None]:
        return cls._of_latest_execution("total_operations")

    @hybrid_property
    def latest_execution_finished_operations(self) -> int | None:
        return self.latest.finished_operations if self.latest else None

    @latest_execution_finished_operations.inplace.expression
    @classmethod
    def _latest_execution_finished_operations(cls) -> ColumnElement[int | None]:
        return cls._of_latest_execution("finished_operations")

    @classmethod
    def _of_latest_execution(cls, name: str) -> Sql:
        return select(getattr(Execution, name)).where(Execution.id == cls.latest_execution).scalar_subquery()

    @hybrid_property
    def environment_type(self) -> str:
        return next((label.value for label in self.labels if label.key == ENVIRONMENT_TYPE), "")

    @environment_type.inplace.expression
    @classmethod
    def _environment_type(cls) -> ColumnElement[str]:
        values = select(DeploymentLabel.value).where(
            DeploymentLabel.deployment_storage_id == cls.storage_id, DeploymentLabel.key == ENVIRONMENT_TYPE
        )
        return func.coalesce(values.order_by(DeploymentLabel.storage_id).limit(1).scalar_subquery(), "")


_members = DeploymentGroupMember.__table__
_is_member = exists().where(_members.c.deployment_storage_id == Deployment.__table__.c.storage_id)
class_mapper(Deployment, configure=False).add_property("is_in_groups", column_property(_is_member))


class DeploymentLabel(Label, Base):
    __tablename__ = "deployment_labels"
    IS_AUDITED = False
    __table_args__ = (UniqueConstraint("deployment_storage_id", "key", "value"),)

    deployment_storage_id: Mapped[int] = mapped_column(ForeignKey("deployments.storage_id", ondelete="CASCADE"))
    is_of_groups: Mapped[bool] = mapped_column(default=False, server_default=false())  # and not the deployment's own


class InDeployment(Belonging, Owned):
    """Columns of rows that belong to a deployment and are deleted with it."""

    deployment_storage_id: Mapped[int] = mapped_column(
        ForeignKey("deployments.storage_id", ondelete="CASCADE"), index=True
    )
    deployment_id: Mapped[str] = mapped_column(Name)


class Node(InDeployment, Base):
    __tablename__ = "nodes"
    __table_args__ = (UniqueConstraint("deployment_storage_id", "id"),)
    WIRE_FIELDS = (
        "id",
        "visibility",
        "deploy_number_of_instances",
        "host_id",
        "max_number_of_instances",
        "min_number_of_instances",
        "number_of_instances",
        "planned_number_of_instances",
        "plugins",
        "plugins_to_install",
        "properties",
        "relationships",
        "operations",
        "type",
        "type_hierarchy",
        "drifted_instances",
        "unavailable_instances",
        "actual_number_of_instances",
        "actual_planned_number_of_instances",
        "deployment_id",
        "blueprint_id",
        "deployment_display_name",
        *Owned.OWNED_FIELDS,
    )

    id: Mapped[str] = mapped_column(Name)
    blueprint_id: Mapped[str] = mapped_column(Name)
    # Blueprints of relationships that a failed update was to remove, by `link_key`.
    link_blueprints: Mapped[dict[str, str] | None] = mapped_column(JsonColumn)
    deployment_display_name: Mapped[str] = mapped_column(Name)
    type: Mapped[str] = mapped_column(Name)
    type_hierarchy: Mapped[list[str]] = mapped_column(JsonColumn)
    host_id: Mapped[str | None] = mapped_column(Name)
    properties: Mapped[JsonObject] = mapped_column(JsonColumn)
    operations: Mapped[Operations] = mapped_column(JsonColumn)
    relationships: Mapped[list[RelationshipPlan]] = mapped_column(JsonColumn)
    plugins: Mapped[list[PluginPlan]] = mapped_column(JsonColumn)
    plugins_to_install: Mapped[list[PluginPlan] | None] = mapped_column(JsonColumn)
    deploy_number_of_instances: Mapped[int] = mapped_column(default=1)
    max_number_of_instances: Mapped[int] = mapped_column(default=-1)
    min_number_of_instances: Mapped[int] = mapped_column(default=0)
    number_of_instances: Mapped[int] = mapped_column(default=1)
    planned_number_of_instances: Mapped[int] = mapped_column(default=1)


class NodeInstance(InDeployment, Base):
    __tablename__ = "node_instances"
    __table_args__ = (UniqueConstraint("tenant_name", "id"),)
    WIRE_FIELDS = (
        "id",
        "visibility",
        "host_id",
        "index",
        "relationships",
        "runtime_properties",
        "system_properties",
        "scaling_groups",
        "state",
        "version",
        "has_configuration_drift",
        "is_status_check_ok",
        "node_id",
        "deployment_id",
        *Owned.OWNED_FIELDS,
    )

    id: Mapped[str] = mapped_column(Name)
    node_id: Mapped[str] = mapped_column(Name)
    index: Mapped[int]
    host_id: Mapped[str | None] = mapped_column(Name)
    state: Mapped[str] = mapped_column(text(32), default="uninitialized")
    version: Mapped[int] = mapped_column(default=1)
    relationships: Mapped[list[InstanceRelationship]] = mapped_column(JsonColumn)
    runtime_properties: Mapped[JsonObject] = mapped_column(JsonColumn, default=dict)
    system_properties: Mapped[JsonObject | None] = mapped_column(JsonColumn)
    scaling_groups: Mapped[list[InstanceGroup]] = mapped_column(JsonColumn, default=list)

    @hybrid_property
    def has_configuration_drift(self) -> bool:
        return has_drift(self.system_properties)

    @has_configuration_drift.inplace.expression
    @classmethod
    def _has_configuration_drift(cls) -> ColumnElement[bool]:
        return or_(
            is_truthy(cls.system_properties["configuration_drift"]["result"]),
            *(
                any_value(cls.system_properties[f"{side}_relationships_configuration_drift"], _has_result)
                for side in ("source", "target")
            ),
        )

    @hybrid_property
    def is_status_check_ok(self) -> bool:
        return is_status_ok(self.system_properties)

    @is_status_check_ok.inplace.expression
    @classmethod
    def _is_status_check_ok(cls) -> ColumnElement[bool]:
        return is_truthy(cls.system_properties["status"]["ok"])


def _has_result(check: Sql) -> ColumnElement[bool]:
    return is_truthy(check["result"])


def _count_instances(*conditions: ColumnExpressionArgument[bool]) -> MappedSQLExpression[int]:
    """Return a field of nodes that counts their instances; it is read only where it is filtered or sorted by."""
    instances = select(func.count(NodeInstance.storage_id)).where(
        NodeInstance.deployment_storage_id == Node.deployment_storage_id, NodeInstance.node_id == Node.id, *conditions
    )
    return column_property(instances.correlate_except(NodeInstance).scalar_subquery(), deferred=True)


for _name, _conditions in (
    ("actual_number_of_instances", ()),
    ("actual_planned_number_of_instances", ()),
    ("drifted_instances", (NodeInstance.has_configuration_drift,)),
    ("unavailable_instances", (not_(NodeInstance.is_status_check_ok),)),
):
    class_mapper(Node).add_property(_name, _count_instances(*_conditions))


def has_drift(system_properties: JsonObject | None) -> bool:
    """Return whether the last drift check of an instance, or of a relationship that it is an end of, found drift."""
    properties = system_properties or {}
    checks = [_object(properties, "configuration_drift")]
    for side in ("source", "target"):
        by_relationship = _object(properties, f"{side}_relationships_configuration_drift")
        checks += (_object(by_relationship, target) for target in by_relationship)
    return any(check.get("result") for check in checks)


def is_status_ok(system_properties: JsonObject | None) -> bool:
    return _object(system_properties or {}, "status").get("ok") is True


def _object(properties: JsonObject, key: str) -> JsonObject:
    value = properties.get(key)
    return value if isinstance(value, dict) else {}

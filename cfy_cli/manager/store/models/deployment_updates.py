"""Updates of deployments: what each changes, and where it stands."""

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.contract.plan import PreparedPlan
from cfy_cli.contract.states import UpdateState
from cfy_cli.manager.store.models.deployments import InDeployment
from cfy_cli.manager.store.models.owned import Base, Owned
from cfy_cli.manager.store.models.types import OF_BLUEPRINT, JsonColumn, JsonObject, Name, text


class DeploymentUpdate(InDeployment, Base):
    __tablename__ = "deployment_updates"
    __table_args__ = (UniqueConstraint("id"), Index("ix_deployment_updates_execution", "execution_id"))
    WIRE_FIELDS = (
        "created_at",
        "id",
        "visibility",
        "deployment_plan",
        "deployment_update_node_instances",
        "deployment_update_deployment",
        "central_plugins_to_uninstall",
        "central_plugins_to_install",
        "deployment_update_nodes",
        "modified_entity_ids",
        "old_inputs",
        "new_inputs",
        "state",
        "runtime_only_evaluation",
        "keep_old_deployment_dependencies",
        "deployment_id",
        "execution_id",
        "old_blueprint_id",
        "new_blueprint_id",
        *Owned.OWNED_FIELDS,
        "steps",
        "recursive_dependencies",
        "schedules_to_create",
        "schedules_to_delete",
        "labels_to_create",
    )
    IS_NAMED = False
    UNAUDITED = frozenset(  # what its workflow finds out
        ("steps", "deployment_plan", "deployment_update_deployment", "deployment_update_nodes",
         "deployment_update_node_instances", "modified_entity_ids", "central_plugins_to_install",
         "central_plugins_to_uninstall", "recursive_dependencies", "schedules_to_create", "schedules_to_delete",
         "labels_to_create", "former_plan", "changes", "unfinished")
    )  # fmt: skip

    id: Mapped[str] = mapped_column(text(300))  # of the deployment, and a unique part
    state: Mapped[str] = mapped_column(text(24), default=UpdateState.UPDATING)
    execution_id: Mapped[str | None] = mapped_column(text(36))
    old_blueprint_id: Mapped[str] = mapped_column(Name)
    new_blueprint_id: Mapped[str] = mapped_column(Name)
    old_blueprint_storage_id: Mapped[int] = mapped_column(info=OF_BLUEPRINT)
    new_blueprint_storage_id: Mapped[int] = mapped_column(info=OF_BLUEPRINT)
    old_inputs: Mapped[JsonObject] = mapped_column(JsonColumn)
    new_inputs: Mapped[JsonObject] = mapped_column(JsonColumn)
    runtime_only_evaluation: Mapped[bool] = mapped_column(default=False)
    keep_old_deployment_dependencies: Mapped[bool] = mapped_column(default=False)
    is_preview: Mapped[bool] = mapped_column(default=False)
    steps: Mapped[list[JsonObject]] = mapped_column(JsonColumn, default=list)
    deployment_plan: Mapped[PreparedPlan | None] = mapped_column(JsonColumn)
    deployment_update_deployment: Mapped[JsonObject | None] = mapped_column(JsonColumn)  # as it was before
    deployment_update_nodes: Mapped[JsonObject | None] = mapped_column(JsonColumn)
    deployment_update_node_instances: Mapped[JsonObject | None] = mapped_column(JsonColumn)
    modified_entity_ids: Mapped[JsonObject | None] = mapped_column(JsonColumn)
    central_plugins_to_install: Mapped[list[JsonObject] | None] = mapped_column(JsonColumn)
    central_plugins_to_uninstall: Mapped[list[JsonObject] | None] = mapped_column(JsonColumn)
    recursive_dependencies: Mapped[list[JsonObject] | None] = mapped_column(JsonColumn)
    schedules_to_create: Mapped[list[JsonObject] | None] = mapped_column(JsonColumn)
    schedules_to_delete: Mapped[list[str] | None] = mapped_column(JsonColumn)
    labels_to_create: Mapped[list[JsonObject] | None] = mapped_column(JsonColumn)
    former_plan: Mapped[PreparedPlan | None] = mapped_column(JsonColumn)  # what the deployment had before
    changes: Mapped[JsonObject | None] = mapped_column(JsonColumn)  # of node instances, as they were decided
    unfinished: Mapped[list[str]] = mapped_column(
        JsonColumn, default=list
    )  # node instances that it adds, removes or reinstalls

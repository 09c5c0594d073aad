"""Store updates of deployments."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

JSON_COLUMNS = (
    "deployment_plan", "deployment_update_deployment", "deployment_update_nodes", "deployment_update_node_instances",
    "modified_entity_ids", "central_plugins_to_install", "central_plugins_to_uninstall", "recursive_dependencies",
    "schedules_to_create", "schedules_to_delete", "labels_to_create", "former_plan", "changes",
)  # fmt: skip


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    json = sa.JSON(none_as_null=True)
    op.create_table(
        "deployment_updates",
        sa.Column("id", text(300), nullable=False),
        sa.Column("state", text(24), nullable=False),
        sa.Column("execution_id", text(36), nullable=True),
        sa.Column("old_blueprint_id", text(256), nullable=False),
        sa.Column("new_blueprint_id", text(256), nullable=False),
        sa.Column("old_blueprint_storage_id", sa.Integer(), nullable=False),
        sa.Column("new_blueprint_storage_id", sa.Integer(), nullable=False),
        sa.Column("old_inputs", json, nullable=False),
        sa.Column("new_inputs", json, nullable=False),
        sa.Column("runtime_only_evaluation", sa.Boolean(), nullable=False),
        sa.Column("keep_old_deployment_dependencies", sa.Boolean(), nullable=False),
        sa.Column("is_preview", sa.Boolean(), nullable=False),
        sa.Column("steps", json, nullable=False),
        *(sa.Column(name, json, nullable=True) for name in JSON_COLUMNS),
        sa.Column("unfinished", json, nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.Column("deployment_storage_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", text(256), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("owned_by", text(256), nullable=False, server_default=""),
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.ForeignKeyConstraint(["deployment_storage_id"], ["deployments.storage_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"]),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_deployment_updates_deployment_storage_id", "deployment_updates", ["deployment_storage_id"])
    op.create_index("ix_deployment_updates_tenant_name", "deployment_updates", ["tenant_name"])
    op.create_index("ix_deployment_updates_execution", "deployment_updates", ["execution_id"])


def downgrade() -> None:
    op.drop_table("deployment_updates")

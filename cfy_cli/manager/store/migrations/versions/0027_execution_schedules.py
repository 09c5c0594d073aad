"""Store schedules of executions."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    json = sa.JSON(none_as_null=True)
    op.create_table(
        "execution_schedules",
        sa.Column("id", text(256), nullable=False),
        sa.Column("workflow_id", text(256), nullable=False),
        sa.Column("parameters", json, nullable=False),
        sa.Column("execution_arguments", json, nullable=False),
        sa.Column("since", text(24), nullable=False),
        sa.Column("until", text(24), nullable=True),
        sa.Column("rule", json, nullable=False),
        sa.Column("slip", sa.Integer(), nullable=False),
        sa.Column("stop_on_fail", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("next_occurrence", text(24), nullable=True),
        sa.Column("decided_at", text(24), nullable=False),
        sa.Column("latest_occurrence", text(24), nullable=True),
        sa.Column("latest_execution", text(36), nullable=True),
        sa.Column("acts_for", text(256), nullable=True),
        sa.Column("acts_for_storage_id", sa.Integer(), nullable=True),
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
        sa.UniqueConstraint("deployment_storage_id", "id"),
    )
    op.create_index("ix_execution_schedules_next_occurrence", "execution_schedules", ["next_occurrence"])
    op.create_index("ix_execution_schedules_decided_at", "execution_schedules", ["decided_at"])
    op.create_index("ix_execution_schedules_deployment_storage_id", "execution_schedules", ["deployment_storage_id"])
    op.create_index("ix_execution_schedules_tenant_name", "execution_schedules", ["tenant_name"])


def downgrade() -> None:
    op.drop_table("execution_schedules")

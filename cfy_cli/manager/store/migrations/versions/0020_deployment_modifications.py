"""Store modifications of deployments."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    json = sa.JSON(none_as_null=True)
    op.create_table(
        "deployment_modifications",
        sa.Column("id", text(36), nullable=False),
        sa.Column("status", text(16), nullable=False),
        sa.Column("ended_at", text(24), nullable=True),
        sa.Column("context", json, nullable=True),
        sa.Column("modified_nodes", json, nullable=False),
        sa.Column("node_instances", json, nullable=False),
        sa.Column("counts_before", json, nullable=False),
        sa.Column("execution_id", text(36), nullable=True),
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
    op.create_index(
        "ix_deployment_modifications_deployment_storage_id", "deployment_modifications", ["deployment_storage_id"]
    )
    op.create_index("ix_deployment_modifications_tenant_name", "deployment_modifications", ["tenant_name"])


def downgrade() -> None:
    op.drop_table("deployment_modifications")

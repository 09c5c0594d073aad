"""Add metrics."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "metrics",
        sa.Column("id", text(256), nullable=False),
        sa.Column("blueprint_id", text(256), nullable=False),
        sa.Column("execution_id", text(36), nullable=False),
        sa.Column("timestamp", text(24), nullable=False),
        sa.Column("name", text(256), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("deployment_storage_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", text(256), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("owned_by", text(256), nullable=False, server_default=""),
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["deployment_storage_id"], ["deployments.storage_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["execution_id"], ["executions.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"]),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("tenant_name", "id"),
    )
    for name in ("deployment_storage_id", "execution_id", "tenant_name"):
        op.create_index(f"ix_metrics_{name}", "metrics", [name])


def downgrade() -> None:
    op.drop_table("metrics")

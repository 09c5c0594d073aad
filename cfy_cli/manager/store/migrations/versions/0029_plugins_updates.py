"""Add plugins updates."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "plugins_updates",
        sa.Column("id", text(36), nullable=False),
        sa.Column("state", text(24), nullable=False),
        sa.Column("blueprint_storage_id", sa.Integer(), nullable=False),
        sa.Column("blueprint_id", text(256), nullable=False),
        sa.Column("temp_blueprint_id", text(256), nullable=True),
        sa.Column("temp_blueprint_storage_id", sa.Integer(), nullable=True),
        sa.Column("execution_id", text(36), nullable=True),
        sa.Column("deployments_to_update", sa.JSON(), nullable=True),
        sa.Column("deployments_per_tenant", sa.JSON(), nullable=True),
        sa.Column("forced", sa.Boolean(), nullable=False),
        sa.Column("all_tenants", sa.Boolean(), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("owned_by", text(256), nullable=False, server_default=""),
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["blueprint_storage_id"], ["blueprints.storage_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"]),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_plugins_updates_execution", "plugins_updates", ["execution_id"])
    for name in ("blueprint_storage_id", "tenant_name"):
        op.create_index(f"ix_plugins_updates_{name}", "plugins_updates", [name])


def downgrade() -> None:
    op.drop_table("plugins_updates")

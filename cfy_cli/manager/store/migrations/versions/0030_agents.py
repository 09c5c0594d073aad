"""Add agents."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("name", text(256), nullable=False),
        sa.Column("node_instance_storage_id", sa.Integer(), nullable=False),
        sa.Column("node_instance_id", text(256), nullable=False),
        sa.Column("node", text(256), nullable=False),
        sa.Column("install_method", text(32), nullable=False),
        sa.Column("ip", text(256), nullable=True),
        sa.Column("system", text(256), nullable=True),
        sa.Column("version", text(256), nullable=True),
        sa.Column("reported_state", text(16), nullable=False),
        sa.Column("updated_at", text(24), nullable=True),
        sa.Column("last_seen", text(24), nullable=True),
        sa.Column("queue", text(300), nullable=False),
        sa.Column("token_id", text(16), nullable=False),
        sa.Column("token", text(64), nullable=False),
        sa.Column("deployment_storage_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", text(256), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("owned_by", text(256), nullable=False, server_default=""),
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["node_instance_storage_id"], ["node_instances.storage_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["deployment_storage_id"], ["deployments.storage_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"]),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("tenant_name", "name"),
        sa.UniqueConstraint("queue"),
        sa.UniqueConstraint("token_id"),
    )
    for name in ("node_instance_storage_id", "deployment_storage_id", "tenant_name"):
        op.create_index(f"ix_agents_{name}", "agents", [name])


def downgrade() -> None:
    op.drop_table("agents")

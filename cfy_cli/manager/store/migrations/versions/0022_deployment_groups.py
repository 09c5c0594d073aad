"""Add groups of deployments."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "deployment_groups",
        sa.Column("id", text(256), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("default_blueprint_id", text(256), nullable=True),
        sa.Column("default_inputs", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("creation_counter", sa.Integer(), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"]),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("tenant_name", "id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deployment_groups_tenant_name", "deployment_groups", ["tenant_name"])
    op.create_table(
        "deployment_group_members",
        sa.Column("group_storage_id", sa.Integer(), nullable=False),
        sa.Column("deployment_storage_id", sa.Integer(), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["deployment_storage_id"], ["deployments.storage_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["group_storage_id"], ["deployment_groups.storage_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("group_storage_id", "deployment_storage_id"),
    )
    op.create_index(
        "ix_deployment_group_members_deployment_storage_id", "deployment_group_members", ["deployment_storage_id"]
    )
    op.create_table(
        "deployment_group_labels",
        sa.Column("group_storage_id", sa.Integer(), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.Column("key", text(256), nullable=False),
        sa.Column("value", text(256), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.ForeignKeyConstraint(["group_storage_id"], ["deployment_groups.storage_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("group_storage_id", "key", "value"),
    )
    op.create_index("ix_deployment_group_labels_key", "deployment_group_labels", ["key"])


def downgrade() -> None:
    for table in ("deployment_group_labels", "deployment_group_members", "deployment_groups"):
        op.drop_table(table)

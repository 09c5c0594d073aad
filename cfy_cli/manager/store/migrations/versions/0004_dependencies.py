"""Create the table of dependencies between deployments, and count deployments below one."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table("inter_deployment_dependencies",
        sa.Column("id", text(36), nullable=False),
        sa.Column("dependency_creator", sa.Text(), nullable=False),
        sa.Column("target_deployment_func", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("external_source", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("external_target", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("source_storage_id", sa.Integer(), nullable=True),
        sa.Column("target_storage_id", sa.Integer(), nullable=True),
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["source_storage_id"], ["deployments.storage_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["target_storage_id"], ["deployments.storage_id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"], ),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("id")
    )
    for column in ("source_storage_id", "target_storage_id", "tenant_name"):
        op.create_index(f"ix_inter_deployment_dependencies_{column}", "inter_deployment_dependencies", [column])
    op.create_index("ix_deployment_labels_value", "deployment_labels", ["value", "key"])
    for kind in ("services", "environments"):
        op.add_column("deployments", sa.Column(f"sub_{kind}_count", sa.Integer(), nullable=False, server_default="0"))
        op.add_column("deployments", sa.Column(f"sub_{kind}_status", text(24), nullable=True))


def downgrade() -> None:
    for kind in ("services", "environments"):
        op.drop_column("deployments", f"sub_{kind}_status")
        op.drop_column("deployments", f"sub_{kind}_count")
    op.drop_index("ix_deployment_labels_value", "deployment_labels")
    op.drop_table("inter_deployment_dependencies")

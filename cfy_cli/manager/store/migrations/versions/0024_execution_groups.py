"""Add execution groups."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "execution_groups",
        sa.Column("id", text(36), nullable=False),
        sa.Column("workflow_id", text(256), nullable=False),
        sa.Column("concurrency", sa.Integer(), nullable=False),
        sa.Column("deployment_group_id", text(256), nullable=True),
        sa.Column("success_group_id", text(256), nullable=True),
        sa.Column("failure_group_id", text(256), nullable=True),
        sa.Column("is_waiting", sa.Boolean(), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"]),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    for name in ("deployment_group_id", "is_waiting", "tenant_name"):
        op.create_index(f"ix_execution_groups_{name}", "execution_groups", [name])
    for table in ("executions", "events"):
        op.add_column(table, sa.Column("execution_group_id", text(36), nullable=True))
    in_group = sa.text("execution_group_id IS NOT NULL")
    op.drop_index("ix_executions_deployment_storage_id", "executions")
    op.create_index("ix_executions_deployment_status", "executions", ["deployment_storage_id", "status"])
    op.create_index(
        "ix_executions_exclusive",
        "executions",
        ["status"],
        sqlite_where=sa.text("is_system_workflow = 1"),
        postgresql_where=sa.text("is_system_workflow"),
    )
    op.create_index(
        "ix_executions_group",
        "executions",
        ["execution_group_id", "status", "storage_id"],
        sqlite_where=in_group,
        postgresql_where=in_group,
    )
    op.create_index(
        "ix_events_group",
        "events",
        ["execution_group_id", "storage_id"],
        sqlite_where=in_group,
        postgresql_where=in_group,
    )


def downgrade() -> None:
    op.drop_index("ix_events_group", "events")
    op.drop_index("ix_executions_group", "executions")
    op.drop_index("ix_executions_exclusive", "executions")
    op.drop_index("ix_executions_deployment_status", "executions")
    op.create_index("ix_executions_deployment_storage_id", "executions", ["deployment_storage_id"])
    for table in ("events", "executions"):
        op.drop_column(table, "execution_group_id")
    op.drop_table("execution_groups")

"""Add log bundles."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "log_bundles",
        sa.Column("id", text(256), nullable=False),
        sa.Column("status", text(16), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("execution_id", text(36), nullable=True),
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
    for name in ("execution_id", "tenant_name"):
        op.create_index(f"ix_log_bundles_{name}", "log_bundles", [name])


def downgrade() -> None:
    op.drop_table("log_bundles")

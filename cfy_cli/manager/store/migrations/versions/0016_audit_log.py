"""Add the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("ref_table", text(256), nullable=False),
        sa.Column("ref_id", sa.Integer(), nullable=True),
        sa.Column("ref_identifier", sa.JSON(), nullable=False),
        sa.Column("operation", text(8), nullable=False),
        sa.Column("creator_name", text(256), nullable=True),
        sa.Column("execution_id", text(36), nullable=True),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("storage_id"),
        sqlite_autoincrement=True,
    )
    for name in ("creator_name", "execution_id", "created_at"):
        op.create_index(f"ix_audit_log_{name}", "audit_log", [name])


def downgrade() -> None:
    op.drop_table("audit_log")

"""Add servers, shared keys, the machines of workers, and numbers of claims."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

MACHINE = (("hostname", 256), ("machine", 64), ("version", 64), ("started_at", 24))


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("executions", sa.Column("claim", sa.Integer(), nullable=False, server_default="0"))
    for name, length in MACHINE:
        op.add_column("workers", sa.Column(name, text(length), nullable=False, server_default=""))
    op.add_column("workers", sa.Column("role", text(16), nullable=False, server_default="worker"))
    op.create_table(
        "servers",
        sa.Column("name", text(256), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        *(sa.Column(name, text(length), nullable=False, server_default="") for name, length in MACHINE),
        sa.Column("seen_at", text(24), nullable=False),
        sa.Column("host", text(256), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "shared_keys",
        sa.Column("name", text(256), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("name"),
    )


def downgrade() -> None:
    op.drop_table("shared_keys")
    op.drop_table("servers")
    for name in ("role", *(name for name, _ in MACHINE)):
        op.drop_column("workers", name)
    op.drop_column("executions", "claim")

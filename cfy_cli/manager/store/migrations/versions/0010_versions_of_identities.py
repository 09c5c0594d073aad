"""Store versions of identities, where tokens come from, and failed logins by address."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "failed_logins",
        sa.Column("address", text(64), nullable=False),
        sa.Column("account", text(64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_failed_at", text(24), nullable=False),
        sa.Column("locked_until", text(24), nullable=True),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("address", "account"),
    )
    op.add_column("users", sa.Column("locked_until", text(24), nullable=True))
    op.add_column("users", sa.Column("version", text(16), nullable=False, server_default=""))
    op.add_column("users", sa.Column("token_stamp", text(16), nullable=False, server_default=""))
    connection = op.get_bind()
    for user in connection.scalars(sa.text("SELECT storage_id FROM users")).all():
        values = {"user": user, "version": secrets.token_hex(8), "stamp": secrets.token_hex(8)}
        connection.execute(
            sa.text("UPDATE users SET version = :version, token_stamp = :stamp WHERE storage_id = :user"), values
        )
    with op.batch_alter_table("tokens") as tokens:  # SQLite cannot add a foreign key to a table
        tokens.add_column(sa.Column("execution_id", text(36), nullable=True))
        tokens.add_column(sa.Column("parent_storage_id", sa.Integer(), nullable=True))
        tokens.create_foreign_key(
            "tokens_parent_storage_id_fkey", "tokens", ["parent_storage_id"], ["storage_id"], ondelete="CASCADE"
        )


def downgrade() -> None:
    with op.batch_alter_table("tokens") as tokens:
        tokens.drop_column("parent_storage_id")
        tokens.drop_column("execution_id")
    for column in ("token_stamp", "version", "locked_until"):
        op.drop_column("users", column)
    op.drop_table("failed_logins")

"""Store values of the configuration."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "config_values",
        sa.Column("scope", text(64), nullable=False),
        sa.Column("name", text(256), nullable=False),
        sa.Column("value", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("updated_at", text(24), nullable=False),
        sa.Column("updater_name", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("scope", "name"),
    )


def downgrade() -> None:
    op.drop_table("config_values")

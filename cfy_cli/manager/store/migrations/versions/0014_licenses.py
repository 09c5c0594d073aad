"""Create the table of the license."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "licenses",
        sa.Column("id", text(36), nullable=False),
        sa.Column("customer_id", text(256), nullable=False),
        sa.Column("expiration_date", text(24), nullable=True),
        sa.Column("license_edition", text(64), nullable=False),
        sa.Column("trial", sa.Boolean(), nullable=False),
        sa.Column("cloudify_version", text(64), nullable=True),
        sa.Column("capabilities", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("id"),
    )


def downgrade() -> None:
    op.drop_table("licenses")

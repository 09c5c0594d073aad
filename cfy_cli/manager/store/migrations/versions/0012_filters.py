"""Store filters of blueprints and deployments."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None
TABLES = ("blueprints_filters", "deployments_filters")


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    for table in TABLES:
        op.create_table(
            table,
            sa.Column("id", text(256), nullable=False),
            sa.Column("value", sa.JSON(none_as_null=True), nullable=False),
            sa.Column("updated_at", text(24), nullable=False),
            sa.Column("is_system_filter", sa.Boolean(), nullable=False),
            sa.Column("storage_id", sa.Integer(), nullable=False),
            sa.Column("tenant_name", text(256), nullable=False),
            sa.Column("visibility", text(16), nullable=False),
            sa.Column("created_at", text(24), nullable=False),
            sa.Column("created_by", text(256), nullable=False),
            sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"]),
            sa.PrimaryKeyConstraint("storage_id"),
            sa.UniqueConstraint("tenant_name", "id"),
        )
        op.create_index(f"ix_{table}_tenant_name", table, ["tenant_name"])


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)

"""Create the table of secrets."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table("secrets",
        sa.Column("key", text(256), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("schema", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("is_hidden_value", sa.Boolean(), nullable=False),
        sa.Column("provider_name", text(256), nullable=True),
        sa.Column("updated_at", text(24), nullable=False),
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"]),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("tenant_name", "key")
    )
    op.create_index("ix_secrets_tenant_name", "secrets", ["tenant_name"])


def downgrade() -> None:
    op.drop_table("secrets")

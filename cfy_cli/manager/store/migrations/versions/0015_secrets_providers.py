"""Create the table of secrets providers, and let secrets refer to them."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "secrets_providers",
        sa.Column("name", text(256), nullable=False),
        sa.Column("type", text(256), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("updated_at", text(24), nullable=True),
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"]),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("tenant_name", "name"),
    )
    op.create_index("ix_secrets_providers_tenant_name", "secrets_providers", ["tenant_name"])
    with op.batch_alter_table("secrets") as secrets:  # SQLite cannot add a foreign key to a table
        secrets.add_column(sa.Column("provider_options", sa.JSON(none_as_null=True), nullable=True))
        secrets.add_column(sa.Column("provider_storage_id", sa.Integer(), nullable=True))
        secrets.create_foreign_key(
            "secrets_provider_storage_id_fkey", "secrets_providers", ["provider_storage_id"], ["storage_id"]
        )
    op.create_index("ix_secrets_provider_storage_id", "secrets", ["provider_storage_id"])


def downgrade() -> None:
    op.drop_index("ix_secrets_provider_storage_id", "secrets")
    with op.batch_alter_table("secrets") as secrets:
        secrets.drop_column("provider_storage_id")
        secrets.drop_column("provider_options")
    op.drop_table("secrets_providers")

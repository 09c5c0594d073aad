"""Store which blueprints a blueprint imports, and types of objects in lower case."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "blueprint_imports",
        sa.Column("blueprint_storage_id", sa.Integer(), nullable=False),
        sa.Column("namespace", text(256), nullable=False),
        sa.Column("imported_id", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["blueprint_storage_id"], ["blueprints.storage_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("blueprint_storage_id", "namespace"),
    )
    op.execute(
        "UPDATE blueprint_labels SET value = lower(value) WHERE key = 'csys-obj-type' AND NOT EXISTS "
        "(SELECT 1 FROM blueprint_labels o WHERE o.blueprint_storage_id = blueprint_labels.blueprint_storage_id "
        "AND o.key = 'csys-obj-type' AND o.value <> blueprint_labels.value)"
    )
    op.execute(
        "UPDATE deployment_labels SET value = lower(value) WHERE key = 'csys-obj-type' AND NOT EXISTS "
        "(SELECT 1 FROM deployment_labels o WHERE o.deployment_storage_id = deployment_labels.deployment_storage_id "
        "AND o.key = 'csys-obj-type' AND o.value <> deployment_labels.value)"
    )
    op.create_index("ix_blueprint_imports_imported_id", "blueprint_imports", ["imported_id"])


def downgrade() -> None:
    op.drop_table("blueprint_imports")

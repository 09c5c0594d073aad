"""Store which blueprints a blueprint imports."""

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
    op.create_index("ix_blueprint_imports_imported_id", "blueprint_imports", ["imported_id"])


def downgrade() -> None:
    op.drop_table("blueprint_imports")

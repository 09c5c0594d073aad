"""Store icons of blueprints."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "blueprint_icons",
        sa.Column("blueprint_storage_id", sa.Integer(), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["blueprint_storage_id"], ["blueprints.storage_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("blueprint_storage_id"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("blueprint_icons")

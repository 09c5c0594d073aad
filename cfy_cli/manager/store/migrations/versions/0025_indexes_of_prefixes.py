"""Add indexes for searches for text that starts with a prefix."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

COLUMNS = ("id", "display_name", "blueprint_id")


def upgrade() -> None:
    for column in COLUMNS:
        op.create_index(f"ix_deployments_{column}_folded", "deployments", [sa.text(f"lower({column})"), "storage_id"])


def downgrade() -> None:
    for column in COLUMNS:
        op.drop_index(f"ix_deployments_{column}_folded", "deployments")

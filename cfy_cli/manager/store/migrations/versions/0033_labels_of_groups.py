"""Tell the labels that deployments have from their groups from their own; those that exist are their own."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deployment_labels", sa.Column("is_of_groups", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("deployment_labels", "is_of_groups")

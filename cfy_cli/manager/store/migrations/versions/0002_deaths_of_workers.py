"""Add counters of worker crashes to executions."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("deaths", "done_at_death"):
        op.add_column("executions", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    for name in ("done_at_death", "deaths"):
        op.drop_column("executions", name)

"""Tell the schedules that occur very often, whose number is limited; workers set this with the next occurrence."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("execution_schedules", sa.Column("is_frequent", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("execution_schedules", "is_frequent")

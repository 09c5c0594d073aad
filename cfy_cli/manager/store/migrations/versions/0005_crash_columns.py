"""Rename the counters of worker crashes."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

RENAMED = {"deaths": "crashes", "done_at_death": "progress_at_crash"}


def upgrade() -> None:
    for old, new in RENAMED.items():
        op.alter_column("executions", old, new_column_name=new)


def downgrade() -> None:
    for old, new in RENAMED.items():
        op.alter_column("executions", new, new_column_name=old)

"""Store the users with whose rights executions run."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    name = sa.String(256).with_variant(sa.String(256, collation="C"), "postgresql")
    op.add_column("executions", sa.Column("acts_for", name))
    op.add_column("executions", sa.Column("acts_for_storage_id", sa.Integer()))
    op.execute(
        "UPDATE executions SET acts_for = created_by, "
        "acts_for_storage_id = (SELECT storage_id FROM users WHERE username = executions.created_by)"
    )


def downgrade() -> None:
    op.drop_column("executions", "acts_for_storage_id")
    op.drop_column("executions", "acts_for")

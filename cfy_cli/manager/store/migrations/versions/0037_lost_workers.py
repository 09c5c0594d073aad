"""Keep workers that were lost, so that the status of the cluster tells of them."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workers", sa.Column("lost_at", sa.String(24).with_variant(sa.String(24, collation="C"), "postgresql")))


def downgrade() -> None:
    op.drop_column("workers", "lost_at")

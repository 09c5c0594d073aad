"""Let an operation that is begun again elsewhere name what runs it."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("operations", sa.Column("runner", sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")))


def downgrade() -> None:
    op.drop_column("operations", "runner")

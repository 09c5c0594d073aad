"""Keep of which blueprint the relationships are that a failed update was to remove."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("nodes", sa.Column("link_blueprints", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_column("nodes", "link_blueprints")

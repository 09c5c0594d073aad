"""Leave the ids out of the index of display names: PostgreSQL then counts by it, not by the larger table."""

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

INDEX, COLUMNS = "ix_deployments_display_name", ["display_name", "tenant_name", "visibility", "created_by"]


def upgrade() -> None:
    op.drop_index(INDEX, "deployments")
    op.create_index(INDEX, "deployments", COLUMNS)


def downgrade() -> None:
    op.drop_index(INDEX, "deployments")
    op.create_index(INDEX, "deployments", ["display_name", "id", *COLUMNS[1:]])

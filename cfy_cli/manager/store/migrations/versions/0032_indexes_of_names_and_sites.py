"""Let indexes of deployments hold what decides who sees them, so that a search counts without the rows."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

VISIBLE = ["tenant_name", "visibility", "created_by"]
COLUMNS = (("display_name", ["id", *VISIBLE]), ("site_storage_id", VISIBLE))


def upgrade() -> None:
    for column, others in COLUMNS:
        op.drop_index(f"ix_deployments_{column}", "deployments")
        op.create_index(f"ix_deployments_{column}", "deployments", [column, *others])


def downgrade() -> None:
    for column, _others in COLUMNS:
        op.drop_index(f"ix_deployments_{column}", "deployments")
        op.create_index(f"ix_deployments_{column}", "deployments", [column])

"""Leave the provider context to administrators; no endpoint has asked for the permission before."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        sa.text("DELETE FROM role_permissions WHERE permission = 'provider_context_create' AND role <> 'sys_admin'")
    )


def downgrade() -> None:
    pairs = sa.table("role_permissions", sa.column("role"), sa.column("permission"))
    for role in ("default", "manager", "operations", "user", "viewer"):
        op.execute(pairs.insert().values(role=role, permission="provider_context_create"))

"""Let execution groups refer to their target groups by storage ids, because names can be given again."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

TARGETS = ("success", "failure")


def upgrade() -> None:
    names = {"id": sa.String, "tenant_name": sa.String, "storage_id": sa.Integer}
    groups = sa.table("deployment_groups", *(sa.column(name, type_) for name, type_ in names.items()))
    for target in TARGETS:
        op.add_column("execution_groups", sa.Column(f"{target}_group_storage_id", sa.Integer(), nullable=True))
        columns = ("tenant_name", f"{target}_group_id", f"{target}_group_storage_id")
        own = sa.table("execution_groups", *(sa.column(name) for name in columns))
        named = sa.select(groups.c.storage_id).where(
            groups.c.id == own.c[f"{target}_group_id"], groups.c.tenant_name == own.c.tenant_name
        )
        op.execute(sa.update(own).values({f"{target}_group_storage_id": named.scalar_subquery()}))


def downgrade() -> None:
    for target in TARGETS:
        op.drop_column("execution_groups", f"{target}_group_storage_id")

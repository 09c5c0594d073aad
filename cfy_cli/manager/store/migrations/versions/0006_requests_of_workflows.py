"""Store which request of a workflow a task graph answers, and how many instances of a deployment are started."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tasks_graphs", sa.Column("request", sa.Text(), nullable=True))
    op.add_column("tasks_graphs", sa.Column("position", sa.Double(), nullable=True))
    op.execute(
        "UPDATE deployments SET instances_active = 'empty' WHERE NOT EXISTS "
        "(SELECT 1 FROM node_instances i WHERE i.deployment_storage_id = deployments.storage_id)"
    )
    op.execute(
        "UPDATE deployments SET instances_active = 'idle' WHERE instances_active = 'partial' AND NOT EXISTS "
        "(SELECT 1 FROM node_instances i WHERE i.deployment_storage_id = deployments.storage_id "
        "AND i.state = 'started')"
    )


def downgrade() -> None:
    op.execute("UPDATE deployments SET instances_active = 'none' WHERE instances_active = 'empty'")
    op.execute("UPDATE deployments SET instances_active = 'partial' WHERE instances_active = 'idle'")
    op.drop_column("tasks_graphs", "position")
    op.drop_column("tasks_graphs", "request")

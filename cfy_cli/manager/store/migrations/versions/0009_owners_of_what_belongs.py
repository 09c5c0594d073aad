"""Store to whom executions, events and other parts of a resource belong, and make them as visible as the resource.

Earlier versions stored executions of system workflows, and their events, with the visibility `tenant`, whatever that of
their deployment or blueprint was.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SYSTEM_WORKFLOWS = ("upload_blueprint", "create_deployment_environment", "delete_deployment_environment")
# A table and its column that names the row to which a row belongs; the table of that, its column, and whose it is. What
# other rows belong to comes first.
OWNERS = (
    ("nodes", "deployment_storage_id", "deployments", "storage_id", "created_by"),
    ("node_instances", "deployment_storage_id", "deployments", "storage_id", "created_by"),
    ("inter_deployment_dependencies", "source_storage_id", "deployments", "storage_id", "created_by"),
    ("executions", "deployment_storage_id", "deployments", "storage_id", "created_by"),
    ("executions", "id", "blueprints", "upload_execution_id", "created_by"),
    ("tasks_graphs", "execution_id", "executions", "id", "owned_by"),
    ("operations", "tasks_graph_id", "tasks_graphs", "id", "owned_by"),
    ("events", "execution_id", "executions", "id", "owned_by"),
)
TABLES = tuple(dict.fromkeys(name for name, *_ in OWNERS))


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *map(sa.column, ("visibility", *columns)))


def upgrade() -> None:
    for name in TABLES:
        op.add_column(name, sa.Column("owned_by", text(256), nullable=False, server_default=""))
        rows = table(name, "owned_by", "created_by")
        op.execute(rows.update().values(owned_by=rows.c.created_by))
    # Of a resource that is deleted nobody knows any more how visible it was.
    for name in ("executions", "events"):
        rows = table(name, "workflow_id")
        is_wrong = sa.and_(rows.c.workflow_id.in_(SYSTEM_WORKFLOWS), rows.c.visibility == "tenant")
        op.execute(rows.update().where(is_wrong).values(visibility="private"))
    for name, column, owner_name, owner_column, user in OWNERS:
        rows, owners = table(name, column, "owned_by"), table(owner_name, owner_column, user)
        belongs = owners.c[owner_column] == rows.c[column]
        values = {
            "visibility": sa.select(owners.c.visibility).where(belongs).scalar_subquery(),
            "owned_by": sa.select(owners.c[user]).where(belongs).scalar_subquery(),
        }
        op.execute(rows.update().where(sa.exists().where(belongs)).values(values))


def downgrade() -> None:
    for name in TABLES:
        op.drop_column(name, "owned_by")

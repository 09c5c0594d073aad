"""Add indexes for lists, filter rules and summaries of many rows."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

LABELS = ("ix_deployment_labels_value", "deployment_labels")
INDEXES = (
    ("ix_blueprints_id", "blueprints", ["id"]),
    ("ix_secrets_key", "secrets", ["key"]),
    ("ix_deployments_id", "deployments", ["id"]),
    ("ix_deployments_display_name", "deployments", ["display_name"]),
    ("ix_deployments_blueprint_id", "deployments", ["blueprint_id"]),
    ("ix_deployments_site_storage_id", "deployments", ["site_storage_id"]),
    ("ix_deployments_created_at", "deployments", ["created_at", "storage_id"]),
    ("ix_deployments_visible", "deployments", ["tenant_name", "visibility", "created_by"]),
    ("ix_executions_deployment_id", "executions", ["deployment_id"]),
    ("ix_executions_created_at", "executions", ["created_at", "storage_id"]),
    ("ix_executions_visible", "executions", ["tenant_name", "visibility", "owned_by", "is_system_workflow"]),
    ("ix_nodes_deployment_id", "nodes", ["deployment_id", "storage_id"]),
    ("ix_nodes_visible", "nodes", ["tenant_name", "visibility", "owned_by"]),
    ("ix_node_instances_deployment_id", "node_instances", ["deployment_id"]),
    ("ix_node_instances_node_id", "node_instances", ["node_id", "storage_id"]),
    ("ix_node_instances_visible", "node_instances", ["tenant_name", "visibility", "owned_by"]),
)


def upgrade() -> None:
    op.drop_index(LABELS[0], LABELS[1])
    op.create_index(*LABELS, ["key", "value", "deployment_storage_id"])
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, table, _ in reversed(INDEXES):
        op.drop_index(name, table)
    op.drop_index(LABELS[0], LABELS[1])
    op.create_index(*LABELS, ["value", "key"])

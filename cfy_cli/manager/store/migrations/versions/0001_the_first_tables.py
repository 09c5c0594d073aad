"""Create the first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table("tenants",
        sa.Column("name", text(256), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("name")
    )
    op.create_table("users",
        sa.Column("username", text(256), nullable=False),
        sa.Column("password", text(256), nullable=False),
        sa.Column("role", text(64), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("first_login_at", text(24), nullable=True),
        sa.Column("last_login_at", text(24), nullable=True),
        sa.Column("failed_logins", sa.Integer(), nullable=False),
        sa.Column("last_failed_login_at", text(24), nullable=True),
        sa.Column("show_getting_started", sa.Boolean(), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("username")
    )
    op.create_table("workers",
        sa.Column("name", text(256), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("seen_at", text(24), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("name")
    )
    op.create_table("blueprints",
        sa.Column("id", text(256), nullable=False),
        sa.Column("main_file_name", text(256), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("plan", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("requirements", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("updated_at", text(24), nullable=False),
        sa.Column("is_hidden", sa.Boolean(), nullable=False),
        sa.Column("state", text(32), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("error_traceback", sa.Text(), nullable=True),
        sa.Column("upload_execution_id", text(36), nullable=True),
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"], ),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("tenant_name", "id"),
        sqlite_autoincrement=True
    )
    op.create_index("ix_blueprints_tenant_name", "blueprints", ["tenant_name"])
    op.create_table("events",
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.Column("type", text(16), nullable=False),
        sa.Column("timestamp", text(24), nullable=False),
        sa.Column("reported_timestamp", text(24), nullable=False),
        sa.Column("execution_id", text(36), nullable=True),
        sa.Column("workflow_id", text(256), nullable=True),
        sa.Column("deployment_id", text(256), nullable=True),
        sa.Column("deployment_display_name", text(256), nullable=True),
        sa.Column("blueprint_id", text(256), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("event_type", text(64), nullable=True),
        sa.Column("level", text(16), nullable=True),
        sa.Column("logger", text(256), nullable=True),
        sa.Column("operation", text(256), nullable=True),
        sa.Column("node_instance_id", text(256), nullable=True),
        sa.Column("node_name", text(256), nullable=True),
        sa.Column("source_id", text(256), nullable=True),
        sa.Column("target_id", text(256), nullable=True),
        sa.Column("error_causes", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("manager_name", text(256), nullable=True),
        sa.Column("agent_name", text(256), nullable=True),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"], ),
        sa.PrimaryKeyConstraint("storage_id"),
        sqlite_autoincrement=True
    )
    op.create_index("ix_events_deployment_id", "events", ["deployment_id"])
    op.create_index("ix_events_execution", "events", ["execution_id", "storage_id"])
    op.create_index("ix_events_tenant_reported", "events", ["tenant_name", "reported_timestamp"])
    op.create_table("memberships",
        sa.Column("user_storage_id", sa.Integer(), nullable=False),
        sa.Column("tenant_storage_id", sa.Integer(), nullable=False),
        sa.Column("role", text(64), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_storage_id"], ["tenants.storage_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_storage_id"], ["users.storage_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("user_storage_id", "tenant_storage_id")
    )
    op.create_index("ix_memberships_tenant_storage_id", "memberships", ["tenant_storage_id"])
    op.create_table("plugins",
        sa.Column("id", text(36), nullable=False),
        sa.Column("archive_name", text(256), nullable=False),
        sa.Column("package_name", text(256), nullable=False),
        sa.Column("package_version", text(256), nullable=False),
        sa.Column("package_source", sa.Text(), nullable=True),
        sa.Column("title", text(256), nullable=False),
        sa.Column("distribution", text(256), nullable=True),
        sa.Column("distribution_version", text(256), nullable=True),
        sa.Column("distribution_release", text(256), nullable=True),
        sa.Column("supported_platform", text(256), nullable=True),
        sa.Column("supported_py_versions", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("wheels", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("excluded_wheels", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("yaml_files", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("blueprint_labels", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("deployment_labels", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("resource_tags", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("installation_state", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"], ),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True
    )
    op.create_index("ix_plugins_package_name", "plugins", ["package_name"])
    op.create_index("ix_plugins_tenant_name", "plugins", ["tenant_name"])
    op.create_table("sites",
        sa.Column("name", text(256), nullable=False),
        sa.Column("location", text(128), nullable=True),
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"], ),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("tenant_name", "name")
    )
    op.create_index("ix_sites_tenant_name", "sites", ["tenant_name"])
    op.create_table("tokens",
        sa.Column("id", text(16), nullable=False),
        sa.Column("user_storage_id", sa.Integer(), nullable=False),
        sa.Column("secret", text(64), nullable=False),
        sa.Column("description", text(1024), nullable=True),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("expiration_date", text(24), nullable=True),
        sa.Column("last_used", text(24), nullable=True),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_storage_id"], ["users.storage_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("id")
    )
    op.create_index("ix_tokens_user_storage_id", "tokens", ["user_storage_id"])
    op.create_table("blueprint_labels",
        sa.Column("blueprint_storage_id", sa.Integer(), nullable=False),
        sa.Column("key", text(256), nullable=False),
        sa.Column("value", text(256), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["blueprint_storage_id"], ["blueprints.storage_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("blueprint_storage_id", "key", "value")
    )
    op.create_index("ix_blueprint_labels_key", "blueprint_labels", ["key"])
    op.create_table("deployments",
        sa.Column("id", text(256), nullable=False),
        sa.Column("display_name", text(256), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("blueprint_storage_id", sa.Integer(), nullable=False),
        sa.Column("blueprint_id", text(256), nullable=False),
        sa.Column("site_storage_id", sa.Integer(), nullable=True),
        sa.Column("updated_at", text(24), nullable=False),
        sa.Column("inputs", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("groups", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("policy_types", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("policy_triggers", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("outputs", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("capabilities", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("scaling_groups", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("workflow_definitions", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("resource_tags", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("runtime_only_evaluation", sa.Boolean(), nullable=False),
        sa.Column("installation_status", text(16), nullable=False),
        sa.Column("deployment_status", text(24), nullable=False),
        sa.Column("drifted_instances", sa.Integer(), nullable=False),
        sa.Column("unavailable_instances", sa.Integer(), nullable=False),
        sa.Column("instances_active", text(8), nullable=False),
        sa.Column("node_types", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("create_execution", text(36), nullable=True),
        sa.Column("latest_execution", text(36), nullable=True),
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["blueprint_storage_id"], ["blueprints.storage_id"], ),
        sa.ForeignKeyConstraint(["site_storage_id"], ["sites.storage_id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"], ),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("tenant_name", "id"),
        sqlite_autoincrement=True
    )
    op.create_index("ix_deployments_blueprint_storage_id", "deployments", ["blueprint_storage_id"])
    op.create_index("ix_deployments_latest_execution", "deployments", ["latest_execution"])
    op.create_index("ix_deployments_tenant_name", "deployments", ["tenant_name"])
    op.create_table("deployment_labels",
        sa.Column("deployment_storage_id", sa.Integer(), nullable=False),
        sa.Column("key", text(256), nullable=False),
        sa.Column("value", text(256), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["deployment_storage_id"], ["deployments.storage_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("deployment_storage_id", "key", "value")
    )
    op.create_index("ix_deployment_labels_key", "deployment_labels", ["key"])
    op.create_table("executions",
        sa.Column("id", text(36), nullable=False),
        sa.Column("workflow_id", text(256), nullable=False),
        sa.Column("status", text(24), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("parameters", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("is_system_workflow", sa.Boolean(), nullable=False),
        sa.Column("is_dry_run", sa.Boolean(), nullable=False),
        sa.Column("resume", sa.Boolean(), nullable=False),
        sa.Column("force", sa.Boolean(), nullable=False),
        sa.Column("allow_custom_parameters", sa.Boolean(), nullable=False),
        sa.Column("wait_after_fail", sa.Integer(), nullable=False),
        sa.Column("total_operations", sa.Integer(), nullable=False),
        sa.Column("finished_operations", sa.Integer(), nullable=False),
        sa.Column("started_at", text(24), nullable=True),
        sa.Column("ended_at", text(24), nullable=True),
        sa.Column("scheduled_for", text(24), nullable=True),
        sa.Column("deployment_storage_id", sa.Integer(), nullable=True),
        sa.Column("deployment_id", text(256), nullable=True),
        sa.Column("deployment_display_name", text(256), nullable=True),
        sa.Column("blueprint_id", text(256), nullable=True),
        sa.Column("worker", text(256), nullable=True),
        sa.Column("decisions", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["deployment_storage_id"], ["deployments.storage_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"], ),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True
    )
    op.create_index("ix_executions_deployment_storage_id", "executions", ["deployment_storage_id"])
    op.create_index("ix_executions_status_created", "executions", ["status", "created_at"])
    op.create_index("ix_executions_tenant_name", "executions", ["tenant_name"])
    op.create_table("tasks_graphs",
        sa.Column("id", text(36), nullable=False),
        sa.Column("name", text(256), nullable=False),
        sa.Column("execution_id", text(36), nullable=False),
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["execution_id"], ["executions.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"], ),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("id")
    )
    op.create_index("ix_tasks_graphs_execution_id", "tasks_graphs", ["execution_id"])
    op.create_index("ix_tasks_graphs_tenant_name", "tasks_graphs", ["tenant_name"])
    op.create_table("operations",
        sa.Column("id", text(36), nullable=False),
        sa.Column("tasks_graph_id", text(36), nullable=False),
        sa.Column("task", text(512), nullable=True),
        sa.Column("name", text(512), nullable=False),
        sa.Column("type", text(64), nullable=False),
        sa.Column("state", text(24), nullable=False),
        sa.Column("dependencies", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("parameters", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("failure", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("birth", text(64), nullable=True),
        sa.Column("manager_name", text(256), nullable=True),
        sa.Column("agent_name", text(256), nullable=True),
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tasks_graph_id"], ["tasks_graphs.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"], ),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("id")
    )
    op.create_index("ix_operations_tasks_graph_id", "operations", ["tasks_graph_id"])
    op.create_index("ix_operations_tenant_name", "operations", ["tenant_name"])
    op.create_table("node_instances",
        sa.Column("id", text(256), nullable=False),
        sa.Column("node_id", text(256), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("host_id", text(256), nullable=True),
        sa.Column("state", text(32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("relationships", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("runtime_properties", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("system_properties", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("scaling_groups", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("deployment_storage_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", text(256), nullable=False),
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["deployment_storage_id"], ["deployments.storage_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"], ),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("tenant_name", "id")
    )
    op.create_index("ix_node_instances_deployment_storage_id", "node_instances", ["deployment_storage_id"])
    op.create_index("ix_node_instances_tenant_name", "node_instances", ["tenant_name"])
    op.create_table("nodes",
        sa.Column("id", text(256), nullable=False),
        sa.Column("blueprint_id", text(256), nullable=False),
        sa.Column("deployment_display_name", text(256), nullable=False),
        sa.Column("type", text(256), nullable=False),
        sa.Column("type_hierarchy", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("host_id", text(256), nullable=True),
        sa.Column("properties", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("operations", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("relationships", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("plugins", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("plugins_to_install", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("deploy_number_of_instances", sa.Integer(), nullable=False),
        sa.Column("max_number_of_instances", sa.Integer(), nullable=False),
        sa.Column("min_number_of_instances", sa.Integer(), nullable=False),
        sa.Column("number_of_instances", sa.Integer(), nullable=False),
        sa.Column("planned_number_of_instances", sa.Integer(), nullable=False),
        sa.Column("deployment_storage_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", text(256), nullable=False),
        sa.Column("tenant_name", text(256), nullable=False),
        sa.Column("visibility", text(16), nullable=False),
        sa.Column("created_at", text(24), nullable=False),
        sa.Column("created_by", text(256), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["deployment_storage_id"], ["deployments.storage_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_name"], ["tenants.name"], ),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("deployment_storage_id", "id")
    )
    op.create_index("ix_nodes_deployment_storage_id", "nodes", ["deployment_storage_id"])
    op.create_index("ix_nodes_tenant_name", "nodes", ["tenant_name"])


def downgrade() -> None:
    for table in (
        "nodes",
        "node_instances",
        "operations",
        "tasks_graphs",
        "executions",
        "deployment_labels",
        "deployments",
        "blueprint_labels",
        "tokens",
        "plugins",
        "sites",
        "memberships",
        "events",
        "blueprints",
        "workers",
        "users",
        "tenants",
    ):
        op.drop_table(table)

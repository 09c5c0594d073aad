"""Indexes of large tables beside their keys: for what lists, filter rules and summaries look at.

A list shows rows of a tenant and global rows of all tenants. No index leads to both, so those on other columns do not
begin with the tenant. Those named `visible`, and those on names and sites of deployments, hold all that decides who
sees a row: rows are counted without them. Those named `folded` serve searches for text that starts with a prefix
whatever its case.
"""

from sqlalchemy import Index, func

from cfy_cli.manager.store.models.blueprints import Blueprint
from cfy_cli.manager.store.models.deployments import Deployment, DeploymentLabel, Node, NodeInstance
from cfy_cli.manager.store.models.executions import Execution
from cfy_cli.manager.store.models.secrets import Secret

_VISIBLE = (Deployment.tenant_name, Deployment.visibility, Deployment.created_by)
INDEXES = (
    Index("ix_blueprints_id", Blueprint.id),
    Index("ix_secrets_key", Secret.key),
    Index("ix_deployments_id", Deployment.id),
    Index("ix_deployments_display_name", Deployment.display_name, *_VISIBLE),
    Index("ix_deployments_blueprint_id", Deployment.blueprint_id),
    *(
        Index(f"ix_deployments_{column.key}_folded", func.lower(column), Deployment.storage_id)
        for column in (Deployment.id, Deployment.display_name, Deployment.blueprint_id)
    ),
    Index("ix_deployments_site_storage_id", Deployment.site_storage_id, *_VISIBLE),
    Index("ix_deployments_created_at", Deployment.created_at, Deployment.storage_id),
    Index("ix_deployments_visible", *_VISIBLE),
    Index(
        "ix_deployment_labels_value", DeploymentLabel.key, DeploymentLabel.value, DeploymentLabel.deployment_storage_id
    ),
    Index("ix_executions_deployment_id", Execution.deployment_id),
    Index("ix_executions_created_at", Execution.created_at, Execution.storage_id),
    Index(
        "ix_executions_visible",
        Execution.tenant_name,
        Execution.visibility,
        Execution.owned_by,
        Execution.is_system_workflow,
    ),
    Index("ix_nodes_deployment_id", Node.deployment_id, Node.storage_id),
    Index("ix_nodes_visible", Node.tenant_name, Node.visibility, Node.owned_by),
    Index("ix_node_instances_deployment_id", NodeInstance.deployment_id),
    Index("ix_node_instances_node_id", NodeInstance.node_id, NodeInstance.storage_id),
    Index("ix_node_instances_visible", NodeInstance.tenant_name, NodeInstance.visibility, NodeInstance.owned_by),
)

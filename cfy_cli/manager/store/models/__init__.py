"""Tables of the manager, one class for each."""

from cfy_cli.manager.store.models import identity_versions
from cfy_cli.manager.store.models.agents import Agent
from cfy_cli.manager.store.models.archives import LogBundle, Snapshot
from cfy_cli.manager.store.models.audit import AuditRecord
from cfy_cli.manager.store.models.blueprints import Blueprint, BlueprintIcon, BlueprintImport, BlueprintLabel
from cfy_cli.manager.store.models.configuration import ConfigValue
from cfy_cli.manager.store.models.dependencies import InterDeploymentDependency
from cfy_cli.manager.store.models.deployment_groups import (
    DeploymentGroup,
    DeploymentGroupLabel,
    DeploymentGroupMember,
)
from cfy_cli.manager.store.models.deployment_updates import DeploymentUpdate
from cfy_cli.manager.store.models.deployments import Deployment, DeploymentLabel, Node, NodeInstance
from cfy_cli.manager.store.models.execution_groups import ExecutionGroup
from cfy_cli.manager.store.models.executions import Event, Execution
from cfy_cli.manager.store.models.filters import BlueprintsFilter, DeploymentsFilter
from cfy_cli.manager.store.models.identity import FailedLogins, Membership, Tenant, Token, User
from cfy_cli.manager.store.models.indexes import INDEXES
from cfy_cli.manager.store.models.journal import Operation, TasksGraph
from cfy_cli.manager.store.models.licenses import License
from cfy_cli.manager.store.models.metrics import Metric
from cfy_cli.manager.store.models.modifications import DeploymentModification
from cfy_cli.manager.store.models.owned import Base
from cfy_cli.manager.store.models.permissions import Permission, PermissionsVersion, RolePermission
from cfy_cli.manager.store.models.plugins import Plugin
from cfy_cli.manager.store.models.plugins_updates import PluginsUpdate
from cfy_cli.manager.store.models.processes import ServerRecord, SharedKey, WorkerRecord
from cfy_cli.manager.store.models.schedules import ExecutionSchedule
from cfy_cli.manager.store.models.secrets import Secret, SecretsProvider
from cfy_cli.manager.store.models.sites import Site
from cfy_cli.manager.store.models.user_groups import GroupMember, GroupRole, UserGroup

__all__ = [
    "INDEXES",
    "Agent",
    "AuditRecord",
    "Base",
    "Blueprint",
    "BlueprintIcon",
    "BlueprintImport",
    "BlueprintLabel",
    "BlueprintsFilter",
    "ConfigValue",
    "Deployment",
    "DeploymentGroup",
    "DeploymentGroupLabel",
    "DeploymentGroupMember",
    "DeploymentLabel",
    "DeploymentModification",
    "DeploymentUpdate",
    "DeploymentsFilter",
    "Event",
    "Execution",
    "ExecutionGroup",
    "ExecutionSchedule",
    "FailedLogins",
    "GroupMember",
    "GroupRole",
    "InterDeploymentDependency",
    "License",
    "LogBundle",
    "Membership",
    "Metric",
    "Node",
    "NodeInstance",
    "Operation",
    "Permission",
    "PermissionsVersion",
    "Plugin",
    "PluginsUpdate",
    "RolePermission",
    "Secret",
    "SecretsProvider",
    "ServerRecord",
    "SharedKey",
    "Site",
    "Snapshot",
    "TasksGraph",
    "Tenant",
    "Token",
    "User",
    "UserGroup",
    "WorkerRecord",
    "identity_versions",
]

"""The client of a manager: one collection for each resource."""

from urllib.parse import quote

from cfy_cli.client.audit_log import AuditLog
from cfy_cli.client.blueprints import Blueprints
from cfy_cli.client.collection import Collection, Item
from cfy_cli.client.config import Config
from cfy_cli.client.dependencies import Dependencies
from cfy_cli.client.deployment_groups import DeploymentGroups
from cfy_cli.client.deployments import Deployments
from cfy_cli.client.executions import Events, ExecutionGroups, Executions
from cfy_cli.client.filters import Filters
from cfy_cli.client.http import Http
from cfy_cli.client.license import License
from cfy_cli.client.permissions import Permissions
from cfy_cli.client.plugins import Plugins
from cfy_cli.client.schedules import ExecutionSchedules
from cfy_cli.client.secrets import Secrets, SecretsProviders
from cfy_cli.client.snapshots import Snapshots
from cfy_cli.client.user_groups import UserGroups
from cfy_cli.client.users import Tenants, Tokens, Users
from cfy_cli.contract import resources as r
from cfy_cli.contract.manager_resources import AUDIT_LOG, MANAGERS, SNAPSHOTS
from cfy_cli.contract.resource import Resource
from cfy_cli.errors import NotFound


class Client:
    def __init__(self, http: Http) -> None:
        self.http = http
        self.auditlog_records = AuditLog(http, AUDIT_LOG)
        self.blueprints = Blueprints(http, r.BLUEPRINTS)
        self.config = Config(http, r.CONFIG)
        self.blueprints_filters = Filters(http, r.BLUEPRINTS_FILTERS)
        self.inter_deployment_dependencies = Dependencies(http, r.DEPENDENCIES)
        self.deployments = Deployments(http, r.DEPLOYMENTS)
        self.deployments_filters = Filters(http, r.DEPLOYMENTS_FILTERS)
        self.events = Events(http, r.EVENTS)
        self.deployments_groups = DeploymentGroups(http, r.DEPLOYMENT_GROUPS)
        self.execution_groups = ExecutionGroups(http, r.EXECUTION_GROUPS)
        self.execution_schedules = ExecutionSchedules(http, r.EXECUTION_SCHEDULES)
        self.executions = Executions(http, r.EXECUTIONS)
        self.license = License(http, r.LICENSE)
        self.managers = Collection(http, MANAGERS)
        self.node_instances = Collection(http, r.NODE_INSTANCES)
        self.nodes = Collection(http, r.NODES)
        self.permissions = Permissions(http, r.PERMISSIONS)
        self.plugins = Plugins(http, r.PLUGINS)
        self.secrets = Secrets(http, r.SECRETS)
        self.secrets_providers = SecretsProviders(http, r.SECRETS_PROVIDERS)
        self.snapshots = Snapshots(http, SNAPSHOTS)
        self.tenants = Tenants(http, r.TENANTS)
        self.tokens = Tokens(http, r.TOKENS)
        self.user_groups = UserGroups(http, r.USER_GROUPS)
        self.users = Users(http, r.USERS)

    def collection(self, resource: Resource) -> Collection:
        """Return the collection of a resource; plain resources have no class and no attribute of their own."""
        return self.__dict__.get(resource.attribute) or Collection(self.http, resource)

    def label_keys(self, resource: str) -> list[str]:
        """Return the keys of the labels that blueprints or deployments have."""
        return [str(key) for key in self.http.item("GET", f"labels/{resource}")["items"]]

    def label_values(self, resource: str, key: str) -> list[str]:
        return [str(value) for value in self.http.item("GET", f"labels/{resource}/{quote(key, safe='')}")["items"]]

    def status(self) -> Item:
        return self.http.item("GET", "status")

    def version(self) -> Item:
        return self.http.item("GET", "version")

    def maintenance_state(self) -> Item:
        return self.http.item("GET", "maintenance")

    def set_maintenance(self, action: str) -> Item:
        """Activate or deactivate the maintenance mode; an empty answer says that it was so already."""
        return self.http.item("POST", f"maintenance/{action}")

    def identity_provider(self) -> str:
        return str(self.http.request("GET", "idp"))

    def maintenance(self) -> str:
        """Return the state of maintenance mode; `deactivated` for a manager that does not know the mode."""
        try:
            return str(self.maintenance_state()["status"])
        except NotFound:
            return "deactivated"

"""The catalogue: one entry for each kind of thing the manager keeps."""

from cfy_cli.contract.resource import Resource

BLUEPRINTS = Resource(
    name="blueprints",
    noun="blueprint",
    key="id",
    sort="created_at",
    search=("id",),
    columns=(
        "id",
        "description",
        "main_file_name",
        "created_at",
        "updated_at",
        "visibility",
        "tenant_name",
        "created_by",
        "state",
        "error",
        "labels",
    ),
)
DEPENDENCIES = Resource(
    name="deployments/inter-deployment-dependencies",
    noun="inter-deployment dependency",
    key="id",
    sort="created_at",
    search=("id",),
    columns=(
        "id",
        "dependency_creator",
        "source_deployment_id",
        "target_deployment_id",
        "created_at",
        "visibility",
        "tenant_name",
        "created_by",
    ),
)
DEPLOYMENTS = Resource(
    name="deployments",
    noun="deployment",
    key="id",
    sort="created_at",
    search=("id",),
    columns=(
        "id",
        "display_name",
        "blueprint_id",
        "created_at",
        "updated_at",
        "visibility",
        "tenant_name",
        "created_by",
        "site_name",
        "labels",
        "deployment_status",
        "installation_status",
    ),
    more=(
        "sub_services_count",
        "sub_services_status",
        "sub_environments_count",
        "sub_environments_status",
        "unavailable_instances",
        "drifted_instances",
    ),
)
DEPLOYMENT_GROUPS = Resource(
    name="deployment-groups",
    noun="deployment group",
    key="id",
    search=("id",),
    columns=("id", "description", "default_blueprint_id", "visibility", "tenant_name", "created_by"),
)
EVENTS = Resource(
    name="events",
    noun="event",
    key="_storage_id",
    sort="reported_timestamp",
    columns=("reported_timestamp", "type", "deployment_id", "node_instance_id", "operation", "message"),
)
EXECUTION_GROUPS = Resource(
    name="execution-groups",
    noun="execution group",
    key="id",
    sort="created_at",
    columns=("id", "workflow_id", "status", "deployment_group_id", "concurrency", "created_at", "created_by"),
)
EXECUTIONS = Resource(
    name="executions",
    noun="execution",
    key="id",
    sort="created_at",
    columns=(
        "id",
        "workflow_id",
        "status_display",
        "is_dry_run",
        "deployment_id",
        "created_at",
        "started_at",
        "scheduled_for",
        "visibility",
        "tenant_name",
        "created_by",
    ),
    headings={"status_display": "status"},
)
MANAGERS = Resource(
    name="managers",
    noun="manager",
    key="hostname",
    tenanted=False,
    columns=(
        "hostname",
        "private_ip",
        "public_ip",
        "version",
        "edition",
        "distribution",
        "distro_release",
        "last_seen",
        "networks",
    ),
)
NODE_INSTANCES = Resource(
    name="node-instances",
    noun="node instance",
    key="id",
    sort="node_id",
    search=("id",),
    columns=("id", "deployment_id", "host_id", "node_id", "state", "visibility", "tenant_name", "created_by"),
)
NODES = Resource(
    name="nodes",
    noun="node",
    key="id",
    sort="deployment_id",
    search=("id",),
    columns=(
        "id",
        "deployment_id",
        "blueprint_id",
        "host_id",
        "type",
        "visibility",
        "tenant_name",
        "actual_number_of_instances",
        "actual_planned_number_of_instances",
        "created_by",
    ),
    headings={
        "actual_number_of_instances": "number_of_instances",
        "actual_planned_number_of_instances": "planned_number_of_instances",
    },
)
PLUGINS = Resource(
    name="plugins",
    noun="plugin",
    key="id",
    sort="uploaded_at",
    search=("id", "package_name"),
    columns=(
        "id",
        "package_name",
        "package_version",
        "distribution",
        "distribution_release",
        "installation_state",
        "uploaded_at",
        "visibility",
        "tenant_name",
        "created_by",
        "yaml_url_path",
    ),
    headings={"installation_state": "installed on"},
)
SECRETS = Resource(
    name="secrets",
    noun="secret",
    key="key",
    search=("key",),
    columns=(
        "key",
        "created_at",
        "updated_at",
        "visibility",
        "tenant_name",
        "created_by",
        "is_hidden_value",
        "provider_name",
    ),
)
SITES = Resource(
    name="sites",
    noun="site",
    key="name",
    search=("name",),
    columns=("name", "location", "visibility", "tenant_name", "created_at", "created_by"),
)
TENANTS = Resource(
    name="tenants",
    noun="tenant",
    key="name",
    search=("name",),
    tenanted=False,
    columns=("name", "groups", "users"),
)
TOKENS = Resource(
    name="tokens",
    noun="token",
    key="id",
    sort="created_at",
    tenanted=False,
    columns=("id", "username", "role", "description", "expiration_date", "last_used"),
)
USERS = Resource(
    name="users",
    noun="user",
    key="username",
    search=("username",),
    tenanted=False,
    columns=("username", "groups", "role", "group_system_roles", "active", "last_login_at", "is_locked", "tenants"),
    headings={"role": "system wide role", "group_system_roles": "system wide roles via groups"},
)
WORKFLOWS = Resource(
    name="workflows",
    noun="workflow",
    key="name",
    columns=("name", "availability_rules"),
)

ALL = (
    BLUEPRINTS,
    DEPLOYMENT_GROUPS,
    DEPLOYMENTS,
    EVENTS,
    EXECUTION_GROUPS,
    EXECUTIONS,
    MANAGERS,
    NODE_INSTANCES,
    NODES,
    PLUGINS,
    SECRETS,
    SITES,
    TENANTS,
    TOKENS,
    USERS,
    WORKFLOWS,
)

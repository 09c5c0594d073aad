"""The part of the catalogue that is about the manager itself."""

from cfy_cli.contract.resource import Resource

AUDIT_LOG = Resource(
    name="auditlog records",
    noun="audit log record",
    url="audit",
    key="id",
    tenanted=False,
    sort="created_at",
    columns=("id", "operation", "ref_object", "creator_name", "execution_id", "created_at"),
    narrow=("id", "operation", "ref_object", "creator_name", "created_at", "execution_id"),
    more=("ref_table", "ref_id", "ref_identifier"),
    sources={"ref_object": "ref_identifier"},
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
    narrow=("hostname", "private_ip", "version", "last_seen", "public_ip"),
)
BROKERS = Resource(
    name="cluster brokers",
    noun="broker",
    url="brokers",
    key="name",
    tenanted=False,
    columns=("name", "port", "networks", "is_external", "host"),
    narrow=("name", "host", "port", "is_external", "networks"),
)
DB_NODES = Resource(
    name="db-nodes",
    noun="database node",
    key="name",
    tenanted=False,
    columns=("name", "host", "is_external"),
    narrow=("name", "host", "is_external"),
)
CLUSTER_SERVICES = Resource(
    name="cluster services",
    noun="service",
    key="service",
    tenanted=False,
    columns=("service", "status"),
)
CLUSTER_NODES = Resource(
    name="cluster nodes",
    noun="node",
    key="node",
    tenanted=False,
    columns=("service", "node", "status", "processes", "since", "last_seen", "version"),
    narrow=("service", "node", "status", "last_seen", "processes", "since"),
)
LOG_BUNDLES = Resource(
    name="log-bundles",
    noun="log bundle",
    key="id",
    argument="log_bundle_id",
    example="before-upgrade",
    sort="created_at",
    search=("id",),
    columns=("id", "created_at", "status", "error", "visibility", "tenant_name", "created_by"),
    narrow=("id", "status", "created_at", "error", "created_by"),
)
SNAPSHOTS = Resource(
    name="snapshots",
    noun="snapshot",
    key="id",
    argument="snapshot_id",
    example="before-upgrade",
    sort="created_at",
    search=("id",),
    columns=("id", "created_at", "status", "error", "visibility", "tenant_name", "created_by"),
    narrow=("id", "status", "created_at", "error", "created_by"),
)
METRICS = Resource(
    name="metrics",
    noun="metric",
    key="id",
    columns=("id", "name", "value", "timestamp", "deployment_id", "execution_id", "blueprint_id"),
)
METRICS_OVERVIEW = Resource(
    name="metrics overview",
    noun="metric",
    url="metrics-overview",
    key="event_id",
    heading="Metrics overview",
    tenanted=False,
    columns=("event_type", "event_id", "average_duration", "success_rate"),
)
AGENTS = Resource(
    name="agents",
    noun="agent",
    key="id",
    columns=("id", "ip", "deployment", "state", "node", "system", "version", "install_method", "tenant_name"),
    narrow=("id", "ip", "deployment", "state", "node", "version", "system", "install_method", "tenant_name"),
)

"""The resources of the catalogue that executions work on, and those that describe executions."""

from cfy_cli.contract.resource import Resource

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
    argument="execution_group_id",
    options=("execution_group",),
    example="0af52919-1bb2-4d96-8ddb-0a1de368f7b9",
    sort="created_at",
    columns=("id", "workflow_id", "status", "deployment_group_id", "concurrency", "created_at", "created_by"),
    narrow=("id", "status", "workflow_id", "deployment_group_id", "created_at"),
    more=("deployment_group",),  # the name that the public tool gives to the column of its list
    sources={"deployment_group": "deployment_group_id"},
    heading="Execution groups",
)
EXECUTIONS = Resource(
    name="executions",
    noun="execution",
    key="id",
    argument="execution_id",
    options=("execution_ids", "execution_option"),
    example="3c2b6a1e-7d55-4b3c-9f0e-0a6c5c2b9d11",
    sort="created_at",
    columns=(
        "id",
        "workflow_id",
        "status",
        "is_dry_run",
        "deployment_id",
        "created_at",
        "started_at",
        "scheduled_for",
        "visibility",
        "tenant_name",
        "created_by",
    ),
    narrow=(
        "id",
        "status",
        "workflow_id",
        "deployment_id",
        "created_at",
        "scheduled_for",
        "started_at",
        "is_dry_run",
    ),
    sources={"status": "status_display"},
)
EXECUTION_SCHEDULES = Resource(
    name="execution-schedules",
    noun="execution schedule",
    key="id",
    argument="schedule_id",
    example="nightly",
    sort="created_at",
    search=("id",),
    columns=(
        "id",
        "deployment_id",
        "workflow_id",
        "created_at",
        "next_occurrence",
        "since",
        "until",
        "stop_on_fail",
        "enabled",
        "visibility",
        "tenant_name",
        "created_by",
    ),
    narrow=("id", "deployment_id", "workflow_id", "next_occurrence", "enabled", "since", "until"),
    more=("error",),
    heading="Deployment schedules",
)
NODE_INSTANCES = Resource(
    name="node-instances",
    noun="node instance",
    key="id",
    argument="node_instance_id",
    example="web_x1y2z3",
    sort="node_id",
    search=("id",),
    columns=("id", "deployment_id", "host_id", "node_id", "state", "visibility", "tenant_name", "created_by"),
    narrow=("id", "state", "node_id", "deployment_id", "host_id"),
)
NODE_GROUPS = Resource(
    name="groups",
    noun="group",
    key="name",
    columns=("name", "members", "policies"),
)
NODES = Resource(
    name="nodes",
    noun="node",
    key="id",
    argument="node_id",
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
        "number_of_instances",
        "planned_number_of_instances",
        "created_by",
    ),
    narrow=(
        "id",
        "deployment_id",
        "type",
        "number_of_instances",
        "planned_number_of_instances",
        "host_id",
    ),
    sources={
        "number_of_instances": "actual_number_of_instances",
        "planned_number_of_instances": "actual_planned_number_of_instances",
    },
)
OPERATIONS = Resource(
    name="operations",
    noun="operation",
    key="id",
    argument="operation_id",
    sort="created_at",
    columns=("id", "name", "type", "state", "manager_name", "agent_name"),
)
TASKS_GRAPHS = Resource(
    name="tasks_graphs",
    noun="tasks graph",
    key="id",
    argument="graph_id",
    sort="created_at",
    columns=("id", "name", "created_at"),
)
WORKFLOWS = Resource(
    name="workflows",
    noun="workflow",
    key="name",
    columns=("blueprint_id", "deployment_id", "name", "availability_rules"),
)

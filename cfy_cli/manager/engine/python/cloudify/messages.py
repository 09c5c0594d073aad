"""Values that the manager and this process exchange as JSON.

cfy_cli has types of its own: this package runs in the environments of plugins, which do not have cfy_cli.
"""

from typing import TypeAlias, TypedDict

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
JsonObject: TypeAlias = dict[str, Json]


class ManagerInfo(TypedDict):
    """A manager of the cluster."""

    id: int
    hostname: str
    public_ip: str
    private_ip: str
    networks: dict[str, str]  # addresses by name


class PluginInfo(TypedDict):
    name: str
    package_name: str | None
    package_version: str | None
    properties: JsonObject
    prefix: str | None
    workdir: str


class ExecutionInfo(TypedDict):
    """Facts about an execution that do not change while it runs."""

    inputs: JsonObject
    execution_id: str
    execution_creator_username: str
    workflow_id: str
    workflow_parameters: JsonObject
    tenant_name: str
    blueprint_id: str
    deployment_id: str
    deployment_display_name: str
    deployment_creator: str
    resource_tags: JsonObject
    managers: list[ManagerInfo]


class OperationInfo(ExecutionInfo):
    """Facts about an operation that do not change while it runs."""

    type: str
    instance_id: str
    source_id: str | None
    target_id: str | None
    resources: str  # the folder of the blueprint
    workdir: str
    task_id: str
    task_name: str
    plugin: PluginInfo
    operation: str
    retry_number: int
    max_retries: int
    timeout: float | None
    timeout_recoverable: bool


class WorkflowInfo(ExecutionInfo):
    """Facts about the execution of a workflow that do not change while it runs."""

    parameters: JsonObject
    dry_run: bool
    resume: bool
    rest_host: str | None
    rest_port: str | None
    wait_after_fail: float


class NodeRelationship(TypedDict):
    type: str
    type_hierarchy: list[str]
    target_id: str  # the name of the target node


class NodeInfo(TypedDict):
    id: str
    type: str
    type_hierarchy: list[str]
    properties: JsonObject
    number_of_instances: int
    relationships: list[NodeRelationship]


class InstanceRelationship(TypedDict):
    type: str
    target_name: str
    target_id: str


class ScalingGroupInstance(TypedDict):
    name: str
    id: str


class InstanceInfo(TypedDict):
    id: str
    node_id: str
    index: int
    host_id: str | None
    state: str
    version: int
    relationships: list[InstanceRelationship]
    scaling_groups: list[ScalingGroupInstance]
    runtime_properties: JsonObject
    system_properties: JsonObject


class ErrorInfo(TypedDict):
    """The failure of an operation or a workflow."""

    kind: str  # the name of the exception
    message: str
    traceback: str
    recoverable: bool
    requested: bool  # not an error: the operation asked to be run again
    retry_after: float | None  # seconds


class ModifiedInstance(TypedDict):
    id: str
    modification: str | None  # added, removed; None for an instance that is related to one of these


class ModificationInfo(TypedDict):
    id: str
    added: list[ModifiedInstance]
    removed: list[ModifiedInstance]


class HandlerDecision(TypedDict):
    """The result of a handler of a task."""

    action: str  # retry, fail, ignore, continue
    retry_after: float | None  # seconds
    unlimited: bool


class GraphRequest(TypedDict):
    """A request of the manager about a task: to `run` it, to call its handler, or to `replace` it."""

    kind: str  # run, handle, replace
    task: str
    result: Json
    failure: ErrorInfo | None
    retries: int


class GraphEnd(TypedDict):
    """The end of a graph, after which there are no more requests."""

    kind: str  # end
    error: str | None
    cancelled: bool
    states: dict[str, tuple[str, Json, ErrorInfo | None, int]]  # by task: state, result, failure and retries

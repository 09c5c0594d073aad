"""The plan of a blueprint: what the language makes of its text, and what the engine and the API carry.

Keys and shapes are those of the public parser. Values that may hold calls of functions until a deployment is made
(counts, properties, inputs) are `Json`.
"""

from typing import NotRequired, TypedDict

from cfy_cli.contract.json import Json, JsonObject


class InstanceCounts(TypedDict):
    """How many instances of a node or scaling group there may be; -1 is without bound."""

    default_instances: int
    min_instances: int
    max_instances: int
    current_instances: int
    planned_instances: int


class Scalable(TypedDict):
    properties: InstanceCounts


class Capabilities(TypedDict):
    scalable: Scalable


class OperationPlan(TypedDict):
    """One operation of a node or relationship, or of an interface."""

    plugin: str
    operation: str  # the function of the plugin: script_runner.tasks.run
    executor: str | None
    inputs: JsonObject
    has_intrinsic_functions: bool
    max_retries: int | None
    retry_interval: float | None
    timeout: float | None
    timeout_recoverable: bool | None
    inputs_types: NotRequired[dict[str, str]]  # declared types of inputs whose values are still calls of functions


class DeclaredOperation(TypedDict):
    """An operation as an interface declares it, before a plugin is found for its implementation."""

    implementation: str
    inputs: JsonObject
    executor: str | None
    max_retries: int | None
    retry_interval: float | None
    timeout: float | None
    timeout_recoverable: bool | None


Operations = dict[str, OperationPlan]  # by `interface.operation` and, where it is unambiguous, by `operation`
Interfaces = dict[str, dict[str, DeclaredOperation]]


class RelationshipPlan(TypedDict):
    type: str
    type_hierarchy: list[str]
    target_id: str  # the name of the target node
    properties: JsonObject
    source_operations: Operations
    target_operations: Operations
    source_interfaces: NotRequired[Interfaces]
    target_interfaces: NotRequired[Interfaces]


class PluginPlan(TypedDict):
    name: str
    executor: str | None
    source: str | None
    install: bool
    install_arguments: str | None
    package_name: str | None
    package_version: str | None
    distribution: str | None
    distribution_version: str | None
    distribution_release: str | None
    supported_platform: str | None
    properties: NotRequired[JsonObject]
    properties_description: NotRequired[str | None]


class NodePlan(TypedDict):
    id: str
    name: str
    type: str
    type_hierarchy: list[str]
    properties: JsonObject
    capabilities: Capabilities
    operations: Operations
    relationships: list[RelationshipPlan]
    plugins: list[PluginPlan]
    deployment_plugins_to_install: list[PluginPlan]
    host_id: NotRequired[str]
    plugins_to_install: NotRequired[list[PluginPlan]]
    instances: NotRequired[dict[str, int]]
    interfaces: NotRequired[Interfaces]


class ParameterPlan(TypedDict, total=False):
    """The declaration of an input of a blueprint, or of a parameter of a workflow."""

    type: str
    default: Json
    description: str
    required: bool
    constraints: list[JsonObject]
    display_label: str
    hidden: bool
    display: JsonObject
    item_type: str | JsonObject


class AvailabilityRules(TypedDict, total=False):
    """Conditions under which a workflow can be started."""

    available: bool
    node_instances_active: list[str]  # all, partial, none: any of them
    node_types_required: list[str]  # any of them


class WorkflowPlan(TypedDict):
    plugin: str
    operation: str
    parameters: dict[str, ParameterPlan]
    is_cascading: bool
    availability_rules: NotRequired[AvailabilityRules | None]


class ValuePlan(TypedDict):
    """An output or a capability."""

    value: Json
    description: NotRequired[str | None]


class TriggerPlan(TypedDict):
    type: str
    parameters: JsonObject


class GroupPolicyPlan(TypedDict):
    type: str
    properties: JsonObject
    triggers: dict[str, TriggerPlan]


class GroupPlan(TypedDict):
    members: list[str]
    policies: dict[str, GroupPolicyPlan]


class PolicyPlan(TypedDict):
    type: str
    targets: list[str]
    properties: InstanceCounts


class ScalingGroupPlan(TypedDict):
    members: list[str]
    properties: InstanceCounts


class LabelPlan(TypedDict):
    values: list[Json]


class DeploymentPlan(TypedDict):
    """The parts of a plan that workflows of a deployment need."""

    nodes: list[NodePlan]
    workflows: dict[str, WorkflowPlan]
    scaling_groups: dict[str, ScalingGroupPlan]


class Plan(DeploymentPlan):
    """A compiled blueprint; `prepare_deployment` answers the calls of functions in it."""

    version: JsonObject
    description: str | None
    metadata: JsonObject | None
    inputs: dict[str, ParameterPlan]
    outputs: dict[str, ValuePlan]
    capabilities: dict[str, ValuePlan]
    groups: dict[str, GroupPlan]
    policies: dict[str, PolicyPlan]
    policy_types: dict[str, JsonObject]
    policy_triggers: dict[str, JsonObject]
    relationships: dict[str, JsonObject]
    data_types: dict[str, JsonObject]
    labels: dict[str, LabelPlan]
    blueprint_labels: dict[str, LabelPlan]
    deployment_settings: JsonObject
    resource_tags: JsonObject
    requirements: dict[str, list[Json]]
    imported_blueprints: list[str]
    namespaces_mapping: dict[str, str]
    deployment_plugins_to_install: list[PluginPlan]
    workflow_plugins_to_install: list[PluginPlan]
    host_agent_plugins_to_install: list[PluginPlan]
    upload_resources: NotRequired[JsonObject]


class InstanceRelationship(TypedDict):
    type: str
    target_name: str
    target_id: str


class InstanceGroup(TypedDict):
    name: str
    id: str


class InstancePlan(TypedDict):
    """A node instance as `create_instances` makes it."""

    id: str
    name: str
    node_id: str
    index: int
    relationships: list[InstanceRelationship]
    host_id: NotRequired[str]
    scaling_groups: NotRequired[list[InstanceGroup]]

"""The plan of a blueprint: the result of compiling it, stored by the manager and executed by the engine.

Keys and shapes are those of the public parser. In a compiled plan any value (a property, an input, an instance count)
may still be a call of a function; `prepare_deployment` replaces the calls that the inputs of a deployment answer.
"""

from typing import NotRequired, TypedDict

from cfy_cli.contract.json import Json, JsonObject


class InstanceCounts(TypedDict):
    """Numbers of instances of a node or scaling group; a maximum of -1 is no limit."""

    default_instances: int
    min_instances: int
    max_instances: int
    current_instances: int
    planned_instances: int


class Scalable(TypedDict):
    properties: InstanceCounts


class Capabilities(TypedDict):
    scalable: Scalable


class ParameterPlan(TypedDict, total=False):
    """The declaration of a property, of an input of a blueprint or operation, or of a workflow parameter."""

    type: str
    default: Json
    description: str
    required: bool
    constraints: list[JsonObject]
    display_label: str
    hidden: bool
    item_type: str
    display: JsonObject  # {"rows": int} of a textarea


Schema = dict[str, ParameterPlan]


class OperationPlan(TypedDict):
    """One operation of a node or relationship; without an implementation `plugin` and `operation` are empty."""

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
    inputs_schema: NotRequired[Schema]  # declarations of the type, for values that enter later


class DeclaredOperation(TypedDict):
    """An operation as a type or template declares it; in a type, `inputs` is the schema of the inputs."""

    implementation: str
    inputs: JsonObject
    executor: str | None
    max_retries: int | None
    retry_interval: float | None
    timeout: float | None
    timeout_recoverable: bool | None
    inputs_schema: NotRequired[Schema]  # of a template: the declarations of the type


Operations = dict[str, OperationPlan]  # by `interface.operation` and, where it is unambiguous, by `operation`
Interfaces = dict[str, dict[str, DeclaredOperation]]


def link_key(source: str, type_: str, target: str) -> str:
    """Return the key of a relationship between two nodes, where they are told apart from nodes."""
    return f"{source} {type_} {target}"


class RelationshipPlan(TypedDict):
    type: str
    type_hierarchy: list[str]
    target_id: str  # the name of the target node
    properties: JsonObject
    source_operations: Operations
    target_operations: Operations
    source_interfaces: NotRequired[Interfaces]
    target_interfaces: NotRequired[Interfaces]


class PluginPropertyPlan(TypedDict, total=False):
    type: str
    description: str
    display_label: str
    value: Json


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
    properties_description: NotRequired[str | None]
    properties: NotRequired[dict[str, PluginPropertyPlan]]


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
    deployment_plugins_to_install: NotRequired[list[PluginPlan]]
    host_id: NotRequired[str | None]  # the name of the node it runs on
    plugins_to_install: NotRequired[list[PluginPlan] | None]  # of hosts only
    instances: NotRequired[dict[str, int]]  # {"deploy": int}, if written so
    interfaces: NotRequired[Interfaces]


class AvailabilityRules(TypedDict, total=False):
    """Conditions under which a workflow can be started."""

    available: bool
    node_instances_active: list[str]  # all, partial, none: any of them
    node_types_required: list[str]  # any of them


class WorkflowPlan(TypedDict):
    plugin: str
    operation: str
    parameters: Schema
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


class PolicyTypePlan(TypedDict):
    properties: Schema
    source: str | None


class PolicyTriggerPlan(TypedDict):
    parameters: Schema
    source: str | None


class RelationshipTypePlan(TypedDict):
    name: str
    properties: Schema
    source_interfaces: Interfaces
    target_interfaces: Interfaces
    type_hierarchy: list[str]
    derived_from: NotRequired[str]


class DataTypePlan(TypedDict):
    """A data type with the properties of all its ancestors."""

    derived_from: str | None
    description: str | None
    properties: Schema
    version: str | None


class VersionPlan(TypedDict):
    """The version of the blueprint language: cloudify_dsl_1_5."""

    raw: str
    definitions_name: str
    definitions_version: list[int]


class ScalablePlan(TypedDict):
    """The parts of a plan from which node instances are created."""

    nodes: list[NodePlan]
    scaling_groups: dict[str, ScalingGroupPlan]


class DeploymentPlan(ScalablePlan):
    """The parts of a plan that workflows of a deployment need."""

    workflows: dict[str, WorkflowPlan]


class BlueprintSections(DeploymentPlan):
    """Everything in a plan but its inputs, which are declarations in a compiled plan and values in a prepared one."""

    version: VersionPlan
    description: str | None
    metadata: JsonObject | None
    outputs: dict[str, ValuePlan]
    capabilities: dict[str, ValuePlan]
    groups: dict[str, GroupPlan]
    policies: dict[str, PolicyPlan]
    policy_types: dict[str, PolicyTypePlan]
    policy_triggers: dict[str, PolicyTriggerPlan]
    relationships: dict[str, RelationshipTypePlan]
    data_types: dict[str, DataTypePlan]
    labels: dict[str, LabelPlan]
    blueprint_labels: dict[str, LabelPlan]
    deployment_settings: JsonObject
    resource_tags: JsonObject
    requirements: dict[str, list[Json]]  # arguments of calls of functions: {"secrets", "parent_capabilities"}
    imported_blueprints: list[str]
    namespaces_mapping: dict[str, str]
    deployment_plugins_to_install: list[PluginPlan]
    workflow_plugins_to_install: list[PluginPlan]
    host_agent_plugins_to_install: list[PluginPlan]
    upload_resources: NotRequired[JsonObject]


class Plan(BlueprintSections):
    """A compiled blueprint."""

    inputs: Schema


class PreparedPlan(BlueprintSections):
    """The plan of one deployment: its inputs are values, and every call that they answer is replaced by its result."""

    inputs: JsonObject


class InstanceRelationship(TypedDict):
    type: str
    target_name: str
    target_id: str


class InstanceGroup(TypedDict):
    """An instance of a scaling group that contains a node instance."""

    name: str
    id: str


class InstancePlan(TypedDict):
    """A node instance as `create_instances` returns it."""

    id: str
    name: str
    node_id: str
    index: int
    relationships: list[InstanceRelationship]
    host_id: NotRequired[str | None]  # the id of the instance it runs on
    scaling_groups: NotRequired[list[InstanceGroup]]  # the innermost first


class CapabilityCall(TypedDict):
    """A call of `get_capability` in the plan of a deployment."""

    function_identifier: str  # its path in the plan: nodes.web.properties.url.get_capability
    target_deployment: list[Json]  # the id of the deployment, or None if it is a call itself; and the argument
    context: dict[str, str]  # ids of node instances: "self", "source", "target", as far as the call has them

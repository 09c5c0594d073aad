"""The sections of a blueprint as parsed, before types are inherited and names resolved."""

from dataclasses import dataclass, field
from typing import TypedDict

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.plan import (
    AvailabilityRules,
    Capabilities,
    DeclaredOperation,
    Interfaces,
    LabelPlan,
    PluginPlan,
    PolicyPlan,
    PolicyTriggerPlan,
    PolicyTypePlan,
    Schema,
    ValuePlan,
)
from cfy_cli.dsl.yaml_nodes import YamlNode

NO_OPERATION: DeclaredOperation = {
    "implementation": "",
    "inputs": {},
    "executor": None,
    "max_retries": None,
    "retry_interval": None,
    "timeout": None,
    "timeout_recoverable": None,
}


@dataclass(slots=True)
class NodeType:
    node: YamlNode
    derived_from: str | None = None
    properties: Schema = field(default_factory=dict)
    interfaces: Interfaces = field(default_factory=dict)
    runtime_properties: Schema = field(default_factory=dict)


@dataclass(slots=True)
class RelationshipType:
    node: YamlNode
    derived_from: str | None = None
    properties: Schema = field(default_factory=dict)
    source_interfaces: Interfaces = field(default_factory=dict)
    target_interfaces: Interfaces = field(default_factory=dict)


@dataclass(slots=True)
class DataType:
    node: YamlNode
    derived_from: str | None = None
    description: str | None = None
    properties: Schema = field(default_factory=dict)
    version: str | None = None


@dataclass(slots=True)
class TemplateRelationship:
    node: YamlNode
    type: str
    target: str
    properties: YamlNode | None = None
    source_interfaces: Interfaces = field(default_factory=dict)
    target_interfaces: Interfaces = field(default_factory=dict)


@dataclass(slots=True)
class NodeTemplate:
    node: YamlNode
    type: str
    properties: YamlNode | None = None
    interfaces: Interfaces = field(default_factory=dict)
    relationships: list[TemplateRelationship] = field(default_factory=list)
    instances: dict[str, int] = field(default_factory=dict)
    capabilities: Capabilities | None = None  # its keys may be missing


@dataclass(slots=True)
class Workflow:
    node: YamlNode
    mapping: str
    parameters: Schema = field(default_factory=dict)
    is_cascading: bool = False
    availability_rules: AvailabilityRules | None = None


@dataclass(slots=True)
class GroupTrigger:
    node: YamlNode
    type: str
    parameters: YamlNode | None = None


@dataclass(slots=True)
class GroupPolicy:
    node: YamlNode
    type: str
    properties: YamlNode | None = None
    triggers: dict[str, GroupTrigger] = field(default_factory=dict)


@dataclass(slots=True)
class Group:
    node: YamlNode
    members: list[str]
    policies: dict[str, GroupPolicy] = field(default_factory=dict)


class Sections(TypedDict):
    """All sections of a blueprint but its imports; sections that are not written are empty."""

    blueprint_labels: dict[str, LabelPlan]
    capabilities: dict[str, ValuePlan]
    data_types: dict[str, DataType]
    deployment_settings: JsonObject
    description: str | None
    groups: dict[str, Group]
    inputs: Schema
    labels: dict[str, LabelPlan]
    metadata: JsonObject
    node_templates: dict[str, NodeTemplate]
    node_types: dict[str, NodeType]
    outputs: dict[str, ValuePlan]
    plugins: dict[str, PluginPlan]  # without their names
    policies: dict[str, PolicyPlan]
    policy_triggers: dict[str, PolicyTriggerPlan]
    policy_types: dict[str, PolicyTypePlan]
    relationships: dict[str, RelationshipType]
    resource_tags: JsonObject
    upload_resources: JsonObject
    workflows: dict[str, Workflow]

"""The sections of a blueprint as they are written."""

from dataclasses import dataclass, field
from typing import Any

from cfy_cli.dsl.source import Node

Json = Any
Operation = dict[str, Json]  # with the keys of NO_OPERATION
Schema = dict[str, dict[str, Json]]  # property -> what is said of it: type, default, required, ...
Interfaces = dict[str, dict[str, Operation]]

NO_OPERATION: Operation = {
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
    node: Node
    derived_from: str | None = None
    properties: Schema = field(default_factory=dict)
    interfaces: Interfaces = field(default_factory=dict)
    runtime_properties: Schema = field(default_factory=dict)


@dataclass(slots=True)
class RelationshipType:
    node: Node
    derived_from: str | None = None
    properties: Schema = field(default_factory=dict)
    source_interfaces: Interfaces = field(default_factory=dict)
    target_interfaces: Interfaces = field(default_factory=dict)


@dataclass(slots=True)
class DataType:
    node: Node
    derived_from: str | None = None
    description: str | None = None
    properties: Schema = field(default_factory=dict)
    version: str | None = None


@dataclass(slots=True)
class TemplateRelationship:
    node: Node
    type: str
    target: str
    properties: Node | None = None
    source_interfaces: Interfaces = field(default_factory=dict)
    target_interfaces: Interfaces = field(default_factory=dict)


@dataclass(slots=True)
class NodeTemplate:
    node: Node
    type: str
    properties: Node | None = None
    interfaces: Interfaces = field(default_factory=dict)
    relationships: list[TemplateRelationship] = field(default_factory=list)
    instances: dict[str, Json] = field(default_factory=dict)
    capabilities: dict[str, Json] | None = None


@dataclass(slots=True)
class Workflow:
    node: Node
    mapping: str
    parameters: Schema = field(default_factory=dict)
    is_cascading: bool = False
    availability_rules: dict[str, Json] | None = None


@dataclass(slots=True)
class GroupPolicy:
    node: Node
    type: str
    properties: Node | None = None
    triggers: dict[str, "GroupTrigger"] = field(default_factory=dict)


@dataclass(slots=True)
class GroupTrigger:
    node: Node
    type: str
    parameters: Node | None = None


@dataclass(slots=True)
class Group:
    node: Node
    members: list[str]
    policies: dict[str, GroupPolicy] = field(default_factory=dict)

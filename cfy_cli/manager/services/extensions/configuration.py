"""Configuration and runtime properties of nodes whose types the manager implements (`cloudify_types`)."""

from typing import TypedDict

from cfy_cli.contract.json import Json, JsonObject


class BlueprintConfig(TypedDict, total=False):
    id: str
    external_resource: bool  # the blueprint exists already
    blueprint_archive: str  # a URL, or a path in the folder of the own blueprint
    main_file_name: str
    labels: Json


class DeploymentConfig(TypedDict, total=False):
    id: str
    external_resource: bool  # the deployment exists already
    auto_inc_suffix: bool  # append the first number that makes the id unique
    inputs: JsonObject
    labels: Json
    logs: bool  # repeat the events of its executions in the own execution


class ExecutionConfig(TypedDict, total=False):
    parameters: JsonObject
    allow_custom_parameters: bool
    force: bool


class ResourceConfig(BlueprintConfig, total=False):
    """The property `resource_config`. Nodes of blueprints have the keys of BlueprintConfig, others the keys here."""

    blueprint: BlueprintConfig
    deployment: DeploymentConfig
    executions_start_args: ExecutionConfig


class PluginConfig(TypedDict, total=False):
    """An entry of the property `plugins`: URLs, or paths in the folder of the own blueprint."""

    wagon_path: str
    plugin_yaml_path: str


class BlueprintProperties(TypedDict, total=False):
    id: str
    blueprint_archive: str
    application_file_name: str
    labels: Json
    uploaded_here: bool  # by this node instance, which deletes it too


class DeploymentProperties(TypedDict):
    id: str


class StartedExecution(TypedDict):
    """The execution that an operation has started and that has not ended; a retry of the operation waits for it."""

    by: str  # EXECUTION/TASK
    id: str


class RuntimeProperties(TypedDict, total=False):
    """Runtime properties of a node instance. Those that begin with `_` are for the operations alone."""

    blueprint: BlueprintProperties
    deployment: DeploymentProperties
    capabilities: JsonObject  # of the deployment, as they were fetched last
    received_events: dict[str, int]  # by execution: number of events that were repeated in the own execution
    secret_name: str
    password: JsonObject
    _begun_execution: StartedExecution
    _component_create_deployment_id: str
    _plugins: list[str]  # file names of wagons that the instance has uploaded
    _secrets: list[str]  # keys of secrets that the instance has created

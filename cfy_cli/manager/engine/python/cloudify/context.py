"""`ctx` of an operation: its node and instance, its execution, and calls to the manager."""

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from .agentless import AgentlessContext
from .agentless import BootstrapContext as BootstrapContext
from .agentless import CloudifyAgentContext as CloudifyAgentContext
from .agentless import DeploymentWorkdirMixin as DeploymentWorkdirMixin
from .agentless import deployment_workdirs_sync_required as deployment_workdirs_sync_required
from .constants import DEPLOYMENT as DEPLOYMENT
from .constants import NODE_INSTANCE as NODE_INSTANCE
from .constants import RELATIONSHIP_INSTANCE as RELATIONSHIP_INSTANCE
from .exceptions import HttpException, NonRecoverableError
from .instance import NodeContext, NodeInstanceContext, RelationshipSubjectContext
from .instance import Properties as ImmutableProperties  # noqa: F401 - the public name
from .instance import RelationshipContext as RelationshipContext
from .messages import Json, JsonObject, ManagerInfo, OperationInfo, PluginInfo
from .rpc import Connection, absolute_path

if TYPE_CHECKING:
    from logging import Logger

    from .rest_items import Item


class OperationContext:
    """ctx.operation."""

    def __init__(self, connection: Connection, static: OperationInfo) -> None:
        self._connection = connection
        self.name = static["operation"]
        self.retry_number = static["retry_number"]
        self.max_retries = static["max_retries"]
        ends = {static["source_id"]: "source", static["target_id"]: "target"}
        self.relationship = ends.get(static["instance_id"])
        self._retry_requested = False

    def retry(self, message: str | None = None, retry_after: float | None = None) -> None:
        """Run the operation again after it has succeeded."""
        self._retry_requested = True
        self._connection.call("again", message=message or "", retry_after=retry_after)


class PluginContext(str):
    """ctx.plugin; as a string it is the name of the plugin."""

    def __new__(cls, info: PluginInfo) -> "PluginContext":
        plugin = super().__new__(cls, info["name"])
        plugin._info = info
        return plugin

    _info: PluginInfo
    source: str | None = None

    @property
    def name(self) -> str:
        return str(self)

    @property
    def package_name(self) -> str | None:
        return self._info["package_name"]

    @property
    def package_version(self) -> str | None:
        return self._info["package_version"]

    @property
    def properties(self) -> JsonObject:
        """The properties of the plugin, each with its `value`, `type` and `description`."""
        return dict(self._info["properties"])

    @property
    def prefix(self) -> str | None:
        """The folder of the virtual environment that it runs in."""
        return self._info["prefix"]

    @property
    def workdir(self) -> str:
        """The folder of the plugin, which lasts as long as the deployment."""
        os.makedirs(self._info["workdir"], exist_ok=True)
        return self._info["workdir"]


class BlueprintContext:
    """ctx.blueprint."""

    def __init__(self, static: OperationInfo) -> None:
        self.id = static["blueprint_id"]


class DeploymentContext:
    """ctx.deployment."""

    runtime_only_evaluation: bool | None = None

    def __init__(self, static: OperationInfo) -> None:
        self.id = static["deployment_id"]
        self.display_name = static["deployment_display_name"]
        self.creator = static["deployment_creator"]
        self.tenant_name = static["tenant_name"]
        self.resource_tags = static["resource_tags"]


class CloudifyContext(AgentlessContext):
    """Calls the manager on first use, so that importing it costs nothing."""

    type: str
    execution_id: str
    execution_creator_username: str
    workflow_id: str
    workflow_parameters: JsonObject
    tenant_name: str
    task_id: str
    task_name: str
    timeout: float | None
    timeout_recoverable: bool

    def __init__(self) -> None:
        self._connection = Connection()
        self._subjects: dict[str, RelationshipSubjectContext] = {}

    @cached_property
    def _static(self) -> OperationInfo:
        static: OperationInfo = self._connection.call("context")
        return static

    @cached_property
    def _context(self) -> JsonObject:
        """The facts under names that plugins read; some plugins set another blueprint in it to read its files."""
        static = cast(Mapping[str, Json], self._static)
        names = ("blueprint_id", "deployment_id", "execution_id", "workflow_id", "task_id", "task_name", "type")
        own: JsonObject = {"node_id": static["instance_id"], "tenant": cast(JsonObject, self.tenant)}
        return own | {name: static[name] for name in names}

    def __getattr__(self, name: str) -> object:
        if name in _STATIC:
            return cast(Mapping[str, object], self._static)[name]
        raise AttributeError(f"ctx has no {name}")

    @property
    def agent(self) -> CloudifyAgentContext:
        return CloudifyAgentContext(self._connection)

    @property
    def node(self) -> NodeContext:
        return self._own_subject().node

    @property
    def instance(self) -> NodeInstanceContext:
        return self._own_subject().instance

    @property
    def source(self) -> RelationshipSubjectContext:
        return self._end("source", self._static["source_id"])

    @property
    def target(self) -> RelationshipSubjectContext:
        return self._end("target", self._static["target_id"])

    @cached_property
    def operation(self) -> OperationContext:
        return OperationContext(self._connection, self._static)

    @cached_property
    def plugin(self) -> PluginContext:
        return PluginContext(self._static["plugin"])

    @cached_property
    def blueprint(self) -> BlueprintContext:
        return BlueprintContext(self._static)

    @cached_property
    def deployment(self) -> DeploymentContext:
        return DeploymentContext(self._static)

    @property
    def rest_host(self) -> list[str]:
        return [os.environ.get("REST_HOST", "127.0.0.1")]

    @property
    def rest_port(self) -> int:
        return int(os.environ.get("REST_PORT", "80"))

    @property
    def tenant(self) -> dict[str, str]:
        return {"name": self._static["tenant_name"]}

    @cached_property
    def capabilities(self) -> "ContextCapabilities":
        return ContextCapabilities(self.source if self._static["source_id"] else self._own_subject())

    @cached_property
    def logger(self) -> "Logger":
        from .logs import create_logger

        return create_logger(self._connection, self._static["task_id"])

    def _get_current_object(self) -> "CloudifyContext":
        return self

    def get_managers(self, network: str = "default") -> list[ManagerInfo]:
        return [manager for manager in self._static["managers"] if network in manager["networks"]]

    def get_execution(self, execution_id: str | None = None) -> "Item":
        from .manager import get_rest_client

        execution: Item = get_rest_client().executions.get(execution_id or self._static["execution_id"])
        return execution

    def send_event(self, event: str) -> None:
        self._connection.call("event", message=event)

    def get_resource(self, resource_path: str) -> bytes:
        """Return the content of a file of the blueprint. Raises HttpException when there is no such file."""
        return self._resource(resource_path).read_bytes()

    def download_resource(self, resource_path: str, target_path: str | None = None) -> str:
        """Copy a file of the blueprint and return the path of the copy. Raises HttpException when there is none."""
        self._resource(resource_path)
        return str(self._connection.call("download", path=resource_path, target=absolute_path(target_path)))

    def download_directory(self, directory_path: str, target_path: str | None = None) -> str:
        """Copy a folder of the blueprint with its content. Raises HttpException when there is no such folder."""
        self._folder(directory_path)
        return str(self._connection.call("download_folder", path=directory_path, target=absolute_path(target_path)))

    def get_resource_and_render(self, resource_path: str, template_variables: JsonObject | None = None) -> bytes:
        """Return a file of the blueprint, rendered by Jinja2; ctx is among the variables."""
        self._resource(resource_path)
        self._store_runtime_properties()
        text: str = self._connection.call("render", path=resource_path, variables=template_variables)
        return text.encode()

    def download_resource_and_render(
        self, resource_path: str, target_path: str | None = None, template_variables: JsonObject | None = None
    ) -> str:
        """Write a file of the blueprint, rendered by Jinja2, and return its path; ctx is among the variables."""
        self._resource(resource_path)
        self._store_runtime_properties()
        target = absolute_path(target_path)
        return str(
            self._connection.call("download_rendered", path=resource_path, target=target, variables=template_variables)
        )

    @cached_property
    def rest_token(self) -> str | None:
        """The token of the user who started the execution."""
        token: str | None = self._connection.call("rest_token")
        return token

    def returns(self, value: Json) -> None:
        """Set the result of the operation."""
        self._connection.call("returns", value=value)

    def abort_operation(self, message: str | None = None) -> None:
        """Fail without being retried."""
        self._connection.call("abort", message=message or "")

    def retry_operation(self, message: str | None = None, retry_after: float | None = None) -> None:
        """Run the operation again, whether it succeeds or fails."""
        self._connection.call("retry", message=message or "", retry_after=retry_after)

    def local_deployment_workdir(self) -> str:
        return self._static["workdir"]

    def _store_runtime_properties(self) -> None:
        for subject in self._subjects.values():
            subject.instance.update()

    def _own_subject(self) -> RelationshipSubjectContext:
        if self._static["source_id"]:
            raise NonRecoverableError("This operation is one of a relationship: use ctx.source and ctx.target.")
        return self._subject(self._static["instance_id"])

    def _end(self, name: str, instance_id: str | None) -> RelationshipSubjectContext:
        if instance_id is None:
            raise NonRecoverableError(f"Only an operation of a relationship has ctx.{name}.")
        return self._subject(instance_id)

    def _subject(self, instance_id: str) -> RelationshipSubjectContext:
        if instance_id not in self._subjects:
            self._subjects[instance_id] = RelationshipSubjectContext(self._connection, instance_id, writable=True)
        return self._subjects[instance_id]

    def _folder(self, path: str) -> Path:
        folder: str | None = self._connection.call("resource", path=os.fspath(path))
        is_other_blueprint = self._context["blueprint_id"] != self._static["blueprint_id"]
        if is_other_blueprint or folder is None or not Path(folder).is_dir():
            raise HttpException(path, 404, f"The blueprint has no folder {path}.")
        return Path(folder)

    def _resource(self, path: str) -> Path:
        file: str | None = self._connection.call("resource", path=os.fspath(path))
        if file is None or not Path(file).is_file():
            raise HttpException(path, 404, f"The blueprint has no file {path}.")
        return Path(file)


_STATIC = frozenset(
    {
        "type",
        "execution_id",
        "execution_creator_username",
        "workflow_id",
        "workflow_parameters",
        "tenant_name",
        "task_id",
        "task_name",
        "timeout",
        "timeout_recoverable",
    }
)


class ContextCapabilities:
    """The runtime properties of all targets of the instance's relationships."""

    def __init__(self, subject: RelationshipSubjectContext) -> None:
        self._subject = subject

    def get_all(self) -> dict[str, JsonObject]:
        targets = (relationship.target.instance for relationship in self._subject.instance.relationships)
        return {instance.id: dict(instance.runtime_properties) for instance in targets}

    def __getitem__(self, name: str) -> Json:
        values = [properties[name] for properties in self.get_all().values() if name in properties]
        if len(values) != 1:
            raise NonRecoverableError(f"{len(values)} related instances have the runtime property {name}, not one.")
        return values[0]

    def __contains__(self, name: str) -> bool:
        return any(name in properties for properties in self.get_all().values())

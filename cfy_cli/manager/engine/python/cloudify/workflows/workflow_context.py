"""`ctx` of a workflow: its deployment, and the tasks that it lets the manager run."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, TypeVar, cast

from .. import exceptions
from ..logs import create_logger
from ..messages import Json, ManagerInfo, WorkflowInfo
from ..parameters import Parameters
from ..rest_items import Item
from ..rpc import absolute_path
from .deployment import Deployment
from .deployment import Modification as Modification
from .graph_client import OperationsFailed as OperationsFailed
from .graph_client import WorkflowContextInternal
from .nodes import Node, NodeInstance, NodesAndInstances, Relationship, RelationshipInstance
from .rest_calls import RestCalls
from .tasks import LocalWorkflowTask, SendWorkflowEventTask, TaskOptions, TaskOrResult, UpdateExecutionStatusTask
from .tasks_graph import TaskDependencyGraph

if TYPE_CHECKING:
    from logging import Logger

F = TypeVar("F", bound=Callable[..., object])

# The public names of classes of this package.
CloudifyWorkflowNode = Node
CloudifyWorkflowNodeInstance = NodeInstance
CloudifyWorkflowRelationship = Relationship
CloudifyWorkflowRelationshipInstance = RelationshipInstance
CloudifyWorkflowContextInternal = WorkflowContextInternal
WorkflowDeploymentContext = Deployment
WorkflowNodesAndInstancesContainer = ModificationNodes = NodesAndInstances


class CloudifyWorkflowContext(RestCalls):
    """Calls the manager on first use, so that importing it costs nothing."""

    local = False
    knows_resume = False  # the workflow has asked whether it is resumed
    bypass_maintenance = False
    execution_token: str | None = None

    execution_id: str
    execution_creator_username: str
    workflow_id: str
    tenant_name: str
    dry_run: bool
    resume: bool
    rest_host: str | None
    rest_port: str | None
    wait_after_fail: float
    subgraph_retries: int

    @cached_property
    def internal(self) -> WorkflowContextInternal:
        return WorkflowContextInternal(self)

    @cached_property
    def _static(self) -> WorkflowInfo:
        static: WorkflowInfo = self.internal.connection.call("context")
        return static

    def __getattr__(self, name: str) -> object:
        if name in _STATIC:
            self.knows_resume = self.knows_resume or name == "resume"
            return cast(Mapping[str, object], self._static)[name]
        raise AttributeError(f"the ctx of a workflow has no {name}")

    def _get_current_object(self) -> "CloudifyWorkflowContext":
        return self

    @property
    def tenant(self) -> dict[str, str]:
        return {"name": self.tenant_name}

    @cached_property
    def blueprint(self) -> SimpleNamespace:
        return SimpleNamespace(id=self._static["blueprint_id"])

    @cached_property
    def deployment(self) -> Deployment:
        return Deployment(self, self._static)

    @cached_property
    def rest_token(self) -> str | None:
        """The token of the user who started the execution."""
        token: str | None = self.internal.connection.call("rest_token")
        return token

    @cached_property
    def logger(self) -> "Logger":
        return create_logger(self.internal.connection, self.execution_id)

    @cached_property
    def _nodes_and_instances(self) -> NodesAndInstances:
        deployment = self.internal.connection.call("deployment")
        return NodesAndInstances(self, map(Item, deployment["nodes"]), map(Item, deployment["instances"]))

    @property
    def nodes(self) -> Iterator[Node]:
        return self._nodes_and_instances.nodes

    @property
    def node_instances(self) -> Iterator[NodeInstance]:
        return self._nodes_and_instances.node_instances

    def get_node(self, node_id: str) -> Node | None:
        return self._nodes_and_instances.get_node(node_id)

    def get_node_instance(self, node_instance_id: str) -> NodeInstance | None:
        return self._nodes_and_instances.get_node_instance(node_instance_id)

    def refresh_node_instances(self) -> None:
        self.__dict__.pop("_nodes_and_instances", None)

    def graph_mode(self) -> TaskDependencyGraph:
        """Let tasks wait in graphs from now on, instead of starting them at once."""
        if self.internal.started_tasks:
            raise RuntimeError("Cannot switch to graph mode when tasks have already been executed")
        self.internal.graph_mode = True
        return self.internal.task_graph

    def send_event(
        self, event: str, event_type: str = "workflow_stage", args: Json = None, additional_context: Json = None
    ) -> TaskOrResult:
        task = SendWorkflowEventTask(self, info=event, instance_id=None, message=str(event), event_type=event_type)
        return self.internal.process_task(task)

    def update_execution_status(self, new_status: str) -> TaskOrResult:
        return self.internal.process_task(UpdateExecutionStatusTask(self, info=new_status, status=new_status))

    def local_task(
        self,
        local_task: Callable[..., object],
        node: Node | NodeInstance | None = None,
        info: object = None,
        kwargs: dict[str, object] | None = None,
        task_id: str | None = None,
        name: str | None = None,
        send_task_events: bool = True,
        override_task_config: bool = False,
        total_retries: int | None = None,
        retry_interval: float | None = None,
    ) -> TaskOrResult:
        """Run a function in this process as a task; values of its decorator `task_config` come before arguments."""
        arguments = {"total_retries": total_retries, "retry_interval": retry_interval}
        passed = {key: value for key, value in arguments.items() if value is not None}
        declared = getattr(local_task, "workflow_task_config", {})
        merged = {**declared, **passed} if override_task_config else {**passed, **declared}
        options = cast(TaskOptions, {"send_task_events": send_task_events, **arguments, **merged})
        task = LocalWorkflowTask(local_task, self, node, info, kwargs, task_id, name, **options)
        return self.internal.process_task(task)

    def download_resource(self, resource_path: str, target_path: str | None = None) -> str:
        """Copy a file of the blueprint and return the path of the copy. Raises HttpException when there is none."""
        connection = self.internal.connection
        if connection.call("resource", path=resource_path) is None:
            raise exceptions.HttpException(resource_path, 404, f"The blueprint has no file {resource_path}.")
        return str(connection.call("download", path=resource_path, target=absolute_path(target_path)))

    def get_managers(self) -> list[ManagerInfo]:
        return self._static["managers"]


def task_config(fn: F | None = None, **arguments: object) -> "F | Callable[[F], F]":
    """Decorate a function for `local_task` with its total_retries, retry_interval, name and so on."""

    def decorator(function: F) -> F:
        function.workflow_task_config = arguments  # type: ignore[attr-defined]
        return function

    return decorator if fn is None else decorator(fn)


_STATIC = frozenset(
    {
        "execution_id",
        "execution_creator_username",
        "workflow_id",
        "tenant_name",
        "dry_run",
        "resume",
        "rest_host",
        "rest_port",
        "wait_after_fail",
        "subgraph_retries",
    }
)

ctx = CloudifyWorkflowContext()
parameters = Parameters(lambda: ctx._static["parameters"])

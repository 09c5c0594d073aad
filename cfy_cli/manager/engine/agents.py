"""Agents on the hosts of deployments, and which operations they run."""

from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.manager.engine.context.instance_context import InstanceContext
from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.engine.ports import ExecutionEvent, OperationRecords
from cfy_cli.manager.engine.remote_hosts import AGENT_EXECUTORS, check_operation, install_method
from cfy_cli.manager.engine.tasks import Failure, Operation, OperationFailed

AGENT_PLUGIN = "agent"  # of operations that install agents, and are none of those that agents run


@dataclass(frozen=True, slots=True)
class AgentRoute:
    """An agent that operations can be sent to."""

    name: str
    host_id: str
    queue: str
    is_gone: bool
    last_seen: str | None

    def describe(self) -> str:
        seen = f"reported last at {self.last_seen}" if self.last_seen else "has never reported"
        return f"the agent {self.name}, which {seen}"


@runtime_checkable
class AgentInstaller(Protocol):
    """Records whose manager can have agents."""

    def has_agents(self) -> bool:
        """Return whether the manager has a broker, over which agents get operations."""

    def agent_script(self, host_id: str, agent_config: JsonObject | None) -> str | None:
        """Return the script that installs and starts the agent of a host, None where none is needed."""


@runtime_checkable
class AgentHost(AgentInstaller, Protocol):
    """Records of the manager itself, which sends operations to agents and manages these."""

    def find_agent(self, host_id: str) -> AgentRoute | None:
        """Return the agent of a host."""

    def assign_agent(self, operation_id: str, name: str) -> None:
        """Record which agent an operation is sent to: no other one may act for it."""

    def run_agent_operation(self, ctx: OperationContext) -> Json:
        """Install, start, stop or delete an agent. Raises OperationFailed."""


def has_agents(records: OperationRecords) -> bool:
    return isinstance(records, AgentInstaller) and records.has_agents()


def is_of_manager(records: OperationRecords, operation: Operation) -> bool:
    """Return whether an operation handles an agent, which the manager itself does."""
    return operation.plugin == AGENT_PLUGIN and has_agents(records)


def does_nothing(records: OperationRecords, operation: Operation) -> bool:
    """Return whether the operation is one of an agent: without agents, all operations run on this machine."""
    return operation.plugin == AGENT_PLUGIN and not has_agents(records)


def describe_nothing(operation: Operation) -> str:
    return f"Nothing to do for {operation.function}: operations run on this machine, without an agent."


def find_route(records: OperationRecords, operation: Operation) -> AgentRoute | None:
    """Return the agent that has to run an operation; None when this machine has to.

    Raises OperationFailed when the agent does not answer, or the host is another machine without an agent.
    """
    if operation.executor not in AGENT_EXECUTORS or operation.plugin == AGENT_PLUGIN or not has_agents(records):
        return None
    if not records.node(operation.node_id).get("host_id"):
        return None
    host_id = records.instance(operation.instance_id).host_id
    if host_id is None or install_method(InstanceContext(records, host_id).properties()) == "none":
        return None
    route = cast(AgentHost, records).find_agent(host_id)
    if route is None:
        check_operation(records, operation)
        return None
    if route.is_gone:
        report_wait(records, operation, route)
        raise OperationFailed(gone(route))
    return route


def gone(route: AgentRoute | None) -> Failure:
    """Return the failure of an operation whose agent does not answer: it is retried as its rules say."""
    needed = "an agent that was deleted meanwhile" if route is None else route.describe()
    return Failure(
        "AgentNotResponding",
        f"The operation needs {needed}. Look at it on its host: cfy agents status; list all: "
        "cfy agents list --all-states",
    )


def report_wait(records: OperationRecords, operation: Operation, route: AgentRoute) -> None:
    """Emit the event that an operation waits for its agent."""
    records.emit(
        ExecutionEvent(
            "cloudify_log",
            f"{operation.name} waits for {route.describe()}",
            level="warning",
            logger="agents",
            operation=operation.name,
            node_instance_id=operation.instance_id,
            node_name=operation.node_id,
            source_id=operation.source_id,
            target_id=operation.target_id,
        )
    )

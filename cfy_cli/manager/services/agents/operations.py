"""Operations of the interface cloudify.interfaces.cloudify_agent, which the manager itself runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cfy_cli.contract.agents import AGENT_TIMEOUT, AgentState
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Busy, CfyError, Invalid, Unreachable
from cfy_cli.manager.engine.context.instance_context import InstanceContext
from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.engine.ports import CancelRequest, OperationRecords
from cfy_cli.manager.engine.remote_hosts import install_method, is_this_machine
from cfy_cli.manager.engine.tasks import Abandoned, Failure, OperationFailed, non_recoverable
from cfy_cli.manager.services.agents import agents, remote
from cfy_cli.manager.services.agents.script import PROVIDED, init_script, manager_url
from cfy_cli.manager.services.runtime.db_retry import retry_until_available
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.runtime.wait import wait_until
from cfy_cli.manager.store.models import Agent, NodeInstance
from cfy_cli.manager.store.store import Store

START_TIMEOUT = 300.0  # seconds until an agent that is installed must be there
STOP_TIMEOUT = 60.0  # seconds that an agent may take to stop: it ends its operations
METHODS = ("remote", "init_script", "plugin", PROVIDED)
SCRIPT_METHODS = ("init_script", "plugin", PROVIDED)  # of hosts that run the script themselves


@dataclass(frozen=True)
class HostAgent:
    """The agent of a host, for an operation of an execution."""

    context: ExecutionContext
    records: OperationRecords
    host_id: str
    inputs: Mapping[str, Json] = field(default_factory=dict)
    log: Callable[[str, str], None] = lambda _level, _message: None

    @property
    def properties(self) -> JsonObject:
        return InstanceContext(self.records, self.host_id).properties()

    @property
    def method(self) -> str:
        return install_method(self.properties)

    @property
    def config(self) -> JsonObject:
        config = self.properties.get("agent_config")
        return config if isinstance(config, dict) else {}

    @property
    def address(self) -> str:
        instance = self.records.instance(self.host_id)
        return str(instance.runtime_properties.get("ip") or self.properties.get("ip") or "")

    @property
    def needs_none(self) -> bool:
        """Return whether the host is this machine, which runs its operations itself."""
        if self.method == "none":
            return True
        is_here = not self.address or is_this_machine(self.address)
        return self.method == "remote" and is_here and not self.config.get("user")

    def find(self) -> Agent | None:
        def find() -> Agent | None:
            with self.context.reading_own_rows() as store:
                return agents.find_of_host(store.unscoped, self._host(store).storage_id)  # of the own deployment

        return retry_until_available(self.context.stopping, find)  # a wait goes on when the database is back

    def ensure(self) -> tuple[Agent, str | None]:
        """Return the agent of the host, with its token if it was not there yet."""
        fields = {"install_method": self.method, **({"ip": self.address} if self.address else {})}
        with self.context.writing_own_rows() as store:
            host = self._host(store)
            found = agents.find_of_host(store.unscoped, host.storage_id)  # of the own deployment
            if found is not None:
                return found, None
            return agents.create(store, self.name, host, fields)

    @property
    def name(self) -> str:
        return str(self.config.get("service_name") or self.host_id)

    def script(self, agent_config: Mapping[str, Json] | None = None) -> str:
        """Return the script that installs the agent, with a new token."""
        self.ensure()
        with self.context.writing_own_rows() as store:
            agent = agents.find_of_host(store.unscoped, self._host(store).storage_id)  # of the own deployment
            assert agent is not None, "it was created before"
            token = agents.renew_token(store, agent)
            name = agent.name
        self.context.masking.add_secret(token)
        config = {**self.config, **(agent_config or {})}
        tenant = self.context.execution.tenant_name
        return init_script(self.context.app.settings, name, tenant, token, self.method, config)

    def set_state(self, state: AgentState) -> None:
        with self.context.writing_own_rows() as store:
            agent = agents.find_of_host(store.unscoped, self._host(store).storage_id)  # of the own deployment
            if agent is not None:
                agent.reported_state, agent.updated_at = state, now()

    def delete(self) -> None:
        with self.context.writing_own_rows() as store:
            agents.delete_of_host(store, self._host(store).storage_id)

    def wait(self, condition: Callable[[Agent], bool], timeout: float) -> bool:
        """Wait until a condition holds for the agent; return whether it does in time. Raises Abandoned."""

        def is_met() -> bool:
            agent = self.find()
            return agent is not None and condition(agent)

        try:
            if not wait_until(self.context, is_met, should_continue=self._may_continue, timeout=timeout):
                raise Abandoned
        except TimeoutError:
            return False
        return True

    def _may_continue(self) -> bool:
        return self.records.cancel_request() not in (CancelRequest.KILL, CancelRequest.FORCE_CANCEL)

    def _host(self, store: Store) -> NodeInstance:
        return store.get(NodeInstance, self.host_id)


def run(context: ExecutionContext, ctx: OperationContext) -> Json:
    """Run an operation of an agent. Raises OperationFailed."""
    operation = OPERATIONS.get(ctx.operation.function)
    if operation is None:
        raise non_recoverable(f"There is no operation {ctx.operation.function} of agents.")
    agent = HostAgent(context, ctx.records, ctx.operation.instance_id, ctx.inputs, ctx.log)
    try:
        if agent.needs_none:
            ctx.log("info", f"Nothing to do for {ctx.operation.function}: operations of this host run on this machine.")
            return None
        if agent.method not in METHODS:
            raise Invalid(f"`{agent.method}` is no install method of agents: they are none, {', '.join(METHODS)}")
        # While the database does not answer, as after a crash: the operation continues what it has started.
        retry_until_available(context.stopping, lambda: operation(agent))
        return None
    except (Unreachable, Busy) as error:
        raise OperationFailed(Failure("RecoverableError", str(error))) from error
    except CfyError as error:
        raise non_recoverable(f"{error.message}. {error.hint}." if error.hint else error.message) from error


def script_of(
    context: ExecutionContext, records: OperationRecords, host_id: str, agent_config: JsonObject | None
) -> str | None:
    """Return the script for a host that runs one itself."""
    agent = HostAgent(context, records, host_id)
    return agent.script(agent_config) if agent.method in SCRIPT_METHODS else None


def _create(agent: HostAgent) -> None:
    agent.ensure()
    _show(agent)
    if agent.method == "remote":
        _install(agent, START_TIMEOUT)
    elif agent.method == PROVIDED:
        _start(agent)


def _install(agent: HostAgent, timeout: float) -> None:
    """Install the agent over SSH and wait until it is there."""
    agent.log("info", f"Installing the agent {agent.name} on {agent.address} over SSH")
    agent.set_state(AgentState.CREATING)
    before = now()
    script = agent.script()
    output = remote.run_script(agent.context.app.settings, agent.address, agent.config, script, timeout)
    for line in output.splitlines():
        agent.log("debug", line)
    _wait_until_there(agent, timeout, since=before)


def _start(agent: HostAgent) -> None:
    timeout = agent.inputs.get("start_timeout")
    _wait_until_there(agent, float(timeout) if isinstance(timeout, int | float) else START_TIMEOUT)


def _wait_until_there(agent: HostAgent, timeout: float, since: str = "") -> None:
    agent.log("info", f"Waiting for the agent {agent.name}")

    def is_there(found: Agent) -> bool:
        return found.state == AgentState.STARTED and (found.last_seen or "") >= since

    if not agent.wait(is_there, timeout):
        raise OperationFailed(
            Failure(
                "RecoverableError",
                f"The agent {agent.name} did not start within {timeout:g} seconds: it has not reported to the manager, "
                f"whose URL is {manager_url(agent.context.app.settings)}. On the host, look at: cfy agent status",
            )
        )
    _show(agent)


def _show(agent: HostAgent) -> None:
    """Let the runtime properties of the host name its agent, without the token."""
    found = agent.find()
    if found is None:
        return
    described: JsonObject = {
        "name": found.name,
        "queue": found.queue,
        "install_method": found.install_method,
        "version": found.version,
        "ip": found.ip,
    }
    InstanceContext(agent.records, agent.host_id).change(lambda properties: properties.update(cloudify_agent=described))


def _stop(agent: HostAgent) -> None:
    """Let the agent end what it runs and stop; one that does not answer counts as stopped."""
    found = agent.find()
    if found is None or found.state != AgentState.STARTED:
        return
    agent.set_state(AgentState.STOPPING)
    states = (AgentState.STOPPED, AgentState.NONRESPONSIVE)
    if not agent.wait(lambda each: each.state in states, STOP_TIMEOUT):
        raise OperationFailed(Failure("RecoverableError", f"The agent {agent.name} has not stopped in time"))


def _delete(agent: HostAgent) -> None:
    """Delete the agent and its queue; its token ends at once, and with it the agent itself."""
    found = agent.find()
    agent.delete()
    if found is not None:
        from cfy_cli.manager.engine.broker.asking import delete_queues

        settings = agent.context.app.settings
        delete_queues(settings.broker, settings.broker_ca_certificate, [found.queue])
    if agent.method == "remote" and agent.address:
        remote.forget_host(agent.context.app.settings, agent.address)
    InstanceContext(agent.records, agent.host_id).change(_forget)


def _forget(properties: JsonObject) -> None:
    properties.pop("cloudify_agent", None)


def _restart(agent: HostAgent, timeout: float = START_TIMEOUT) -> None:
    _check_is_there(agent)
    before = now()
    agent.set_state(AgentState.RESTARTING)
    _wait_until_there(agent, timeout, since=before)


def _replace(agent: HostAgent) -> None:
    """Install a new agent in place of the present one."""
    settings = agent.context.app.settings
    if agent.inputs.get("manager_ip") and str(agent.inputs["manager_ip"]) not in manager_url(settings):
        raise Invalid(
            f"This manager cannot install an agent of the manager {agent.inputs['manager_ip']}",
            hint="Restore a snapshot of this manager there, and install new agents from there",
        )
    given = agent.inputs.get("install_agent_timeout")
    timeout = float(given) if isinstance(given, int | float) else START_TIMEOUT
    agent.ensure()
    if agent.method == "remote":
        _install(agent, timeout)
    else:
        _restart(agent, timeout)


def _validate(agent: HostAgent) -> None:
    timeout = agent.inputs.get("validate_agent_timeout")
    limit = float(timeout) if isinstance(timeout, int | float) else float(AGENT_TIMEOUT)
    _check_is_there(agent, limit)
    agent.log("info", f"The agent {agent.name} answers")


def _check_is_there(agent: HostAgent, timeout: float = 0) -> None:
    if not agent.wait(lambda found: found.state == AgentState.STARTED, timeout):
        found = agent.find()
        state = f"its state is {found.state}, and it reported last at {found.last_seen}" if found else "there is none"
        raise non_recoverable(f"The agent {agent.name} does not answer: {state}")


def _nothing(agent: HostAgent) -> None:
    agent.log(
        "info", "Nothing to do: an agent is configured when it is installed, and plugins at their first operation"
    )


OPERATIONS: Mapping[str, Callable[[HostAgent], None]] = {
    "cloudify_agent.installer.operations.create": _create,
    "cloudify_agent.installer.operations.configure": _nothing,
    "cloudify_agent.installer.operations.start": _start,
    "cloudify_agent.installer.operations.stop": _stop,
    "cloudify_agent.installer.operations.delete": _delete,
    "cloudify_agent.installer.operations.restart": _restart,
    "cloudify_agent.operations.stop": _stop,
    "cloudify_agent.operations.restart": _restart,
    "cloudify_agent.operations.install_plugins": _nothing,
    "cloudify_agent.operations.uninstall_plugins": _nothing,
    "cloudify_agent.operations.create_agent_amqp": _replace,
    "cloudify_agent.operations.validate_agent_amqp": _validate,
}

"""Endpoints of agents: those of users, and the one that agents call."""

from collections.abc import Sequence
from typing import TypedDict, cast

from pydantic import Field

from cfy_cli.contract.agents import AgentOrders, Heartbeat
from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.manager_resources import AGENTS
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import ErrorCode, Forbidden, Invalid
from cfy_cli.manager.engine.remote_hosts import install_method
from cfy_cli.manager.rest.api import Call
from cfy_cli.manager.rest.bodies import AnyJson, Body
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.rest.query import Parameter
from cfy_cli.manager.rest.schemas import answer_of, extended
from cfy_cli.manager.services.agents import agents
from cfy_cli.manager.services.agents.script import init_script
from cfy_cli.manager.services.identity.permissions import AGENT_WORK
from cfy_cli.manager.store.models import Agent, NodeInstance
from cfy_cli.manager.store.query import Condition

MAX_FIELD = agents.MAX_FIELD
FILTERS = (
    Parameter("node_ids", "Only agents of these nodes.", repeated=True),
    Parameter("node_instance_ids", "Only agents of these node instances.", repeated=True),
    Parameter("install_methods", "Only agents that were installed by these methods.", repeated=True),
)
COLUMNS = {"node_ids": Agent.node, "node_instance_ids": Agent.node_instance_id, "install_methods": Agent.install_method}


class NewAgent(Body):
    """The agent of a host. Snapshots of other managers give what is not used here: a user of the broker, and times."""

    node_instance_id: str
    state: str | None = None
    create_rabbitmq_user: bool = True
    install_method: str | None = Field(None, max_length=32)
    ip: str | None = Field(None, max_length=MAX_FIELD)
    system: str | None = Field(None, max_length=MAX_FIELD)
    version: str | None = Field(None, max_length=MAX_FIELD)
    visibility: AnyJson = None
    created_at: AnyJson = None
    created_by: AnyJson = None
    rabbitmq_username: AnyJson = None
    rabbitmq_password: AnyJson = None
    rabbitmq_exchange: AnyJson = None


class AgentChange(Body):
    state: str | None = None
    system: str | None = Field(None, max_length=MAX_FIELD)
    version: str | None = Field(None, max_length=MAX_FIELD)


class NewCertificates(Body):
    bundle: bool = False
    broker_ca_cert: str | None = None
    manager_ca_cert: str | None = None


class HeartbeatBody(Body):
    """The report of an agent about itself."""

    version: str | None = Field(None, max_length=MAX_FIELD)
    system: str | None = Field(None, max_length=MAX_FIELD)
    ip: str | None = Field(None, max_length=MAX_FIELD)
    state: str | None = None


class AgentScript(TypedDict):
    name: str
    script: str


class Replaced(TypedDict):
    number_of_updated_agents: int


def _conditions(call: Call) -> Sequence[Condition]:
    given = [(column, call.query.getlist(name)) for name, column in COLUMNS.items()]
    return [column.in_(values) for column, values in given if values]


noun = Noun(AGENTS, Agent, parameters=FILTERS, conditions=_conditions)
routes = noun.routes
noun.add_list()
NEW = extended(noun.answer, "NewAgentAnswer", token=str | None)


@routes.get("/agents/{name}", "agent_get", (), noun.answer)
def get_agent(call: Call, name: str) -> JsonObject:
    return noun.show(call, agents.get(call.store, name))


@routes.put("/agents/{name}", "agent_create", (), NEW, 201)
def create_agent(call: Call, name: str, body: NewAgent) -> JsonObject:
    """Create the agent of a host, or change it. `token` is given once, when it is new."""
    agents.check_state(body.state)
    host = call.store.get_own(NodeInstance, body.node_instance_id)
    agents.check_broker(call.app, name)
    changes = body.model_dump(include={"install_method", "ip", "system", "version"}, exclude_none=True)
    if body.state:
        changes["reported_state"] = body.state
    agent = call.store.find(Agent, name)
    token = None
    if agent is None:
        agent, token = agents.create(call.store, name, host, changes)
    else:
        agent = call.store.get_own(Agent, name)
        if agent.node_instance_storage_id != host.storage_id:
            raise Invalid(f"Agent `{name}` is the agent of the node instance `{agent.node_instance_id}`")
        _change(agent, changes)
    return {**noun.show(call, agent), "token": token}


@routes.post("/agents/{name}/script", "agent_create", (), answer_of(AgentScript))
def create_agent_script(call: Call, name: str) -> AgentScript:
    """Answer the script that installs and starts an agent, with a new token; the former one ends.

    The name may be that of a host whose agent does not exist yet.
    """
    agents.check_broker(call.app, name)
    agent = call.store.find(Agent, name)
    host = call.store.get_own(NodeInstance, agent.node_instance_id if agent else name)
    properties = agents.properties_of_host(call.store, host)
    if agent is None:
        agent, token = agents.create(call.store, name, host, {"install_method": install_method(properties)})
    else:
        agent = call.store.get_own(Agent, name)
        token = agents.renew_token(call.store, agent)
    config = properties.get("agent_config")
    config = config if isinstance(config, dict) else {}
    script = init_script(call.app.settings, agent.name, agent.tenant_name, token, agent.install_method, config)
    return {"name": agent.name, "script": script}


@routes.patch("/agents/{name}", "agent_update", (), noun.answer)
def update_agent(call: Call, name: str, body: AgentChange) -> JsonObject:
    """Change what is known of an agent. A running one that is `stopping` or `restarting` does so."""
    if body.state is body.system is body.version is None:
        raise Invalid("Nothing to change: give `state`, `system` or `version`")
    agents.check_state(body.state)
    agents.get(call.store, name)
    agent = call.store.get_own(Agent, name)
    changes = body.model_dump(include={"system", "version"}, exclude_none=True)
    if body.state:
        changes["reported_state"] = body.state
    _change(agent, changes)
    return noun.show(call, agent)


@routes.patch("/agents", "agent_replace_certs")
def replace_certificates(call: Call, body: NewCertificates) -> Replaced:
    """Refuse to replace the certificates of agents, which are named in the configuration of each."""
    if not (body.broker_ca_cert or body.manager_ca_cert):
        raise Invalid("Give the new certificate as `manager_ca_cert` or `broker_ca_cert`")
    if agents.is_any(call.store):
        raise Invalid(
            "The certificates of agents are replaced on their hosts: nothing was changed",
            hint="Put the new one there, into the file that `ca_certificate` of ~/.cfy-agents/agent.json names",
            code=ErrorCode.ILLEGAL_ACTION,
        )
    return {"number_of_updated_agents": 0}


@routes.post("/agents/{name}/heartbeat", AGENT_WORK)
def report_heartbeat(call: Call, name: str, body: HeartbeatBody) -> AgentOrders:
    """Record that an agent is there; for the agent itself. Answer where its work is, and whether it must stop."""
    agent = agents.own(call.store, call.login.agent_storage_id)
    if agent.name != name:
        raise Forbidden(f"The token is not of the agent `{name}`")
    given = cast(Heartbeat, body.model_dump(exclude_none=True))
    return agents.report(call.app, call.store, agent, given)


def _change(agent: Agent, changes: dict[str, str]) -> None:
    for field, value in changes.items():
        setattr(agent, field, value)
    agent.updated_at = now()

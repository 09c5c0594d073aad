"""Endpoints of agents: there are none here, since the manager runs all operations itself."""

from typing import TypedDict

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.manager_resources import AGENTS
from cfy_cli.errors import ErrorCode, Invalid, NotFound
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import Body
from cfy_cli.manager.rest.item_lists import page_of_items
from cfy_cli.manager.rest.query import ALL_TENANTS, PAGE, SORT, Parameter
from cfy_cli.manager.rest.schemas import answer_of, list_answer
from cfy_cli.manager.store.models import NodeInstance

STATES = (
    "creating", "created", "configuring", "configured", "starting", "started", "stopping", "stopped", "deleting",
    "deleted", "restarting", "restarted", "upgrading", "upgraded", "failed", "nonresponsive", "restoring", "restored",
)  # fmt: skip
FILTERS = (
    SORT,
    *PAGE,
    ALL_TENANTS,
    Parameter("node_ids", "Only agents of these nodes.", repeated=True),
    Parameter("node_instance_ids", "Only agents of these node instances.", repeated=True),
    Parameter("install_methods", "Only agents that were installed by these methods.", repeated=True),
)


class Agent(TypedDict):
    id: str
    host_id: str
    ip: str
    install_method: str
    system: str
    version: str
    node: str
    deployment: str
    deployment_id: str
    node_instance_id: str
    tenant_name: str
    created_at: str
    created_by: str
    visibility: str
    state: str


class NewAgent(Body):
    node_instance_id: str
    state: str = "creating"
    create_rabbitmq_user: bool = True


class AgentChange(Body):
    state: str | None = None
    system: str | None = None
    version: str | None = None


class NewCertificates(Body):
    bundle: bool = False
    broker_ca_cert: str | None = None
    manager_ca_cert: str | None = None


class Replaced(TypedDict):
    number_of_updated_agents: int


routes = Routes("agents")


@routes.get("/agents", "agent_list", FILTERS, list_answer(answer_of(Agent), "AgentList"), has_filters=True)
def list_agents(call: Call) -> JsonObject:
    """List the agents, of which there are none."""
    return page_of_items([], call.listing(AGENTS.order), tuple(Agent.__annotations__))


@routes.get("/agents/{name}", "agent_get")
def get_agent(call: Call, name: str) -> Agent:
    raise _not_found(name)


@routes.put("/agents/{name}", "agent_create", status=201)
def create_agent(call: Call, name: str, body: NewAgent) -> Agent:
    """Refuse an agent: nothing would give it operations."""
    _check_state(body.state)
    call.store.get(NodeInstance, body.node_instance_id)
    raise Invalid(
        f"Agent `{name}` cannot be created: this manager runs all operations itself, and gives none to agents",
        code=ErrorCode.ILLEGAL_ACTION,
    )


@routes.patch("/agents/{name}", "agent_update")
def update_agent(call: Call, name: str, body: AgentChange) -> Agent:
    if body.state is body.system is body.version is None:
        raise Invalid("Nothing to change: give `state`, `system` or `version`")
    _check_state(body.state)
    raise _not_found(name)


@routes.patch("/agents", "agent_replace_certs")
def replace_certificates(call: Call, body: NewCertificates) -> Replaced:
    """Replace the certificates of all agents, of which there are none."""
    if not (body.broker_ca_cert or body.manager_ca_cert):
        raise Invalid("Give the new certificate as `manager_ca_cert` or `broker_ca_cert`")
    return {"number_of_updated_agents": 0}


def _check_state(state: str | None) -> None:
    if state is not None and state not in STATES:
        raise Invalid(f"`{state}` is no state of agents: they are {', '.join(STATES)}")


def _not_found(name: str) -> NotFound:
    return NotFound(f"Requested `Agent` with ID `{name}` was not found", hint="List them: cfy agents list --all-states")

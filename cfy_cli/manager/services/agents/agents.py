"""Rows of agents: making them, what they report, and their tokens."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cfy_cli.contract.agents import CREDENTIAL_PREFIX, STATES, AgentOrders, AgentState, Heartbeat
from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import ErrorCode, Invalid, NotFound, Unauthorized
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.credentials import hash_secret
from cfy_cli.manager.services.identity.tokens import new_token_id
from cfy_cli.manager.services.names import check_text
from cfy_cli.manager.store.models import Agent, Node, NodeInstance
from cfy_cli.manager.store.models.owned import inherited_columns
from cfy_cli.manager.store.store import Store

ORDERS = (AgentState.STOPPING, AgentState.RESTARTING)  # what is asked of a running agent
MAX_FIELD = 256  # characters of what an agent reports


def check_state(state: str | None) -> None:
    if state is not None and state not in STATES:
        raise Invalid(f"`{state}` is no state of agents: they are {', '.join(STATES)}")


def check_broker(app: AppContext, name: str) -> None:
    """Raise Invalid when this manager could give an agent no work."""
    if not app.settings.broker:
        raise Invalid(
            f"Agent `{name}` cannot be created: this manager runs all operations itself, and gives none to agents",
            hint="Start it with a broker, by its option --broker: cfy manager start -h",
            code=ErrorCode.ILLEGAL_ACTION,
        )


def get(store: Store, name: str) -> Agent:
    agent = store.find(Agent, name)
    if agent is None:
        raise NotFound(
            f"Requested `Agent` with ID `{name}` was not found", hint="List them: cfy agents list --all-states"
        )
    return agent


def create(store: Store, name: str, host: NodeInstance, fields: Mapping[str, str]) -> tuple[Agent, str]:
    """Add the agent of a host; return it with the value of its token, which is not stored. Raises Conflict."""
    token_id, secret = new_token_id(), secrets.token_urlsafe(30)
    agent = Agent(
        name=check_text("name of an agent", name),
        node_instance_storage_id=host.storage_id,
        node_instance_id=host.id,
        node=host.node_id,
        deployment_storage_id=host.deployment_storage_id,
        deployment_id=host.deployment_id,
        # Several tenants may have agents of one name, and who knew an agent must not get the work of the next one.
        queue=f"agent.{name}.{token_id}",
        token_id=token_id,
        token=hash_secret(secret),
        **{"reported_state": AgentState.CREATING, "install_method": "provided", **fields},
        **inherited_columns(host),
    )
    return store.add(agent), _token(token_id, secret)


def renew_token(store: Store, agent: Agent) -> str:
    """Give an agent another token in place of the one that it has; return its value."""
    agent.token_id, secret = new_token_id(), secrets.token_urlsafe(30)
    agent.token = hash_secret(secret)
    store.flush()
    return _token(agent.token_id, secret)


def _token(token_id: str, secret: str) -> str:
    return f"{CREDENTIAL_PREFIX}{token_id}-{secret}"


def find_of_host(session: Session, host_storage_id: int) -> Agent | None:
    """Return the agent of a host that is in scope: the newest one, whose token is not revoked."""
    statement = select(Agent).where(Agent.node_instance_storage_id == host_storage_id)
    return session.scalar(statement.order_by(Agent.storage_id.desc()).limit(1))


def is_any(store: Store) -> bool:
    return store.unscoped.scalar(select(Agent.storage_id).limit(1)) is not None  # of all tenants: nothing of it is told


def properties_of_host(store: Store, host: NodeInstance) -> JsonObject:
    """Return the properties of the node of a host, with functions that are not evaluated."""
    found = store.unscoped.scalar(  # of a node instance in scope
        select(Node.properties).where(Node.deployment_storage_id == host.deployment_storage_id, Node.id == host.node_id)
    )
    return found or {}


def delete_of_host(store: Store, host_storage_id: int) -> None:
    """Delete the agents of a host that is in scope; their tokens end at once."""
    statement = select(Agent).where(Agent.node_instance_storage_id == host_storage_id)
    for agent in store.unscoped.scalars(statement).all():  # of a host in scope
        store.delete(agent)


def own(store: Store, agent_storage_id: int | None) -> Agent:
    """Return the agent whose token a request has. Raises Unauthorized."""
    found = store.unscoped.get(Agent, agent_storage_id or 0)  # that the token names
    if found is None:
        raise Unauthorized("User unauthorized: Invalid or expired token")
    return found


def report(app: AppContext, store: Store, agent: Agent, given: Heartbeat) -> AgentOrders:
    """Record what an agent reports; return what it is to do. An order stands until the agent reports that it obeyed."""
    check_state(given.get("state"))
    values: dict[str, str] = {"last_seen": now()}
    for field in ("version", "system", "ip"):
        if text := given.get(field):
            values[field] = str(text)[:MAX_FIELD]
    state = given.get("state") or AgentState.STARTED
    if not (agent.reported_state in ORDERS and state == AgentState.STARTED):
        values["reported_state"] = state
    # Every agent reports every few seconds, so that the audit log would tell of nothing else.
    store.unscoped.connection().execute(update(Agent).where(Agent.storage_id == agent.storage_id).values(**values))
    return {
        "name": agent.name,
        "tenant_name": agent.tenant_name,
        "state": values.get("reported_state", agent.reported_state),
        "queue": agent.queue,
        "broker": app.settings.broker,
        "broker_ca_certificate": _read_certificate(app.settings.broker_ca_certificate),
    }


def _read_certificate(file: str) -> str:
    """Return what agents check the broker with; a file that is gone is noticed where the manager uses it."""
    try:
        return Path(file).read_text() if file else ""
    except (OSError, UnicodeDecodeError):
        return ""

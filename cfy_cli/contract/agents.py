"""Vocabulary of the manager and agents."""

from enum import StrEnum
from typing import TypedDict

HEARTBEAT_INTERVAL = 3  # seconds between reports of an agent
REPORT_TIMEOUT = 4  # seconds until an agent repeats a report that nobody has answered
AGENT_TIMEOUT = 11  # seconds without a report after which an agent is gone; two reports may stay without an answer
CREDENTIAL_PREFIX = "cagt-"  # of tokens of agents; those of users begin differently


class AgentState(StrEnum):
    CREATING = "creating"
    CREATED = "created"
    CONFIGURING = "configuring"
    CONFIGURED = "configured"
    STARTING = "starting"
    STARTED = "started"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DELETING = "deleting"
    DELETED = "deleted"
    RESTARTING = "restarting"
    RESTARTED = "restarted"
    UPGRADING = "upgrading"
    UPGRADED = "upgraded"
    FAILED = "failed"
    NONRESPONSIVE = "nonresponsive"
    RESTORING = "restoring"
    RESTORED = "restored"


STATES = tuple(state.value for state in AgentState)
# States in which an agent need not report: all but those that only a running one is in.
SILENT_STATES = tuple(
    state for state in STATES if state not in ("starting", "started", "stopping", "restarting", "restarted", "upgraded")
)


class Heartbeat(TypedDict, total=False):
    """The report of an agent about itself."""

    version: str
    system: str
    ip: str
    state: str


class AgentOrders(TypedDict):
    """The answer of the manager to an agent that reports."""

    name: str
    tenant_name: str
    state: str  # `stopping` and `restarting` are orders
    queue: str
    broker: str  # the URL, with the password
    broker_ca_certificate: str  # in PEM: of the authority of a broker with TLS; empty when hosts know it

"""Hosts that are other machines: their agents would run operations there, and this manager has none on other machines.

Such operations are refused, because they would do to this machine what is meant for another one.
"""

import ipaddress
import socket
from collections.abc import Mapping
from functools import cache

import psutil

from cfy_cli.contract.json import Json
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.context.instance_context import InstanceContext
from cfy_cli.manager.engine.ports import OperationRecords
from cfy_cli.manager.engine.tasks import Operation, non_recoverable

AGENT_EXECUTORS = ("host_agent", "auto")  # `auto`: by the agent of the host, if there is a host
AGENT_INSTALLATIONS = ("cloudify_agent.installer.operations.create", "cloudify_agent.operations.create_agent_amqp")
HOST_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")


def install_method(properties: Mapping[str, Json]) -> str:
    """Return the install method of the agent; the older property `install_agent` takes precedence."""
    if properties.get("install_agent") is False:
        return "none"
    if properties.get("install_agent") is True:
        return "remote"
    agent_config = properties.get("agent_config")
    return str((agent_config.get("install_method") if isinstance(agent_config, dict) else None) or "remote")


def is_for_agent(operation: Operation) -> bool:
    """Return whether an agent would run the operation, or it would install one."""
    return operation.executor in AGENT_EXECUTORS or operation.function in AGENT_INSTALLATIONS


def check_operation(records: OperationRecords, operation: Operation) -> None:
    """Raise OperationFailed for an operation that an agent on another machine would run."""
    if not is_for_agent(operation) or not records.node(operation.node_id).get("host_id"):
        return
    host_id = records.instance(operation.instance_id).host_id
    address = find_remote_address(records, host_id) if host_id else None
    if address:
        raise non_recoverable(
            f"{operation.name} of {operation.instance_id} was not run. {_reason(records, host_id, address)}"
        )


def check_host(records: OperationRecords, host_id: str) -> None:
    """Raise Invalid for a host whose agent would have to be installed on another machine."""
    address = find_remote_address(records, host_id)
    if address:
        raise Invalid(f"Nothing was installed. {_reason(records, host_id, address)}")


def find_remote_address(records: OperationRecords, host_id: str) -> str | None:
    """Return the address of a host with an agent that is another machine than this one."""
    host = InstanceContext(records, host_id)
    properties = host.properties()
    if install_method(properties) == "none":
        return None
    address = host.instance().runtime_properties.get("ip") or properties.get("ip")
    return None if not address or is_this_machine(str(address)) else str(address)


def is_this_machine(address: str) -> bool:
    name = address.strip().lower()
    if name in HOST_NAMES or name == socket.gethostname().lower():
        return True
    try:
        parsed = ipaddress.ip_address(name)
    except ValueError:
        return False
    return parsed.is_loopback or parsed.is_unspecified or parsed in _own_addresses()


@cache
def _own_addresses() -> frozenset[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    return frozenset(
        ipaddress.ip_address(address.address.partition("%")[0])
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family in (socket.AF_INET, socket.AF_INET6)
    )


def _reason(records: OperationRecords, host_id: str | None, address: str) -> str:
    node_id = records.node_of(host_id or "")
    return (
        f"The host {host_id} is the machine {address}, whose agent would run this, and this manager runs operations "
        f"on its own machine only. `agent_config: {{install_method: none}}` of the node {node_id} runs them here, "
        "`executor: central_deployment_agent` a single operation."
    )

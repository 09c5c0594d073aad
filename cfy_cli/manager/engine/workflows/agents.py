"""What a host does beside its own lifecycle: coming up, and the agent that would run operations on it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from cfy_cli.contract.json import Json
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.tasks import Action
from cfy_cli.manager.engine.topology import COMPUTE, Topology
from cfy_cli.manager.engine.workflows.phases import Drafter

AGENT = "cloudify.interfaces.cloudify_agent"
MONITORING_AGENT = "cloudify.interfaces.monitoring_agent"
GET_STATE = "cloudify.interfaces.host.get_state"  # whether the host is up
STARTS_BY_ITSELF = ("plugin", "init_script")  # methods that leave a script for the host to run
STOPS_BY_ITSELF = (*STARTS_BY_ITSELF, "provided")


def is_host(topology: Topology, instance: Instance) -> bool:
    return COMPUTE in topology.type_hierarchy(instance)


def install_steps(topology: Topology, instance: Instance, drafter: Drafter) -> list[Action]:
    steps: list[Action] = [replace(asked, repeat_until_true=True) for asked in drafter.operation(GET_STATE)]
    method = method_of(topology, instance)
    if method != "none":
        steps += [
            *drafter.said("Creating agent"),
            *drafter.operation(f"{AGENT}.create"),
            *drafter.said("Agent created"),
        ]
    if method in STARTS_BY_ITSELF:
        steps += [
            *drafter.said("Waiting for agent to start"),
            *drafter.operation(f"{AGENT}.start"),
            *drafter.said("Agent started"),
        ]
    for verb in ("install", "start"):
        steps += drafter.operation(f"{MONITORING_AGENT}.{verb}")
    return steps


def uninstall_steps(topology: Topology, instance: Instance, drafter: Drafter) -> list[Action]:
    steps: list[Action] = []
    for verb in ("stop", "uninstall"):
        steps += drafter.operation(f"{MONITORING_AGENT}.{verb}")
    method = method_of(topology, instance)
    if method != "none":
        stop = "stop_amqp" if method in STOPS_BY_ITSELF else "stop"
        steps += [
            *drafter.said("Stopping agent"),
            *drafter.operation(f"{AGENT}.{stop}"),
            *drafter.said("Deleting agent"),
            *drafter.operation(f"{AGENT}.delete"),
            *drafter.said("Agent deleted"),
        ]
    return steps


def method_of(topology: Topology, instance: Instance) -> str:
    """How the agent gets there; the older property `install_agent` wins where it is set."""
    properties = topology.node(instance)["properties"]
    if properties.get("install_agent") is False:
        return "none"
    if properties.get("install_agent") is True:
        return "remote"
    agent_config = cast("Mapping[str, Json]", properties.get("agent_config") or {})
    return str(agent_config.get("install_method") or "remote")

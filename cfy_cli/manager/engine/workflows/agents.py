"""Steps of hosts beside their lifecycle: waiting until the host is up, and its agent."""

from dataclasses import replace

from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.remote_hosts import install_method
from cfy_cli.manager.engine.tasks import Action
from cfy_cli.manager.engine.topology import COMPUTE, Topology
from cfy_cli.manager.engine.workflows.phases import PhaseBuilder

AGENT = "cloudify.interfaces.cloudify_agent"
MONITORING_AGENT = "cloudify.interfaces.monitoring_agent"
GET_STATE = "cloudify.interfaces.host.get_state"  # returns whether the host is up
STARTS_BY_ITSELF = ("plugin", "init_script")  # methods that leave a script for the host to run
STOPS_BY_ITSELF = (*STARTS_BY_ITSELF, "provided")


def is_host(topology: Topology, instance: Instance) -> bool:
    return COMPUTE in topology.type_hierarchy(instance)


def install_steps(topology: Topology, instance: Instance, phases: PhaseBuilder) -> list[Action]:
    steps: list[Action] = [replace(operation, repeat_until_true=True) for operation in phases.operation(GET_STATE)]
    method = method_of(topology, instance)
    if method != "none":
        steps += [
            *phases.events("Creating agent"),
            *phases.operation(f"{AGENT}.create"),
            *phases.events("Agent created"),
        ]
    if method in STARTS_BY_ITSELF:
        steps += [
            *phases.events("Waiting for agent to start"),
            *phases.operation(f"{AGENT}.start"),
            *phases.events("Agent started"),
        ]
    for verb in ("install", "start"):
        steps += phases.operation(f"{MONITORING_AGENT}.{verb}")
    return steps


def uninstall_steps(topology: Topology, instance: Instance, phases: PhaseBuilder) -> list[Action]:
    steps: list[Action] = []
    for verb in ("stop", "uninstall"):
        steps += phases.operation(f"{MONITORING_AGENT}.{verb}")
    method = method_of(topology, instance)
    if method != "none":
        stop = "stop_amqp" if method in STOPS_BY_ITSELF else "stop"
        steps += [
            *phases.events("Stopping agent"),
            *phases.operation(f"{AGENT}.{stop}"),
            *phases.events("Deleting agent"),
            *phases.operation(f"{AGENT}.delete"),
            *phases.events("Agent deleted"),
        ]
    return steps


def method_of(topology: Topology, instance: Instance) -> str:
    """Return the install method of the agent of a host."""
    return install_method(topology.node(instance)["properties"])

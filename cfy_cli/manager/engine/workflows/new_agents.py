"""The workflows `validate_agents` and `install_new_agents`."""

from collections.abc import Iterable, Mapping
from typing import cast

from cfy_cli.contract.json import Json
from cfy_cli.contract.states import InstanceState
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.graph import GraphBuilder, SequenceBuilder
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.selection import select
from cfy_cli.manager.engine.tasks import NodeEvent, Operation
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows.agents import AGENT, MONITORING_AGENT, is_host, method_of
from cfy_cli.manager.engine.workflows.context import Graphs, WorkflowContext
from cfy_cli.manager.engine.workflows.phases import MONITORING

FORWARDED = ("manager_ip",)  # parameters that the operations take


def validate_agents(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    topology = ctx.topology()
    builder = GraphBuilder("validate_agents")
    for host in _hosts(ctx, topology, parameters):
        _validate(builder, topology, host, {"current_amqp": True})
    yield builder.build()


def install_new_agents(ctx: WorkflowContext, parameters: Mapping[str, Json]) -> Graphs:
    """Validate all agents first; install new ones only when all have answered. A new agent ends the old one."""
    if parameters.get("manager_certificate"):
        raise Invalid(
            "Agents cannot be given the certificate of a manager (manager_certificate) by this manager. Put it on the "
            "hosts and name its file in `ca_certificate` of ~/.cfy-agents/agent.json; install the agents without it"
        )
    topology = ctx.topology()
    builder = GraphBuilder("install_agents")
    hosts = _hosts(ctx, topology, parameters)
    forwarded = {name: parameters.get(name) for name in FORWARDED}
    checks = []
    if parameters.get("validate", True):
        checks = [_validate(builder, topology, host, {"current_amqp": False, **forwarded}).id for host in hosts]
    if parameters.get("install", True):
        more = {name: parameters.get(name) for name in ("install_agent_timeout", "stop_old_agent")}
        for host in hosts:
            builder.add_dependencies(_install(builder, topology, host, {**forwarded, **more}).id, checks)
    yield builder.build()


def _hosts(ctx: WorkflowContext, topology: Topology, parameters: Mapping[str, Json]) -> list[Instance]:
    """Return the hosts that the parameters select. Raises Invalid for instances without an agent or not started."""
    methods, selected = parameters.get("install_methods"), select(topology, parameters)
    if parameters.get("node_ids") or parameters.get("node_instance_ids"):
        problems = [
            *(f"Node instance {instance.id} is not host." for instance in selected if not is_host(topology, instance)),
            *(
                f"Agent should not be installed on node instance {instance.id}."
                for instance in selected
                if is_host(topology, instance) and method_of(topology, instance) == "none"
            ),
        ]
        if problems:
            raise Invalid(f"Specified filters are not correct: {' '.join(problems)}")
        hosts = selected
    else:
        hosts = [
            instance
            for instance in selected
            if is_host(topology, instance) and _is_selected(method_of(topology, instance), methods)
        ]
    for host in hosts:
        if host.state != InstanceState.STARTED:
            raise Invalid(f"Node {host.id} is not started (state: {host.state})")
    if not hosts:
        ctx.log("Nothing to do: no host of this deployment has such an agent.")
    return hosts


def _is_selected(method: str, methods: Json) -> bool:
    return method != "none" if methods is None else method in cast("list[str]", methods)


def _validate(builder: GraphBuilder, topology: Topology, host: Instance, inputs: Mapping[str, Json]) -> SequenceBuilder:
    steps = builder.add_subgraph(f"validate_{host.id}")
    steps.add(
        NodeEvent(host.id, "Validating agent connection."),
        *_operation(topology, host, f"{AGENT}.validate_amqp", inputs),
        NodeEvent(host.id, "Validation done"),
    )
    return steps


def _install(builder: GraphBuilder, topology: Topology, host: Instance, inputs: Mapping[str, Json]) -> SequenceBuilder:
    steps = builder.add_subgraph(f"install_{host.id}")
    steps.add(
        NodeEvent(host.id, "Installing new agent"),
        *_operation(topology, host, f"{AGENT}.create_amqp", inputs),
        NodeEvent(host.id, "New agent installed."),
        *_operation(topology, host, f"{AGENT}.validate_amqp", {"current_amqp": True}),
        *_operation(topology, host, f"{MONITORING_AGENT}.install"),
        *_operation(topology, host, f"{MONITORING_AGENT}.start"),
    )
    contained = topology.subtree(host.id)
    steps.add_parallel(
        *(
            step
            for instance in _instances(topology, contained)
            for step in _operation(topology, instance, f"{MONITORING}.start")
        )
    )
    return steps


def _instances(topology: Topology, ids: Iterable[str]) -> list[Instance]:
    return [topology.instances[instance_id] for instance_id in sorted(ids)]


def _operation(
    topology: Topology, instance: Instance, name: str, inputs: Mapping[str, Json] | None = None
) -> list[Operation]:
    operation = topology.operation(instance, name, inputs)
    return [] if operation is None else [operation]

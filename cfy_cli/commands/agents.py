"""`cfy agents`: agents on the hosts of deployments."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import quote

import click

from cfy_cli.contract.manager_resources import AGENTS
from cfy_cli.errors import CfyError, NotFound, Unreachable, Usage
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Unpack

    from cfy_cli.client.collection import Item
    from cfy_cli.shell.options import Decorator

START_TIMEOUT = 20.0  # seconds in which an agent in the background reports
INSTALL, VALIDATE = "install_new_agents", "validate_agents"  # workflows


class AgentFilters(TypedDict):
    """Values of `choosing`, named as in queries of the API but for the states."""

    all_states: bool
    deployment_id: tuple[str, ...]
    node_ids: tuple[str, ...]
    node_instance_ids: tuple[str, ...]
    install_methods: tuple[str, ...]
    _all_tenants: bool


def choosing() -> Decorator:
    return options.combine(
        click.option("--all-states", is_flag=True, help="Include agents that are not started."),
        click.option("--deployment-id", multiple=True, help="Only agents of this deployment; may be repeated."),
        click.option("--node-id", "node_ids", multiple=True, help="Only agents of this node; may be repeated."),
        click.option(
            "--node-instance-id",
            "node_instance_ids",
            multiple=True,
            help="Only agents of this node instance; may be repeated.",
        ),
        click.option(
            "--install-method",
            "install_methods",
            multiple=True,
            help="Only agents that were installed by this method; may be repeated.",
        ),
        options.all_tenants(),
    )


def waiting() -> Decorator:
    return click.option("--wait/--no-wait", default=False, help="Wait until the executions have ended.")


def config_option() -> Decorator:
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        help="The file with the configuration of the agent (default: CFY_AGENT_CONFIG, ~/.cfy-agents/agent.json).",
    )


@click.group("agents", cls=CommandGroup)
def cli() -> None:
    """Manage agents on the hosts of deployments."""


@cli.command("list")
@choosing()
@pass_app
def list_agents(app: App, **filters: Unpack[AgentFilters]) -> None:
    """List agents on the hosts of deployments; a manager without a broker has none and runs all operations itself."""
    app.show_list(app.client.collection(AGENTS), **_query(filters))


@cli.command("install")
@choosing()
@click.option(
    "--stop-old-agent",
    is_flag=True,
    help="Stop the old agents once the new ones are installed; those of an embedded manager always stop then.",
)
@click.option("--manager-ip", help="The address of the manager that the new agents connect to.")
@click.option("--manager_certificate", type=click.Path(), help="The file with the certificate of that manager.")
@waiting()
@click.option(
    "--install-agent-timeout",
    type=click.IntRange(1),
    default=300,
    show_default=True,
    help="Seconds that the installation of an agent may take.",
)
@pass_app
def install_agents(
    app: App,
    stop_old_agent: bool,
    manager_ip: str | None,
    manager_certificate: str | None,
    wait: bool,
    install_agent_timeout: int,
    **filters: Unpack[AgentFilters],
) -> None:
    """Replace the agents of deployments by new ones."""
    parameters: dict[str, object] = {"install_agent_timeout": install_agent_timeout}
    if stop_old_agent:
        parameters["stop_old_agent"] = True
    if manager_ip or manager_certificate:
        certificate = _read(manager_certificate) if manager_certificate else None
        parameters |= {"manager_ip": manager_ip, "manager_certificate": certificate}
    _start(app, INSTALL, parameters, filters, wait=wait)


@cli.command("validate")
@choosing()
@waiting()
@pass_app
def validate_agents(app: App, wait: bool, **filters: Unpack[AgentFilters]) -> None:
    """Check the connection between the manager and agents of deployments."""
    _start(app, VALIDATE, {}, filters, wait=wait)


@cli.command("script")
@click.argument("name")
@pass_app
def show_script(app: App, name: str) -> None:
    """Print the script that installs and starts the agent NAME, on the host that runs it.

    NAME is the agent, or the node instance of the host. Each script has a new token, and the agent's
    former one ends.
    """
    answer = app.client.http.item("POST", f"agents/{quote(name, safe='')}/script")
    app.result(str(answer["script"]).rstrip("\n"), answer)


@cli.command("start")
@config_option()
@click.option("--background", is_flag=True, help="Run on in the background, and write the log to a file.")
@pass_app
def start_agent(app: App, config: Path | None, background: bool) -> None:
    """Run the agent of this host until it is stopped; for hosts of deployments.

    The configuration names the manager and the token of the agent. Environment variables win over it:
    CFY_AGENT_NAME, CFY_AGENT_MANAGER_URL, CFY_AGENT_TOKEN, CFY_AGENT_TENANT, CFY_AGENT_BROKER_URL, CFY_AGENT_QUEUE.
    """
    if find_spec("celery") is None:
        raise Unreachable("What an agent needs is not installed", hint="Install it: pip install 'cfy-cli[agent]'")
    from cfy_cli.agent import host
    from cfy_cli.agent.configuration import read_configuration

    configuration = read_configuration(config)
    arguments = ["-m", "cfy_cli", "agents", "start", *(("--config", str(config)) if config else ())]
    if not background:
        host.start(configuration, arguments)
        return
    status = host.start_in_background(configuration, arguments, START_TIMEOUT)
    app.result(f"Agent `{status['name']}` started: process {status['pid']}", status)


@cli.command("status")
@config_option()
@pass_app
def show_status(app: App, config: Path | None) -> None:
    """Show whether the agent of this host runs, and what it reported last."""
    from cfy_cli.agent import host
    from cfy_cli.agent.configuration import read_configuration

    configuration = read_configuration(config)
    status = host.read_status(configuration.folder)
    if status is None or not host.is_running(configuration.folder):
        raise NotFound(
            f"The agent {configuration.name} does not run on this host", hint="Start it: cfy agents start --background"
        )
    app.show_details(dict(status), "Agent")


def _query(filters: AgentFilters) -> dict[str, Any]:
    query: dict[str, Any] = {name: value or None for name, value in filters.items() if name != "all_states"}
    return query if filters["all_states"] else {**query, "state": "started"}


def _start(app: App, workflow: str, parameters: Mapping[str, object], filters: AgentFilters, *, wait: bool) -> None:
    """Start the workflow on each deployment that has such agents. Raises NotFound when there are none."""
    if filters["node_instance_ids"] and (filters["deployment_id"] or filters["node_ids"]):
        raise Usage("Give either --node-instance-id, or --deployment-id and --node-id")
    agents = app.client.collection(AGENTS).list(**_query(filters))
    if not agents.items:
        raise NotFound(
            "There are no agents that match: nothing was started",
            hint="A manager without a broker runs operations itself. List agents: cfy agents list --all-states",
        )
    chosen = {
        name: list(values)
        for name, values in (
            ("node_ids", filters["node_ids"]),
            ("node_instance_ids", filters["node_instance_ids"]),
            ("install_methods", filters["install_methods"]),
        )
        if values
    }
    body = {"workflow_id": workflow, "parameters": {**chosen, **parameters}, "allow_custom_parameters": True}
    started: dict[str, list[Item]] = {}  # by tenant
    for tenant, deployment in sorted({(str(agent["tenant_name"]), str(agent["deployment"])) for agent in agents}):
        http = app.in_tenant(tenant).client.http
        execution = http.item("POST", "executions", json={**body, "deployment_id": deployment})
        started.setdefault(tenant, []).append(execution)
        app.note(f"Started {workflow} on deployment `{deployment}` of tenant `{tenant}`: execution {execution['id']}")
    if wait:
        _wait(app, started)
    else:
        commands = (
            f"cfy executions wait -t {tenant} {' '.join(str(each['id']) for each in executions)}"
            for tenant, executions in started.items()
        )
        app.result(f"Wait for them: {'; '.join(commands)}", [each for some in started.values() for each in some])


def _wait(app: App, started: Mapping[str, Sequence[Item]]) -> None:
    """Wait until all executions have ended. Raises the error of the first tenant in which one failed."""
    from cfy_cli.shell.wait_for_executions import wait_for

    errors = []
    for tenant, executions in started.items():
        try:
            ids = [str(each["id"]) for each in executions]
            wait_for(app.in_tenant(tenant), ids, None, None, fail_fast=False, groups=False)
        except CfyError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"The certificate {path} cannot be read: {error}") from None

"""`cfy agents`: agents on the hosts of deployments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import click

from cfy_cli.contract.manager_resources import AGENTS
from cfy_cli.errors import NotFound, Usage
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from cfy_cli.client.collection import Item
    from cfy_cli.shell.options import Decorator

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


@click.group("agents", cls=CommandGroup)
def cli() -> None:
    """Manage agents on the hosts of deployments."""


@cli.command("list")
@choosing()
@pass_app
def list_agents(app: App, **filters: Unpack[AgentFilters]) -> None:
    """List agents; the embedded manager has none, since it runs operations itself."""
    app.show_list(app.client.collection(AGENTS), **_query(filters))


@cli.command("install")
@choosing()
@click.option("--stop-old-agent", is_flag=True, help="Stop the old agents once the new ones are installed.")
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
    """Install new agents in place of those of deployments."""
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
            hint="The embedded manager runs operations itself. List agents: cfy agents list --all-states",
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
    started: list[Item] = []
    for deployment in sorted({str(agent["deployment"]) for agent in agents}):
        started.append(app.client.http.item("POST", "executions", json={**body, "deployment_id": deployment}))
        app.note(f"Started {workflow} on deployment `{deployment}`: execution {started[-1]['id']}")
    ids = [str(execution["id"]) for execution in started]
    if wait:
        from cfy_cli.shell.wait_for_executions import wait_for

        wait_for(app, ids, None, None, fail_fast=False, groups=False)
    else:
        app.result(f"Wait for them: cfy executions wait {' '.join(ids)}", started)


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"The certificate {path} cannot be read: {error}") from None

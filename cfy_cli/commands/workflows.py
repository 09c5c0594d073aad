"""`cfy workflows`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cfy_cli.contract.resources import WORKFLOWS
from cfy_cli.errors import NotFound
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfy_cli.client.collection import Item


@click.group("workflows", cls=CommandGroup)
def cli() -> None:
    """Manage workflows of deployments."""


@cli.command("list")
@options.deployment_id(required=True)
@click.option("--all", "include_unavailable", is_flag=True, help="Include workflows that are not available now.")
@pass_app
def list_workflows(app: App, deployment_id: str, include_unavailable: bool) -> None:
    """List the workflows of a deployment; -x shows when each is available."""
    workflows = sorted(_load_workflows(app, deployment_id), key=lambda workflow: str(workflow["name"]))
    shown = [workflow for workflow in workflows if include_unavailable or workflow.get("is_available", True)]
    more = ("is_available",) if include_unavailable else ()
    if app.as_data:
        app.show_items(shown, WORKFLOWS, (*WORKFLOWS.columns, *more))
    else:
        from cfy_cli.output.render import terminal_width

        usual = ("name",) if terminal_width() and not app.options.vertical else WORKFLOWS.columns
        columns = (*usual, *more, "description")
        app.show_items([_as_text(item) for item in shown], WORKFLOWS, columns)
    if len(shown) < len(workflows):
        app.note(f"{len(workflows) - len(shown)} unavailable workflows hidden (use --all to show them)")


@cli.command("get")
@click.argument("workflow_id")
@options.deployment_id(required=True)
@pass_app
def get_workflow(app: App, workflow_id: str, deployment_id: str) -> None:
    """Show the workflow WORKFLOW_ID of a deployment and its parameters."""
    workflows = _load_workflows(app, deployment_id)
    workflow = next((item for item in workflows if item["name"] == workflow_id), None)
    if workflow is None:
        raise NotFound(f"There is no workflow `{workflow_id}` in deployment `{deployment_id}`")
    described = _as_text(workflow)
    if app.as_data:
        app.show(WORKFLOWS, workflow)
    else:
        app.show(WORKFLOWS, described, (*WORKFLOWS.columns, *(["description"] if described["description"] else ())))
    parameters = workflow.get("parameters") or {}
    app.show_details(_describe_parameters(parameters, required=True), "Mandatory parameters:")
    app.show_details(_describe_parameters(parameters, required=False), "Optional parameters:")


def _load_workflows(app: App, deployment_id: str) -> list[Item]:
    """Return the workflows of the deployment, each with the deployment and the blueprint that it belongs to."""
    deployment = app.client.deployments.get(deployment_id, _include="blueprint_id,workflows")
    owner = {"blueprint_id": deployment.get("blueprint_id"), "deployment_id": deployment_id}
    return [owner | workflow for workflow in deployment.get("workflows") or ()]


def _as_text(workflow: Item) -> Item:
    """Return the workflow with its description and its rules as text, such as `node_instances_active: all, partial`."""
    from cfy_cli.dsl.reference import workflows as built_in_workflows

    rules = workflow.get("availability_rules") or {}
    texts = [f"{name}: {', '.join(values) if isinstance(values, list) else values}" for name, values in rules.items()]
    description = workflow.get("description") or built_in_workflows().get(str(workflow["name"]), "")
    return workflow | {"availability_rules": "; ".join(texts), "description": description}


def _describe_parameters(parameters: Mapping[str, Item], *, required: bool) -> dict[str, str]:
    from cfy_cli.output.render import format_value

    return {
        name: "  ".join(
            part
            for part in (
                format_value(name, field["default"]) if "default" in field else "",
                _in_brackets(field.get("description")),
            )
            if part
        )
        for name, field in parameters.items()
        if ("default" not in field and field.get("required", True)) == required
    }


def _in_brackets(text: str | None) -> str:
    return f"({' '.join(text.split())})" if text else ""

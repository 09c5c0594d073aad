"""`cfy deployments`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import click

from cfy_cli.contract.resources import DEPLOYMENTS, DEPLOYMENTS_FILTERS
from cfy_cli.errors import Conflict, Usage
from cfy_cli.shell import (
    dependencies,
    deployment_updates,
    filters,
    labels,
    modifications,
    options,
    param_types,
    summaries,
    verbs,
)
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.if_exists import FAIL, add_hint, if_exists_option
from cfy_cli.shell.option_types import ListOptions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from cfy_cli.client.collection import Item
    from cfy_cli.contract.filters import Rule
    from cfy_cli.contract.labels import Label


STATUS_COLUMNS = (
    "id",
    "display_name",
    "deployment_status",
    "installation_status",
    "unavailable_instances",
    "drifted_instances",
)


class DeploymentListOptions(ListOptions):
    """Values of the options of `cfy deployments list`, but for filter rules."""

    blueprint_id: str | None
    _group_id: str | None
    _filter_id: str | None
    _search_name: str | None
    _dependencies_of: str | None


class DeploymentOptions(TypedDict):
    """Values of the options of `cfy deployments create` that describe the deployment."""

    blueprint_id: str
    inputs: tuple[str, ...]
    display_name: str | None
    site_name: str | None
    labels: list[Label] | None
    runtime_only_evaluation: bool
    skip_plugins_validation: bool
    private_resource: bool
    visibility: str


SUMMARIES = {
    "groups": "Manage deployment groups: work on many deployments at once.",
    "schedule": "Manage schedules of executions of deployments.",
}

cli = verbs.group_of(
    DEPLOYMENTS, "Manage deployments.", "set-visibility", "set-owner", summaries=SUMMARIES, prefix="deployment_"
)

labels.add_label_commands(cli, DEPLOYMENTS, lambda client: client.deployments)
dependencies.add_dependency_commands(cli)
modifications.add_modification_commands(cli)
deployment_updates.add_update_commands(cli)
filters.add_filter_commands(cli, DEPLOYMENTS_FILTERS)
summaries.add_summary_command(
    cli, DEPLOYMENTS, "blueprint_id", "site_name", "deployment_status", "tenant_name", "visibility",
    group=click.option("-g", "--group-id", "deployment_group_id", help="Count only deployments of this group."),
)  # fmt: skip


list_options = options.combine(
    click.option("-b", "--blueprint-id", help="List only deployments of this blueprint."),
    click.option("-g", "--group-id", "_group_id", help="List only deployments of this deployment group."),
    options.filtering(),
    click.option("--search-name", "_search_name", help="List only deployments whose display name contains this text."),
    click.option(
        "--dependencies-of", "_dependencies_of", help="List only deployments that this deployment depends on."
    ),
    options.listing(DEPLOYMENTS),
)


@cli.command("list")
@list_options
@pass_app
def list_deployments(
    app: App,
    label_rules: tuple[Rule, ...],
    attribute_rules: tuple[Rule, ...],
    **query: Unpack[DeploymentListOptions],
) -> None:
    """List deployments."""
    rules = options.rules(label_rules, attribute_rules)
    app.show_list(app.client.deployments, filter_rules=rules, **query)


@cli.command("status-list")
@list_options
@pass_app
def list_statuses(
    app: App,
    label_rules: tuple[Rule, ...],
    attribute_rules: tuple[Rule, ...],
    **query: Unpack[DeploymentListOptions],
) -> None:
    """List the statuses of deployments."""
    rules = options.rules(label_rules, attribute_rules)
    app.show_list(app.client.deployments, STATUS_COLUMNS, more=(), filter_rules=rules, **query)


@cli.command("get")
@click.argument("deployment_id")
@pass_app
def get_deployment(app: App, deployment_id: str) -> None:
    """Show the deployment DEPLOYMENT_ID."""
    deployment = app.client.deployments.get(deployment_id)
    app.show(DEPLOYMENTS, deployment)
    app.show_details(deployment.get("inputs") or {}, "Inputs:")
    creation = deployment.get("create_execution")
    status = deployment.get("latest_execution_status")
    if creation and creation == deployment.get("latest_execution") and status in ("failed", "cancelled"):
        app.note(
            f"The deployment has no environment, because its creation was {status}. To create it: "
            f"cfy executions resume {creation}. To give it up: cfy deployments delete {deployment_id}"
        )


@cli.command("create")
@click.argument("deployment_id", required=False, type=param_types.name_of(DEPLOYMENTS), metavar="[DEPLOYMENT_ID]")
@click.option("-b", "--blueprint-id", required=True, help="The blueprint to create it from.")
@options.inputs()
@click.option("-n", "--display-name", help="The display name; by default the id.")
@click.option("--generate-id", is_flag=True, help="Generate a unique id.")
@click.option("-s", "--site-name", help="The site of the deployment.")
@options.labels(of="the deployment")
@click.option("--runtime-only-evaluation", is_flag=True, help="Evaluate intrinsic functions at run time only.")
@click.option("--skip-plugins-validation", is_flag=True, help="Do not check that its plugins are on the manager.")
@options.private_resource()
@options.visibility()
@if_exists_option(update=False)
@pass_app
def create_deployment(
    app: App, deployment_id: str | None, generate_id: bool, if_exists: str, **fields: Unpack[DeploymentOptions]
) -> None:
    """Create the deployment DEPLOYMENT_ID; the id defaults to that of the blueprint."""
    from cfy_cli.shell.deployments import create_deployment as create

    if deployment_id and generate_id:
        raise Usage("Give DEPLOYMENT_ID or --generate-id, not both")
    key = None if generate_id else deployment_id or fields["blueprint_id"]
    try:
        deployment = create(app, key, **fields)
    except Conflict as error:
        if if_exists == FAIL or key is None:
            add_hint(error, DEPLOYMENTS, key or "")
            raise
        app.result(f"Deployment `{key}` already exists", app.client.deployments.get(key), DEPLOYMENTS)
        return
    name = deployment.get("display_name") or deployment["id"]
    app.result(f"Deployment `{name}` created. The deployment's id is {deployment['id']}", deployment, DEPLOYMENTS)


@cli.command("delete")
@click.argument("deployment_id")
@click.option(
    "-f", "--force", is_flag=True, help="Delete it even if it is installed or other deployments depend on it."
)
@click.option("-l", "--with-logs", is_flag=True, help="Delete its events and logs as well.")
@click.option("--recursive", is_flag=True, help="Delete the services that it contains as well.")
@pass_app
def delete_deployment(app: App, deployment_id: str, force: bool, with_logs: bool, recursive: bool) -> None:
    """Delete the deployment DEPLOYMENT_ID."""
    from cfy_cli.shell.deployments import delete_deployment as delete

    delete(app, deployment_id, force=force, delete_logs=with_logs, recursive=recursive)
    app.result(f"Deployment `{deployment_id}` deleted", {"id": deployment_id})


@cli.command("inputs")
@click.argument("deployment_id")
@pass_app
def show_inputs(app: App, deployment_id: str) -> None:
    """Show the inputs of the deployment DEPLOYMENT_ID."""
    inputs = app.client.deployments.get(deployment_id, _include="inputs").get("inputs") or {}
    _show_rows(app, inputs, {name: {"Value": value} for name, value in inputs.items()}, "inputs")


@cli.command("outputs")
@click.argument("deployment_id")
@pass_app
def show_outputs(app: App, deployment_id: str) -> None:
    """Show the outputs of the deployment DEPLOYMENT_ID, with their current values.

    --query gets each output as its value alone, without the description: --query port.
    """
    show_values(app, deployment_id, "outputs", app.client.deployments.outputs(deployment_id))


@cli.command("capabilities")
@click.argument("deployment_id")
@pass_app
def show_capabilities(app: App, deployment_id: str) -> None:
    """Show the capabilities of the deployment DEPLOYMENT_ID, with their current values.

    --query gets each capability as its value alone, without the description: --query port.
    """
    show_values(app, deployment_id, "capabilities", app.client.deployments.capabilities(deployment_id))


@cli.command("set-site")
@click.argument("deployment_id")
@click.option("-s", "--site-name", help="The new site of the deployment.")
@click.option("-d", "--detach-site", is_flag=True, help="Remove the deployment from its site.")
@pass_app
def set_site(app: App, deployment_id: str, site_name: str | None, detach_site: bool) -> None:
    """Set or remove the site of the deployment DEPLOYMENT_ID."""
    if bool(site_name) == detach_site:
        raise Usage("Give either --site-name or --detach-site")
    deployment = app.client.deployments.set_site(deployment_id, site_name)
    change = f"set to {site_name}" if site_name else "detached"
    app.result(f"The site of `{deployment_id}` was {change}", deployment)


def show_values(app: App, deployment_id: str, kind: str, values: Mapping[str, object]) -> None:
    """Show outputs or capabilities: their current values and their descriptions; to --query the values alone."""
    if app.options.query:
        app.answer(values)
        return
    declared: dict[str, Item] = {}
    if values:
        declared = app.client.deployments.get(deployment_id, _include=kind).get(kind) or {}
    descriptions = {name: (declared.get(name) or {}).get("description") for name in values}
    data = {name: {"value": value, "description": descriptions[name]} for name, value in values.items()}
    rows = {name: {"Description": descriptions[name] or "", "Value": value} for name, value in values.items()}
    _show_rows(app, data, rows, kind)


def _show_rows(app: App, data: Mapping[str, object], rows: Mapping[str, Mapping[str, object]], kind: str) -> None:
    if app.as_data:
        app.answer(data)
        return
    from cfy_cli.output import render

    if not rows:
        app.note(f"There are no {kind}.")
    for name, fields in rows.items():
        render.line(f' - "{name}":')
        for heading, value in fields.items():
            render.line(f"     {heading}: {render.format_value(name, value)}")

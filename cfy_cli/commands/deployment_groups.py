"""`cfy deployments groups`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import click

from cfy_cli.contract.resources import DEPLOYMENT_GROUPS
from cfy_cli.errors import Usage
from cfy_cli.shell import labels, options, verbs
from cfy_cli.shell.app import App, pass_app

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from cfy_cli.client.collection import Item
    from cfy_cli.contract.filters import Rule
    from cfy_cli.contract.json import JsonObject
    from cfy_cli.contract.labels import Label


class SelectionOptions(TypedDict):
    """Values of the options that select deployments."""

    deployment_id: tuple[str, ...]
    filter_id: str | None
    label_rules: tuple[Rule, ...]
    attribute_rules: tuple[Rule, ...]
    from_group: str | None


class UpdateOptions(TypedDict):
    """Values of the options of `update-deployments` that every update gets."""

    blueprint_id: str | None
    workflow_id: str | None
    reinstall_list: tuple[str, ...]
    skip_install: bool
    skip_uninstall: bool
    skip_reinstall: bool
    skip_drift_check: bool
    skip_heal: bool
    force_reinstall: bool
    ignore_failure: bool
    install_first: bool
    force: bool
    runtime_only_evaluation: bool
    auto_correct_types: bool
    reevaluate_active_statuses: bool


cli = verbs.group_of(DEPLOYMENT_GROUPS, "Manage deployment groups: work on many deployments at once.", "list")
labels.add_label_commands(cli, DEPLOYMENT_GROUPS, lambda client: client.deployments_groups)

name_argument = click.argument("deployment_group_name")
attributes = options.combine(
    options.inputs(),
    click.option("-b", "--default-blueprint", help="The blueprint of new deployments in the group."),
    click.option("--description", help="A description of the group."),
)


def selectors(action: str) -> options.Decorator:
    """Add the options that select deployments which exist."""
    return options.combine(
        click.option("-d", "--deployment-id", multiple=True, help=f"{action} this deployment; may be repeated."),
        click.option("--filter-id", help=f"{action} the deployments that match this stored filter."),
        options.rules_about(f"{action} deployments with matching"),
        click.option("--from-group", help=f"{action} the deployments of this group."),
    )


@cli.command("get")
@name_argument
@pass_app
def get_group(app: App, deployment_group_name: str) -> None:
    """Show the deployment group DEPLOYMENT_GROUP_NAME."""
    group = app.client.deployments_groups.get(deployment_group_name)
    app.show(DEPLOYMENT_GROUPS, group)
    app.show_details(group.get("default_inputs") or {}, "Default inputs:")


@cli.command("create")
@verbs.new_key(DEPLOYMENT_GROUPS)
@attributes
@options.labels(of="the group and of its deployments")
@click.option("-l", "--visibility", type=click.Choice(options.VISIBILITIES), help=options.WHO_CAN_SEE)
@pass_app
def create_group(
    app: App,
    deployment_group_name: str,
    inputs: tuple[str, ...],
    default_blueprint: str | None,
    description: str | None,
    labels: list[Label] | None,
    visibility: str | None,
) -> None:
    """Create the deployment group DEPLOYMENT_GROUP_NAME; one that exists gets the values that are given.

    The inputs are those of new deployments in the group: cfy deployments groups extend --count.
    """
    group = app.client.deployments_groups.create(
        deployment_group_name,
        blueprint_id=default_blueprint,
        default_inputs=_read_inputs(app, inputs, default_blueprint),
        description=description,
        labels=[{key: value} for key, value in labels] if labels else None,
        visibility=visibility,
    )
    app.result(f"Group {deployment_group_name} created", group, DEPLOYMENT_GROUPS)


@cli.command("update")
@name_argument
@attributes
@options.new_visibility()
@pass_app
def update_group(
    app: App,
    deployment_group_name: str,
    inputs: tuple[str, ...],
    default_blueprint: str | None,
    description: str | None,
    visibility: str | None,
) -> None:
    """Update the deployment group DEPLOYMENT_GROUP_NAME.

    This changes the group, not its deployments: cfy deployments groups update-deployments.
    """
    groups = app.client.deployments_groups
    present = groups.get(deployment_group_name)  # a request to create it would follow
    group = groups.create(
        deployment_group_name,
        blueprint_id=default_blueprint,
        default_inputs=_read_inputs(app, inputs, default_blueprint or present.get("default_blueprint_id")),
        description=description,
        visibility=visibility,
    )
    app.result(f"Group {deployment_group_name} updated", group, DEPLOYMENT_GROUPS)


@cli.command("extend")
@name_argument
@click.option("--count", type=click.IntRange(1), help="Create this many new deployments of the group's blueprint.")
@selectors("Add")
@click.option(
    "--into-environments", metavar="GROUP", help="Create a new deployment in each environment that is in this group."
)
@pass_app
def extend_group(
    app: App,
    deployment_group_name: str,
    count: int | None,
    into_environments: str | None,
    **selection: Unpack[SelectionOptions],
) -> None:
    """Add deployments to the group DEPLOYMENT_GROUP_NAME: ones that exist, or new ones.

    New deployments have the blueprint, the inputs and the labels of the group. When the command is interrupted, the
    same command again creates those that are missing.
    """
    from cfy_cli.shell.group_extension import create_deployments, create_many, specifications_in_environments

    if count and into_environments:
        raise Usage("Give --count or --into-environments, not both")
    groups, selected = app.client.deployments_groups, _selection(**selection)
    group = groups.change(deployment_group_name, "add", **selected) if selected or not count else None
    if into_environments:
        specifications = specifications_in_environments(app, into_environments)
        if not specifications:
            app.note(
                f"Group {into_environments} has no environments: deployments with the label csys-obj-type:environment"
            )
        group = create_deployments(app, deployment_group_name, specifications) or group
    if count:
        group = create_many(app, deployment_group_name, count)
    assert group is not None, "one of the requests has answered"
    number = len(group.get("deployment_ids") or ())
    app.result(f"Group {deployment_group_name} updated. It now contains {number} deployments", group, DEPLOYMENT_GROUPS)
    if count or into_environments:
        app.note(f"Environments of new deployments are being created: cfy deployments list -g {deployment_group_name}")


@cli.command("shrink")
@name_argument
@selectors("Remove")
@pass_app
def shrink_group(app: App, deployment_group_name: str, **selection: Unpack[SelectionOptions]) -> None:
    """Remove deployments from the group DEPLOYMENT_GROUP_NAME; they are not deleted, and keep their labels."""
    group = app.client.deployments_groups.change(deployment_group_name, "remove", **_selection(**selection))
    number = len(group.get("deployment_ids") or ())
    what = _describe(**selection)
    sentence = f"Unlinked deployments{what}. Group {deployment_group_name} now has {number} deployments"
    app.result(sentence, group, DEPLOYMENT_GROUPS)


@cli.command("delete")
@name_argument
@click.option("--delete-deployments", is_flag=True, help="Delete all deployments of the group as well.")
@click.option("-l", "--with-logs", is_flag=True, help="Delete the events and logs of the deployments as well.")
@click.option("--recursive", is_flag=True, help="Delete the services that the deployments contain as well.")
@click.option(
    "-f", "--force", is_flag=True, help="Delete deployments even if they are installed or others depend on them."
)
@pass_app
def delete_group(
    app: App, deployment_group_name: str, delete_deployments: bool, with_logs: bool, recursive: bool, force: bool
) -> None:
    """Delete the deployment group DEPLOYMENT_GROUP_NAME; its deployments stay, unless their deletion is asked for."""
    query = {"delete_deployments": True, "delete_logs": with_logs, "recursive": recursive, "force": force}
    app.client.deployments_groups.delete(deployment_group_name, **(query if delete_deployments else {}))
    app.result(f"Group {deployment_group_name} deleted", {"id": deployment_group_name})
    if delete_deployments:
        app.note("Its deployments are being deleted: cfy executions list --include-system-workflows")


@cli.command("update-deployments")
@click.argument("group_id")
@click.option("-b", "--blueprint-id", help="The new blueprint; it must be uploaded already.")
@options.inputs()
@click.option("-r", "--reinstall-list", multiple=True, help="Reinstall this node instance; may be repeated.")
@click.option("-w", "--workflow-id", help="The workflow that updates each deployment.")
@click.option("--skip-install", is_flag=True, help="Do not install added node instances.")
@click.option("--skip-uninstall", is_flag=True, help="Do not uninstall removed node instances.")
@click.option("--skip-reinstall", is_flag=True, help="Do not reinstall node instances whose properties change.")
@click.option("--skip-drift-check", is_flag=True, help="Do not look for drift first.")
@click.option("--skip-heal", is_flag=True, help="Do not check and heal node instances first.")
@click.option("--force-reinstall", is_flag=True, help="Reinstall all changed nodes instead of updating them.")
@click.option("--ignore-failure", is_flag=True, help="Continue when an operation of the uninstallation fails.")
@click.option("--install-first", is_flag=True, help="Install what is new before uninstalling what is old.")
@click.option("--dont-update-plugins", is_flag=True, help="Do not update plugins.")
@click.option("-f", "--force", is_flag=True, help="Update deployments that are components of others too.")
@click.option("--runtime-only-evaluation", is_flag=True, help="Evaluate intrinsic functions at run time only.")
@click.option("--auto-correct-types", is_flag=True, help="Convert inputs to the types that the blueprint declares.")
@click.option(
    "--reevaluate-active-statuses",
    is_flag=True,
    help="First end updates that count as active although their executions have ended.",
)
@click.option(
    "--concurrency", type=click.IntRange(0), default=5, show_default=True, help="Update this many at the same time."
)
@pass_app
def update_deployments(
    app: App,
    group_id: str,
    inputs: tuple[str, ...],
    dont_update_plugins: bool,
    concurrency: int,
    **given: Unpack[UpdateOptions],
) -> None:
    """Update all deployments of the group GROUP_ID, each by an execution of its own."""
    blueprint_id = given["blueprint_id"]
    if blueprint_id:
        app.client.blueprints.get(blueprint_id, _include="id")  # an unknown one is refused before anything starts
    parameters: dict[str, object] = {name: value for name, value in given.items() if value}
    if inputs:
        known = blueprint_id or app.client.deployments_groups.get(group_id).get("default_blueprint_id")
        parameters["inputs"] = _read_inputs(app, inputs, known)
    if dont_update_plugins:
        parameters["update_plugins"] = False
    started = app.client.execution_groups.start(
        group_id, "csys_update_deployment", default_parameters=parameters, concurrency=concurrency
    )
    app.result(f"Starting update of all deployments in group {group_id}", started)
    app.note(f"Follow it: cfy executions groups get {started['id']}")


def _read_inputs(app: App, inputs: Sequence[str], blueprint_id: str | None) -> JsonObject | None:
    """Return the inputs, with values of the types that the blueprint declares; None when none are given."""
    from cfy_cli.shell.inputs import read_inputs

    if not inputs:
        return None
    return read_inputs(
        inputs,
        lambda: app.client.blueprints.declared_inputs(blueprint_id) if blueprint_id else {},
        any_key=blueprint_id is None,
    )


def _selection(
    deployment_id: tuple[str, ...],
    filter_id: str | None,
    label_rules: tuple[Rule, ...],
    attribute_rules: tuple[Rule, ...],
    from_group: str | None,
) -> Item:
    selection = {
        "deployment_ids": list(deployment_id) or None,
        "filter_id": filter_id,
        "filter_rules": options.rules(label_rules, attribute_rules),
        "deployments_from_group": from_group,
    }
    return {name: value for name, value in selection.items() if value is not None}


def _describe(
    deployment_id: tuple[str, ...],
    filter_id: str | None,
    label_rules: tuple[Rule, ...],
    attribute_rules: tuple[Rule, ...],
    from_group: str | None,
) -> str:
    """Return what was selected, for a sentence."""
    parts = [
        ", ".join(deployment_id),
        f"given by filter {filter_id}" if filter_id else "",
        "that match the rules" if label_rules or attribute_rules else "",
        f"belonging to the group {from_group}" if from_group else "",
    ]
    return "".join(f" {part}" if index == 0 else f"; {part}" for index, part in enumerate(filter(None, parts)))

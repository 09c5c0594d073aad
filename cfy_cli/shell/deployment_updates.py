"""Updates of deployments: their options, their preview, and the commands that show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from cfy_cli.contract.resources import BLUEPRINTS, DEPLOYMENT_UPDATES
from cfy_cli.errors import Invalid, Usage
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.follow_options import FollowOptions, with_follow_options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from cfy_cli.client.collection import Item
    from cfy_cli.shell.option_types import ListOptions
    from cfy_cli.shell.options import Decorator

PREVIEW_FOUND_CHANGES = 8  # exit code
DEFAULT_FILE = "blueprint.yaml"
UNSUPPORTED = "The deployment cannot be updated so: what is not supported needs a new deployment"


@dataclass(frozen=True, slots=True)
class Preview:
    """Say whether to show only what an update would change, and to exit with 8 if it would change anything.

    `source` is where the new blueprint is from, if it is on the manager only for the preview.
    """

    is_on: bool
    detailed_exitcode: bool
    source: str = ""


def flags(*, reinstalls_by_default: bool) -> Decorator:
    """Add the options of updates that the commands `deployments update` and `apply` share."""
    reinstall = (
        click.option("--skip-reinstall", is_flag=True, help="Do not reinstall node instances that have changed.")
        if reinstalls_by_default
        else click.option(
            "--dont-skip-reinstall", is_flag=True, help="In an update: reinstall node instances that have changed."
        )
    )
    prefix = "" if reinstalls_by_default else "In an update: "

    def flag(name: str, text: str) -> Decorator:
        return click.option(name, is_flag=True, help=f"{prefix}{text[0].lower()}{text[1:]}" if prefix else text)

    return options.combine(
        click.option(
            "-r",
            "--reinstall-list",
            multiple=True,
            metavar="NODE_INSTANCE_ID",
            help=f"{prefix}{'r' if prefix else 'R'}einstall this node instance, whatever has changed; may be repeated.",
        ),
        flag("--skip-install", "Do not install node instances that are added."),
        flag("--skip-uninstall", "Do not uninstall node instances that are removed."),
        reinstall,
        flag("--ignore-failure", "Continue when an operation of the uninstallation fails."),
        flag("--install-first", "Install what is added before what is removed is uninstalled."),
        click.option("--preview", is_flag=True, help="Only show what would be changed."),
        click.option(
            "--detailed-exitcode", is_flag=True, help="With --preview: exit with 8 if anything would be changed."
        ),
        flag("--dont-update-plugins", "Keep the plugins of the deployment."),
        flag("--runtime-only-evaluation", "Evaluate intrinsic functions at run time only."),
        flag("--auto-correct-types", "Convert inputs to their declared types."),
        flag(
            "--reevaluate-active-statuses",
            "First end updates that count as active although their executions have ended.",
        ),
    )


def update_deployment(
    app: App,
    deployment_id: str,
    follow: FollowOptions,
    preview: Preview,
    *,
    blueprint_id: str | None,
    inputs: Sequence[str],
    reinstall_list: Sequence[str],
    dont_update_plugins: bool,
    runtime_only_evaluation: bool,
    **fields: Any,
) -> bool:
    """Update the deployment and follow that to its end, or show what would be changed. Raises CfyError.

    Return whether anything is changed, as far as a preview tells it.
    """
    from cfy_cli.shell.inputs import read_inputs

    if preview.detailed_exitcode and not preview.is_on:
        raise Usage("--detailed-exitcode requires --preview")

    def load_declarations() -> Any:
        used = blueprint_id or app.client.deployments.get(deployment_id, _include="blueprint_id")["blueprint_id"]
        return app.client.blueprints.declared_inputs(str(used))

    update = app.client.collection(DEPLOYMENT_UPDATES).act(
        "POST",
        deployment_id,
        "update/initiate",
        blueprint_id=blueprint_id,
        inputs=read_inputs(inputs, load_declarations) or None,
        reinstall_list=list(reinstall_list) or None,
        preview=preview.is_on,
        update_plugins=not dont_update_plugins,
        runtime_only_evaluation=runtime_only_evaluation or None,
        **fields,
    )
    if preview.is_on:
        return _show_preview(app, update, preview, reinstall_list, fields)
    _follow(app, update, follow)
    return True


def _follow(app: App, update: Item, follow: FollowOptions) -> None:
    from cfy_cli.contract.exit_codes import error_for_state
    from cfy_cli.shell.follow_execution import follow_execution, report_end, report_result

    key, deployment_id, execution_id = update["id"], update["deployment_id"], str(update["execution_id"])
    names = f"Deployment update id: {key}. Execution id: {execution_id}"
    if follow.no_wait:
        app.result(f"The update of deployment `{deployment_id}` has started. {names}", update, DEPLOYMENT_UPDATES)
        app.note(f"To wait for its end: cfy executions wait {execution_id}")
        return
    app.note(f"Updating deployment `{deployment_id}`")
    execution = follow_execution(app, app.client.executions.get(execution_id), follow)
    if error_for_state(execution["status"]) is not None:
        app.note(f"Failed updating deployment {deployment_id}. {names}")
        report_end(app, execution, follow)
    ended = app.client.collection(DEPLOYMENT_UPDATES).get(str(key))
    report_result(app, f"Successfully updated deployment {deployment_id}. {names}", ended, DEPLOYMENT_UPDATES)


def _show_preview(
    app: App, update: Item, preview: Preview, reinstall_list: Sequence[str], fields: dict[str, object]
) -> bool:
    from cfy_cli.output.update_diff import Skipped, describe_changes

    skipped = Skipped(
        install=bool(fields.get("skip_install")),
        uninstall=bool(fields.get("skip_uninstall")),
        reinstall=bool(fields.get("skip_reinstall")),
        drift_check=bool(fields.get("skip_drift_check")),
        update=bool(fields.get("force_reinstall")),
    )
    lines = describe_changes(update, skipped, reinstall_list)
    before, after = update["old_blueprint_id"], preview.source or update["new_blueprint_id"]
    blueprints = f"of blueprint `{after}`" if before == after else f"from blueprint `{before}` to `{after}`"
    title = f"The update of deployment `{update['deployment_id']}` {blueprints} would change"
    if app.as_data:
        app.answer({**update, "explicit_reinstall": list(reinstall_list)}, DEPLOYMENT_UPDATES)
    else:
        app.say("\n".join([f"{title}:", *lines]) if lines else f"{title} nothing")
        if not lines and before != after:
            again = f"cfy executions start reinstall -d {update['deployment_id']}"
            app.note(f"Scripts are not compared; to run those that have changed, update it, then: {again}")
        _show_dependents(app, update)
    if update["state"] == "failed":
        raise Invalid(UNSUPPORTED, hint="Nothing was changed.")
    if lines:
        exit_with_changes(preview)
    return bool(lines)


def exit_with_changes(preview: Preview) -> None:
    """Exit with the code of a preview that has found changes, if that is requested."""
    if preview.detailed_exitcode:
        click.get_current_context().exit(PREVIEW_FOUND_CHANGES)


def _show_dependents(app: App, update: Item) -> None:
    dependents = [str(each["deployment"]) for each in update.get("recursive_dependencies") or ()]
    if dependents:
        app.say(f"Deployments that depend on it: {', '.join(dependents)}")


def add_update_commands(cli: click.Group) -> None:
    """Add the commands `update`, `get-update` and `history`."""

    @cli.command("update")
    @click.argument("deployment_id")
    @click.option("-b", "--blueprint-id", metavar=BLUEPRINTS.argument.upper(), help="The blueprint to update it to.")
    @options.inputs()
    @click.option("-w", "--workflow-id", help="Run this workflow in place of the built-in steps.")
    @flags(reinstalls_by_default=True)
    @click.option("--skip-drift-check", is_flag=True, help="Do not run check_drift.")
    @click.option("--skip-heal", is_flag=True, help="Do not run check_status and heal before the update.")
    @click.option(
        "--force-reinstall", is_flag=True, help="Reinstall changed node instances also if they have update operations."
    )
    @click.option("--drift-only", is_flag=True, help="Only check for drift, and update or reinstall what has drifted.")
    @click.option("-f", "--force", is_flag=True, help="Update it even if other deployments depend on it.")
    @click.option("-p", "--blueprint-path", hidden=True, help="Not supported any more.")
    @click.option("-n", "--blueprint-filename", default=DEFAULT_FILE, hidden=True, help="Not supported any more.")
    @click.option("-l", "--visibility", default="tenant", hidden=True, help="Not supported any more.")
    @click.option("--validate", is_flag=True, hidden=True, help="Not supported any more.")
    @with_follow_options()
    @pass_app
    def update(
        app: App,
        deployment_id: str,
        blueprint_id: str | None,
        inputs: tuple[str, ...],
        preview: bool,
        detailed_exitcode: bool,
        drift_only: bool,
        blueprint_path: str | None,
        blueprint_filename: str,
        visibility: str,
        validate: bool,
        follow: FollowOptions,
        **fields: Any,
    ) -> None:
        """Update the deployment DEPLOYMENT_ID to another blueprint, to other inputs, or both.

        What is added is installed, what is removed is uninstalled. What has changed is checked for drift and updated by
        its operations where it has them, and reinstalled otherwise.
        """
        if blueprint_path or blueprint_filename != DEFAULT_FILE:
            raise Usage(
                "A deployment is updated to a blueprint that is on the manager",
                hint="Upload it: cfy blueprints upload FILE -b ID; then: cfy deployments update DEPLOYMENT -b ID",
            )
        if not (blueprint_id or inputs or drift_only or fields["reinstall_list"]):
            raise Usage(
                "Nothing to update: give -b BLUEPRINT_ID, new inputs, or both",
                hint="To check for drift alone, use --drift-only.",
            )
        update_deployment(
            app,
            deployment_id,
            follow,
            Preview(preview, detailed_exitcode),
            blueprint_id=blueprint_id,
            inputs=inputs,
            **fields,
        )

    @cli.command("get-update", help="Show the deployment update DEPLOYMENT_UPDATE_ID: what it changes, and its state.")
    @click.argument("deployment_update_id")
    @pass_app
    def get_update(app: App, deployment_update_id: str) -> None:
        from cfy_cli.output.update_diff import Skipped, describe_changes

        found = app.client.collection(DEPLOYMENT_UPDATES).get(deployment_update_id)
        app.show(DEPLOYMENT_UPDATES, found)
        app.show_details(found.get("old_inputs") or {}, "Old inputs:")
        app.show_details(found.get("new_inputs") or {}, "New inputs:")
        if not app.as_data:
            app.say("\n".join(["Changes:", *(describe_changes(found, Skipped()) or ["  none"])]))

    @cli.command("history", help="List the updates of deployments.")
    @options.deployment_id()
    @options.listing(DEPLOYMENT_UPDATES)
    @pass_app
    def history(app: App, deployment_id: str | None, **query: Unpack[ListOptions]) -> None:
        if deployment_id and not query["_all_tenants"]:
            app.client.deployments.get(deployment_id, _include="id")
        app.show_list(app.client.collection(DEPLOYMENT_UPDATES), deployment_id=deployment_id, **query)

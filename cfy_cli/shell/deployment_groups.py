"""Installation of many deployments of one blueprint as a deployment group."""

from collections.abc import Sequence
from dataclasses import replace

from cfy_cli.contract.labels import Label
from cfy_cli.shell.app import App
from cfy_cli.shell.follow_execution import follow_and_report, follow_execution
from cfy_cli.shell.follow_options import FollowOptions
from cfy_cli.shell.group_extension import create_deployments
from cfy_cli.shell.inputs import read_inputs, read_parameters


def install_group(
    app: App,
    group_id: str,
    count: int,
    blueprint_id: str,
    workflow_id: str,
    follow: FollowOptions,
    *,
    inputs: Sequence[str],
    parameters: Sequence[str],
    labels: Sequence[Label] | None,
    visibility: str,
    force: bool,
) -> None:
    """Create the group with `count` deployments and run the workflow on all. Raises the error for its state."""
    blueprints = app.client.blueprints
    app.client.deployments_groups.create(
        group_id,
        blueprint_id=blueprint_id,
        default_inputs=read_inputs(inputs, lambda: blueprints.declared_inputs(blueprint_id)),
        labels=[{key: value} for key, value in labels or ()] or None,
        visibility=visibility,
    )
    create_deployments(app, group_id, [{}] * count)
    app.note(f"Deployment group `{group_id}` created with {count} deployments")
    _wait_until_created(app, group_id, follow)
    defaults = read_parameters(parameters, lambda: blueprints.declared_parameters(blueprint_id, workflow_id))
    execution = app.client.execution_groups.start(group_id, workflow_id, default_parameters=defaults, force=force)
    app.note(f"Executing workflow `{workflow_id}` on deployment group `{group_id}`")
    follow_and_report(app, execution, follow, group=True)


def _wait_until_created(app: App, group_id: str, follow: FollowOptions) -> None:
    for execution in app.client.execution_groups.list(deployment_group_id=group_id):
        if execution.get("workflow_id") == "create_deployment_environment":
            follow_execution(app, execution, replace(follow, show_events=False), group=True)

"""Running of workflows on deployments."""

import time
from collections.abc import Sequence
from dataclasses import replace

from cfy_cli.client.collection import Item
from cfy_cli.errors import CfyError, ErrorCode
from cfy_cli.shell.app import App
from cfy_cli.shell.follow_execution import follow_and_report, follow_execution, report_end
from cfy_cli.shell.follow_options import FollowOptions
from cfy_cli.shell.inputs import read_parameters

IN_CREATION = frozenset(
    {
        ErrorCode.DEPLOYMENT_ENVIRONMENT_CREATION_IN_PROGRESS,
        ErrorCode.DEPLOYMENT_ENVIRONMENT_CREATION_PENDING,
    }
)


def run_workflow(
    app: App,
    deployment_id: str,
    workflow_id: str,
    parameters: Sequence[str],
    follow: FollowOptions,
    **fields: object,
) -> Item:
    """Start the workflow and follow it; return the ended execution. Raises the error for its state."""
    execution = start_workflow(app, deployment_id, workflow_id, parameters, follow, **fields)
    return follow_and_report(app, execution, follow)


def start_workflow(
    app: App,
    deployment_id: str,
    workflow_id: str,
    parameters: Sequence[str],
    follow: FollowOptions,
    **fields: object,
) -> Item:
    """Start the workflow and return the execution; wait first while the deployment is in creation."""
    deployments, executions = app.client.deployments, app.client.executions
    fields["parameters"] = read_parameters(
        parameters,
        lambda: deployments.declared_parameters(deployment_id, workflow_id),
        any_key=bool(fields.get("allow_custom_parameters")),
    )
    app.note(f"Executing workflow `{workflow_id}` on deployment `{deployment_id}`")
    start_time = time.monotonic()
    try:
        return executions.start(deployment_id, workflow_id, **fields)
    except CfyError as error:
        if error.code not in IN_CREATION:
            raise
    app.note(f"Waiting for the creation of deployment `{deployment_id}`")
    follow_system_workflow(app, deployment_id, "create_deployment_environment", follow)
    app.note(f"Deployment created after {time.monotonic() - start_time:.0f} seconds")
    return executions.start(deployment_id, workflow_id, **fields)


def follow_system_workflow(app: App, deployment_id: str, workflow_id: str, follow: FollowOptions) -> None:
    """Wait for the newest execution of the workflow on the deployment, if there is one."""
    page = app.client.executions.list(
        deployment_id=deployment_id, workflow_id=workflow_id, _sort="created_at", descending=True, _size=1
    )
    if not page.items:
        return
    execution = follow_execution(app, page.items[0], replace(follow, show_events=False))
    if execution["status"] != "terminated":
        report_end(app, execution, follow)

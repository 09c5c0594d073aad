"""Starting a workflow, and seeing it through."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cfy_cli.client.collection import Item
from cfy_cli.errors import CfyError, ErrorCode
from cfy_cli.shell.app import App
from cfy_cli.shell.follow_execution import conclude, follow_execution, see_through
from cfy_cli.shell.follow_options import FollowOptions
from cfy_cli.shell.inputs import read_parameters

NOT_YET = frozenset(
    {ErrorCode.DEPLOYMENT_ENVIRONMENT_CREATION_IN_PROGRESS, ErrorCode.DEPLOYMENT_ENVIRONMENT_CREATION_PENDING}
)


def run_workflow(
    app: App,
    deployment_id: str,
    workflow_id: str,
    parameters: Sequence[str],
    follow: FollowOptions,
    **fields: Any,
) -> Item:
    """Start it and see it through; the execution as it ended. Raises what its end means."""
    return see_through(app, start_workflow(app, deployment_id, workflow_id, parameters, follow, **fields), follow)


def start_workflow(
    app: App,
    deployment_id: str,
    workflow_id: str,
    parameters: Sequence[str],
    follow: FollowOptions,
    **fields: Any,
) -> Item:
    """The execution just started; a deployment that is still being made is waited for first."""
    deployments = app.client.deployments
    given = read_parameters(parameters, lambda: deployments.declared_parameters(deployment_id, workflow_id))
    fields["parameters"] = given | fields.pop("more_parameters", {})
    app.note(f"Executing workflow `{workflow_id}` on deployment `{deployment_id}`")
    began = time.monotonic()
    try:
        return app.client.executions.start(deployment_id, workflow_id, **fields)
    except CfyError as error:
        if error.code not in NOT_YET:
            raise
    app.note(f"Deployment `{deployment_id}` is still being created")
    follow_system_workflow(app, deployment_id, "create_deployment_environment", follow)
    app.note(f"It took {time.monotonic() - began:.0f} seconds")
    return app.client.executions.start(deployment_id, workflow_id, **fields)


def follow_system_workflow(app: App, deployment_id: str, workflow_id: str, follow: FollowOptions) -> None:
    """Wait for the newest such execution of a deployment; one that is gone already has ended."""
    page = app.client.executions.list(
        deployment_id=deployment_id, workflow_id=workflow_id, _sort="created_at", descending=True, _size=1
    )
    if not page.items:
        return
    execution = follow_execution(app, page.items[0], replace(follow, show_events=False))
    if execution["status"] != "terminated":
        conclude(app, execution, follow)

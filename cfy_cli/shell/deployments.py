"""Creation and deletion of deployments, with the system workflows that belong to them."""

import time
from collections.abc import Sequence
from uuid import uuid4

from cfy_cli.client.collection import Item
from cfy_cli.contract.labels import Label
from cfy_cli.errors import CfyError, NotFound
from cfy_cli.shell.app import App
from cfy_cli.shell.follow_options import FollowOptions
from cfy_cli.shell.inputs import read_inputs
from cfy_cli.shell.lost_answers import find_created
from cfy_cli.shell.workflows import follow_system_workflow


def create_deployment(
    app: App,
    deployment_id: str | None,
    *,
    blueprint_id: str,
    inputs: Sequence[str] = (),
    labels: Sequence[Label] | None = None,
    display_name: str | None = None,
    private_resource: bool = False,
    visibility: str = "tenant",
    **fields: object,
) -> Item:
    """Create a deployment, by default with a unique id; its environment may still be in creation."""
    key = deployment_id or str(uuid4())
    values = read_inputs(inputs, lambda: app.client.blueprints.declared_inputs(blueprint_id))
    started_at = time.monotonic()
    try:
        return app.client.deployments.create(
            key,
            blueprint_id=blueprint_id,
            inputs=values,
            labels=[{name: value} for name, value in labels] if labels else None,
            display_name=display_name or key,
            visibility="private" if private_resource else visibility,
            **fields,
        )
    except CfyError as error:
        created = find_created(app, app.client.deployments.path(key), error, started_at)
        if created is None:
            raise
    follow_system_workflow(app, key, "create_deployment_environment", FollowOptions())
    return created


def delete_deployment(app: App, deployment_id: str, **query: bool) -> None:
    """Delete the deployment and wait until it is deleted."""
    app.client.deployments.delete(deployment_id, **query)
    try:
        follow_system_workflow(app, deployment_id, "delete_deployment_environment", FollowOptions())
    except NotFound:
        return  # the execution is deleted together with the deployment

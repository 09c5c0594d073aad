"""Results of the deployments of components."""

from typing import TYPE_CHECKING, cast

from .constants import CAPABILITIES

if TYPE_CHECKING:
    from cfy_cli.manager.engine.python.cloudify import ctx
    from cfy_cli.manager.engine.python.cloudify.instance import NodeInstanceContext
    from cfy_cli.manager.engine.python.cloudify.messages import JsonObject
    from cfy_cli.manager.engine.python.cloudify_rest_client.client import CloudifyClient
    from cfy_cli.manager.engine.python.cloudify_rest_client.exceptions import CloudifyClientError
else:
    from cloudify import ctx
    from cloudify_rest_client.exceptions import CloudifyClientError

NOT_FOUND = 404


def deployment_id_exists(client: "CloudifyClient", deployment_id: str) -> bool:
    try:
        client.deployments.get(deployment_id, _include=["id"])
    except CloudifyClientError as error:
        if error.status_code == NOT_FOUND:
            return False
        raise
    return True


def populate_runtime_with_wf_results(
    client: "CloudifyClient", deployment_id: str, node_instance: "NodeInstanceContext | None" = None
) -> None:
    """Store the capabilities of a deployment in the runtime properties of an instance."""
    instance = node_instance or ctx.instance
    found = client.deployments.capabilities.get(deployment_id).capabilities or {}
    before = cast("JsonObject", instance.runtime_properties.get(CAPABILITIES, {}))
    instance.runtime_properties[CAPABILITIES] = {**before, **found}

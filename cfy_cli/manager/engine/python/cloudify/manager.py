"""The manager that runs the operation."""

import logging
import os
from typing import TYPE_CHECKING

from .exceptions import HttpException, NonRecoverableError
from .instance import DirtyTrackingDict as DirtyTrackingDict
from .messages import Json, JsonObject, ScalingGroupInstance
from .rest_items import Item
from .state import ctx
from .state import workflow_ctx as workflow_ctx
from .utils import (
    get_local_rest_certificate,
    get_manager_rest_service_host,
    get_manager_rest_service_port,
    get_manager_rest_service_protocol,
    get_rest_token,
    get_tenant_name,
)

if TYPE_CHECKING:
    from cfy_cli.manager.engine.python.cloudify_rest_client.client import CloudifyClient


def get_rest_client(tenant: str | None = None, api_token: str | None = None) -> "CloudifyClient":
    """Return a client of the REST API, which acts for the user who started the execution."""
    import cloudify_rest_client  # type: ignore[import-not-found]

    client: CloudifyClient = cloudify_rest_client.CloudifyClient(
        host=get_manager_rest_service_host(),
        port=get_manager_rest_service_port(),
        protocol=get_manager_rest_service_protocol(),
        tenant=tenant or get_tenant_name(),
        token=api_token or get_rest_token(),
        cert=get_local_rest_certificate(),
    )
    return client


def get_resource(blueprint_id: str, deployment_id: str, tenant_name: str, resource_path: str) -> bytes:
    """Return the content of a file of the blueprint. Raises HttpException when there is no such file."""
    _check_blueprint(blueprint_id, resource_path)
    return get_resource_from_manager(resource_path)


def get_resource_from_manager(resource_path: str, base_url: str | None = None, base_urls: object = None) -> bytes:
    content: bytes = ctx.get_resource(resource_path)
    return content


def get_resource_directory_index(
    blueprint_id: str, deployment_id: str, tenant_name: str, resource_path: str
) -> list[str]:
    """Return the paths of all files in a folder of the blueprint, relative to that folder."""
    _check_blueprint(blueprint_id, resource_path)
    folder = ctx._folder(resource_path)
    return [
        os.path.relpath(os.path.join(parent, name), folder) for parent, _, names in os.walk(folder) for name in names
    ]


def download_resource(
    blueprint_id: str,
    deployment_id: str,
    tenant_name: str,
    resource_path: str,
    logger: logging.Logger | None = None,
    target_path: str | None = None,
) -> str:
    """Copy a file of the blueprint and return the path of the copy. Raises HttpException when there is no such file."""
    _check_blueprint(blueprint_id, resource_path)
    return download_resource_from_manager(resource_path, logger, target_path)


def download_resource_from_manager(
    resource_path: str, logger: logging.Logger | None = None, target_path: str | None = None
) -> str:
    return str(ctx.download_resource(resource_path, target_path))


def _check_blueprint(blueprint_id: str, resource_path: str) -> None:
    if blueprint_id != ctx.blueprint.id:
        raise HttpException(resource_path, 404, f"This operation has no files of the blueprint {blueprint_id}.")


class NodeInstance:
    """A node instance as it was read, with runtime properties to change and then store."""

    def __init__(
        self,
        node_instance_id: str,
        node_id: str,
        runtime_properties: JsonObject | None = None,
        state: str | None = None,
        version: int | None = None,
        host_id: str | None = None,
        relationships: Json = None,
        index: int | None = None,
        scaling_groups: list[ScalingGroupInstance] | None = None,
        system_properties: JsonObject | None = None,
    ) -> None:
        self.id, self.node_id, self.host_id, self.index = node_instance_id, node_id, host_id, index
        self.runtime_properties = DirtyTrackingDict(runtime_properties or {})
        self.state, self.version, self.relationships = state, version, relationships
        self.scaling_groups = {group["id"]: group["name"] for group in scaling_groups or ()}
        self.system_properties = system_properties or {}

    @property
    def dirty(self) -> bool:
        return self.runtime_properties.dirty

    def get(self, key: str) -> Json:
        return self.runtime_properties.get(key)

    def put(self, key: str, value: Json) -> None:
        self.runtime_properties[key] = value

    def delete(self, key: str) -> None:
        del self.runtime_properties[key]


def get_node_instance(
    node_instance_id: str, evaluate_functions: bool = False, client: "CloudifyClient | None" = None
) -> NodeInstance:
    found = (client or get_rest_client()).node_instances.get(node_instance_id, evaluate_functions=evaluate_functions)
    return NodeInstance(
        found.id,
        found.node_id,
        found.runtime_properties,
        found.state,
        found.version,
        found.host_id,
        found.relationships,
        found.index,
        found.scaling_groups,
        found.system_properties,
    )


def update_node_instance(node_instance: NodeInstance, client: "CloudifyClient | None" = None) -> None:
    """Store its state and runtime properties. Raises CloudifyClientError when it has changed since it was read."""
    (client or get_rest_client()).node_instances.update(
        node_instance.id,
        state=node_instance.state,
        runtime_properties=node_instance.runtime_properties,
        version=node_instance.version,
    )


def get_node_instance_ip(node_instance_id: str, client: "CloudifyClient | None" = None) -> str:
    """Return the `ip` of the host of an instance: a runtime property, or else a property of its node."""
    used = client or get_rest_client()
    instance = used.node_instances.get(node_instance_id)
    host = instance if instance.host_id in (None, instance.id) else used.node_instances.get(instance.host_id)
    address = (host.runtime_properties or {}).get("ip")
    if not address:
        node = used.nodes.get(host.deployment_id, host.node_id, evaluate_functions=True)
        address = (node.properties if node is not None else {}).get("ip")
    if not address:
        raise NonRecoverableError(f"{host.id} has no ip, as a runtime property or as a property of its node.")
    return str(address)


def update_execution_status(
    execution_id: str, status: str, error: str | None = None, client: "CloudifyClient | None" = None
) -> Item:
    execution: Item = (client or get_rest_client()).executions.update(execution_id, status, error)
    return execution


def get_provider_context(client: "CloudifyClient | None" = None) -> Item:
    """Return the settings that a public manager keeps about itself; here there are none."""
    return Item()


def get_bootstrap_context(client: "CloudifyClient | None" = None) -> Item:
    return Item()

"""The manager that runs the operation."""

import logging

from .rest import Client, Item
from .state import ctx
from .utils import get_manager_rest_service_host, get_manager_rest_service_port, get_rest_token, get_tenant_name


def get_rest_client(tenant: str | None = None, api_token: str | None = None) -> Client:
    """Return a client of the REST API, which acts for the user who started the execution."""
    return Client(
        host=get_manager_rest_service_host(),
        port=get_manager_rest_service_port(),
        tenant=tenant or get_tenant_name(),
        token=api_token or get_rest_token(),
    )


def get_resource(resource_path: str, base_url: str | None = None) -> bytes:
    """Return the content of a file of the blueprint. Raises HttpException when there is no such file."""
    return ctx.get_resource(resource_path)


def download_resource(resource_path: str, logger: logging.Logger | None = None, target_path: str | None = None) -> str:
    """Copy a file of the blueprint and return the path of the copy. Raises HttpException when there is no such file."""
    return ctx.download_resource(resource_path, target_path)


def get_node_instance(node_instance_id: str, evaluate_functions: bool = False, client: Client | None = None) -> Item:
    return (client or get_rest_client()).node_instances.get(node_instance_id)


def update_node_instance(node_instance: Item, client: Client | None = None) -> None:
    """Store its state and runtime properties. Raises CloudifyClientError when it has changed since it was read."""
    (client or get_rest_client()).node_instances.update(
        node_instance.id,
        state=node_instance.state,
        runtime_properties=node_instance.runtime_properties,
        version=node_instance.version,
    )

"""The manager that runs the operation."""

from typing import Any

from .exceptions import NonRecoverableError
from .utils import get_manager_rest_service_host, get_manager_rest_service_port, get_rest_token, get_tenant_name


def get_rest_client(tenant: str | None = None, api_token: str | None = None) -> Any:
    """A client of the REST API, where the package `cloudify_rest_client` is installed."""
    try:
        import cloudify_rest_client  # type: ignore[import-not-found]
    except ImportError:
        raise NonRecoverableError(
            "get_rest_client needs the package cloudify-common in the Python that runs the script."
        ) from None
    return cloudify_rest_client.CloudifyClient(
        host=get_manager_rest_service_host(),
        port=get_manager_rest_service_port(),
        tenant=tenant or get_tenant_name(),
        token=api_token or get_rest_token(),
    )

"""The manager that runs the operation."""

from typing import Any

from .utils import get_manager_rest_service_host, get_manager_rest_service_port, get_rest_token, get_tenant_name


def get_rest_client(tenant: str | None = None, api_token: str | None = None) -> Any:
    """A client of the REST API: that of the package cloudify_rest_client where it is installed, else a plain one."""
    where: dict[str, Any] = {
        "host": get_manager_rest_service_host(),
        "port": get_manager_rest_service_port(),
        "tenant": tenant or get_tenant_name(),
        "token": api_token or get_rest_token(),
    }
    try:
        import cloudify_rest_client  # type: ignore[import-not-found]
    except ImportError:
        from .rest import Client

        return Client(**where)
    return cloudify_rest_client.CloudifyClient(protocol="http", **where)

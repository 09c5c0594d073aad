"""The client: requests over HTTP, and a collection for each type of resource."""

import base64
import importlib
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http.client import HTTPMessage, HTTPResponse
from typing import IO, TYPE_CHECKING

from .exceptions import CloudifyClientError, error_from_response
from .item import Answer

if TYPE_CHECKING:
    import ssl

REQUEST_TIMEOUT = 300.0  # seconds
LOOPBACK = ("localhost", "127.0.0.1", "::1")  # never through a proxy
DEFAULT_API_VERSION = "v3.1"
DEFAULT_PROTOCOL, SECURED_PROTOCOL = "http", "https"
DEFAULT_PORT, SECURED_PORT = 80, 443
CLOUDIFY_TENANT_HEADER = "Tenant"
BASIC_AUTH_PREFIX = "Basic"
CHUNK_SIZE = 65536  # bytes

Parameters = Mapping[str, object]
Body = Parameters | bytes | IO[bytes] | Iterable[bytes]

# By attribute of the client: a module of this package, and its class. They are imported when they are first used.
COLLECTIONS = {
    "agents": ("agents", "AgentsClient"),
    "auditlog": ("audit_log", "AuditLogClient"),
    "blueprints": ("blueprints", "BlueprintsClient"),
    "blueprints_filters": ("filters", "BlueprintsFiltersClient"),
    "blueprints_labels": ("labels", "BlueprintsLabelsClient"),
    "cluster_status": ("cluster", "ClusterStatusClient"),
    "community_contacts": ("community_contacts", "CommunityContactsClient"),
    "deployment_groups": ("deployment_groups", "DeploymentGroupsClient"),
    "deployment_modifications": ("deployment_modifications", "DeploymentModificationsClient"),
    "deployment_updates": ("deployment_updates", "DeploymentUpdatesClient"),
    "deployments": ("deployments", "DeploymentsClient"),
    "deployments_filters": ("filters", "DeploymentsFiltersClient"),
    "deployments_labels": ("labels", "DeploymentsLabelsClient"),
    "evaluate": ("evaluate", "EvaluateClient"),
    "events": ("events", "EventsClient"),
    "execution_groups": ("execution_groups", "ExecutionGroupsClient"),
    "execution_schedules": ("execution_schedules", "ExecutionSchedulesClient"),
    "executions": ("executions", "ExecutionsClient"),
    "idp": ("idp", "IdentityProviderClient"),
    "inter_deployment_dependencies": ("inter_deployment_dependencies", "InterDeploymentDependencyClient"),
    "ldap": ("ldap", "LdapClient"),
    "license": ("license", "LicenseClient"),
    "log_bundles": ("log_bundles", "LogBundlesClient"),
    "maintenance_mode": ("maintenance", "MaintenanceModeClient"),
    "manager": ("manager", "ManagerClient"),
    "metrics": ("metrics", "MetricsClient"),
    "node_instances": ("node_instances", "NodeInstancesClient"),
    "nodes": ("nodes", "NodesClient"),
    "operations": ("operations", "OperationsClient"),
    "permissions": ("permissions", "PermissionsClient"),
    "plugins": ("plugins", "PluginsClient"),
    "plugins_update": ("plugins_update", "PluginsUpdateClient"),
    "secrets": ("secrets", "SecretsClient"),
    "secrets_providers": ("secrets_providers", "SecretsProvidersClient"),
    "sites": ("sites", "SitesClient"),
    "snapshots": ("snapshots", "SnapshotsClient"),
    "summary": ("summary", "SummariesClient"),
    "tasks_graphs": ("operations", "TasksGraphClient"),
    "tenants": ("tenants", "TenantsClient"),
    "tokens": ("tokens", "TokensClient"),
    "user_groups": ("user_groups", "UserGroupsClient"),
    "users": ("users", "UsersClient"),
    "workflows": ("workflows", "WorkflowsClient"),
}


class StreamedResponse:
    """An answer that is read in chunks."""

    def __init__(self, response: HTTPResponse) -> None:
        self._response = response

    @property
    def headers(self) -> HTTPMessage:
        return self._response.headers

    def bytes_stream(self, chunk_size: int = CHUNK_SIZE) -> Iterator[bytes]:
        while chunk := self._response.read(chunk_size):
            yield chunk

    def lines_stream(self) -> Iterator[bytes]:
        for line in self._response:
            yield line.rstrip(b"\r\n")

    def close(self) -> None:
        self._response.close()


def _sender(method: str) -> Callable[..., Answer]:
    """Return a method that sends requests of one HTTP method."""

    def send(
        self: "HTTPClient",
        uri: str,
        data: Body | None = None,
        params: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
        expected_status_code: object = None,
        stream: bool = False,
        url_prefix: bool = True,
        timeout: float | None = None,
    ) -> Answer:
        return self.do_request(
            method, uri, data, params, headers, expected_status_code, stream, url_prefix, True, timeout
        )

    return send


class HTTPClient:
    """Requests to one manager. `get`, `put` and so on take the path below the version of the API."""

    def __init__(
        self,
        host: str | Sequence[str],
        port: int = DEFAULT_PORT,
        protocol: str = DEFAULT_PROTOCOL,
        api_version: str = DEFAULT_API_VERSION,
        headers: Mapping[str, str] | None = None,
        query_params: Parameters | None = None,
        cert: str | None = None,
        trust_all: bool = False,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        tenant: str | None = None,
        kerberos_env: object = None,
        timeout: float | tuple[float, float] | None = None,
        session: object = None,
    ) -> None:
        self.host = host if isinstance(host, str) else host[0]  # one of several managers of a cluster
        self.port, self.protocol, self.api_version = port, protocol, api_version
        self.query_params, self.cert, self.trust_all = dict(query_params or {}), cert, trust_all
        self.default_timeout_sec = max(timeout) if isinstance(timeout, tuple) else timeout or REQUEST_TIMEOUT
        self.headers = {"Content-type": "application/json", **(headers or {})}
        if tenant:
            self.headers[CLOUDIFY_TENANT_HEADER] = tenant
        if token:
            self.headers["Authentication-Token"] = token
        elif username is not None:
            credentials = base64.b64encode(f"{username}:{password or ''}".encode()).decode()
            self.headers["Authorization"] = f"{BASIC_AUTH_PREFIX} {credentials}"

    @property
    def tenant_name(self) -> str | None:
        return self.headers.get(CLOUDIFY_TENANT_HEADER)

    @tenant_name.setter
    def tenant_name(self, name: str) -> None:
        self.headers[CLOUDIFY_TENANT_HEADER] = name

    @property
    def base_url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host and not self.host.startswith("[") else self.host
        return f"{self.protocol}://{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.base_url}/api/{self.api_version}"

    def get(
        self,
        uri: str,
        data: Body | None = None,
        params: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
        _include: Iterable[str] | None = None,
        expected_status_code: object = None,
        stream: bool = False,
        url_prefix: bool = True,
        versioned_url: bool = True,
        timeout: float | None = None,
    ) -> Answer:
        query = {**(params or {}), "_include": list(_include) if _include else None}
        return self.do_request(
            "GET", uri, data, query, headers, expected_status_code, stream, url_prefix, versioned_url, timeout
        )

    put = _sender("PUT")
    patch = _sender("PATCH")
    post = _sender("POST")
    delete = _sender("DELETE")

    def do_request(
        self,
        requests_method: str,
        uri: str,
        data: Body | None = None,
        params: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
        expected_status_code: object = None,
        stream: bool = False,
        url_prefix: bool = True,
        versioned_url: bool = True,
        timeout: float | None = None,
    ) -> Answer:
        """Return the decoded JSON of the answer, None when it is empty. Raises CloudifyClientError."""
        query = {**self.query_params, **(params or {})}
        address = self.url if versioned_url else self.url.rpartition("/")[0]
        request = urllib.request.Request(  # noqa: S310 - the address is that of a manager
            f"{address if url_prefix else self.base_url}{uri}{_encode(query)}",
            json.dumps(data).encode() if isinstance(data, Mapping) else data,
            {**self.headers, **(headers or {})},
            method=requests_method,
        )
        try:
            response = self._opener().open(request, timeout=timeout or self.default_timeout_sec)
        except urllib.error.HTTPError as error:
            raise error_from_response(error.read(), error.code, error.reason) from None
        except urllib.error.URLError as error:
            raise CloudifyClientError(f"Cannot connect to the manager at {self.base_url}: {error.reason}") from error
        if stream:
            return StreamedResponse(response)
        with response:
            content = response.read()
        return json.loads(content) if content else None

    def _opener(self) -> urllib.request.OpenerDirector:
        handlers: list[urllib.request.BaseHandler] = []
        if self.host in LOOPBACK:
            handlers.append(urllib.request.ProxyHandler({}))
        context = self._ssl_context()
        if context is not None:
            handlers.append(urllib.request.HTTPSHandler(context=context))
        return urllib.request.build_opener(*handlers)

    def _ssl_context(self) -> "ssl.SSLContext | None":
        if self.protocol != SECURED_PROTOCOL:
            return None
        import ssl  # slow to import

        context = ssl.create_default_context(cafile=self.cert)
        if self.trust_all:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context


class CloudifyClient:
    """`client.node_instances.list(deployment_id="app")`: each type of resource is an attribute."""

    client_class: Callable[..., HTTPClient] = HTTPClient

    def __init__(
        self,
        host: str | Sequence[str] = "localhost",
        port: int | None = None,
        protocol: str = DEFAULT_PROTOCOL,
        api_version: str = DEFAULT_API_VERSION,
        headers: Mapping[str, str] | None = None,
        query_params: Parameters | None = None,
        cert: str | None = None,
        trust_all: bool = False,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        tenant: str | None = None,
        kerberos_env: object = None,
        timeout: float | tuple[float, float] | None = None,
        session: object = None,
    ) -> None:
        """Use the certificate file `cert` for https; `trust_all` accepts any certificate."""
        self.host = host
        self._client = self.client_class(
            host,
            port or (SECURED_PORT if protocol == SECURED_PROTOCOL else DEFAULT_PORT),
            protocol,
            api_version,
            headers,
            query_params,
            cert,
            trust_all,
            username,
            password,
            token,
            tenant,
            kerberos_env,
            timeout,
            session,
        )

    def __getattr__(self, name: str) -> Answer:
        if name not in COLLECTIONS:
            raise AttributeError(f"The client has no {name}: this manager does not serve such a resource.")
        module, kind = COLLECTIONS[name]
        collection = getattr(importlib.import_module(f"{__package__}.{module}"), kind)(self._client)
        setattr(self, name, collection)
        return collection

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *COLLECTIONS})


def _encode(query: Parameters) -> str:
    """Return query parameters with their question mark; those that are None are left out."""
    pairs = [
        (name, _format(each))
        for name, value in query.items()
        for each in (value if isinstance(value, list | tuple | set) and name != "_include" else [value])
        if each is not None
    ]
    return f"?{urllib.parse.urlencode(pairs)}" if pairs else ""


def _format(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list | tuple | set) else str(value)

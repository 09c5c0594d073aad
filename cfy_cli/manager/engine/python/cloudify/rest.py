"""A client of the manager's REST API with the names of cloudify_rest_client, built on the standard library alone."""

import base64
import builtins
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .messages import JsonObject
from .rest_errors import CloudifyClientError as CloudifyClientError
from .rest_errors import error_from_response
from .rest_items import Item as Item
from .rest_items import ListResponse as ListResponse

if TYPE_CHECKING:
    import ssl

PAGE_SIZE = 1000
REQUEST_TIMEOUT = 300.0  # seconds
LOOPBACK = ("localhost", "127.0.0.1", "::1")  # never through a proxy


class Collection:
    """All resources of one type."""

    def __init__(self, client: "Client", name: str) -> None:
        self._client, self._path = client, f"/{name}"
        singular = name.removesuffix("s").replace("-", "_")
        self._key_names = (f"{singular}_id", f"{singular}_name", "name", "username")

    def list(
        self,
        _include: builtins.list[str] | None = None,
        sort: str | None = None,
        is_descending: bool = False,
        filter_rules: builtins.list[JsonObject] | None = None,
        **query: object,
    ) -> ListResponse:
        """Return all matching items of all pages; one page if `_offset` or `_size` is given."""
        if sort:
            query["_sort"] = f"-{sort}" if is_descending else sort
        if _include:
            query["_include"] = _include
        if "_offset" in query or "_size" in query:
            return ListResponse(map(Item, self._page(query, filter_rules)["items"]))
        items = ListResponse()
        while True:
            page = self._page({**query, "_offset": len(items), "_size": PAGE_SIZE}, filter_rules)
            items += map(Item, page["items"])
            if not page["items"] or len(items) >= page["metadata"]["pagination"]["total"]:
                return items

    def get(self, key: str | None = None, _include: builtins.list[str] | None = None, **query: object) -> Item:
        key = self._take_key(key, query)
        return self._item("GET", key, {**query, "_include": _include})

    def create(self, key: str, **fields: object) -> Item:
        return self._item("PUT", key, body=fields)

    def update(self, key: str, **fields: object) -> Item:
        return self._item("PATCH", key, body=fields)

    def delete(self, key: str | None = None, **query: object) -> None:
        key = self._take_key(key, query)
        self._item("DELETE", key, query)

    def _take_key(self, key: str | None, query: dict[str, object]) -> str:
        """Return `key`, or else remove and return the argument that names it, such as deployment_id."""
        if key is not None:
            return str(key)
        for name in self._key_names:
            if name in query:
                return str(query.pop(name))
        raise TypeError(f"{self._path.removeprefix('/')}: the argument {self._key_names[0]} is missing")

    def _page(self, query: Mapping[str, object], filter_rules: builtins.list[JsonObject] | None) -> Any:
        if filter_rules is None:
            return self._client.request("GET", self._path, query)
        return self._client.request("POST", f"/searches{self._path}", query, {"filter_rules": filter_rules})

    def _item(
        self, method: str, key: str, query: Mapping[str, object] | None = None, body: Mapping[str, object] | None = None
    ) -> Item:
        path = f"{self._path}/{urllib.parse.quote(key, safe='')}"
        return Item(self._client.request(method, path, query, body) or {})


class Client:
    """`client.node_instances.list(deployment_id="app")`: each type of resource is an attribute."""

    def __init__(
        self,
        host: str = "localhost",
        port: int | None = None,
        protocol: str = "http",
        api_version: str = "v3.1",
        headers: dict[str, str] | None = None,
        query_params: Mapping[str, object] | None = None,
        cert: str | None = None,
        trust_all: bool = False,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        tenant: str | None = None,
        timeout: float | None = None,
        **_kwargs: object,
    ) -> None:
        """Use the certificate file `cert` for https; `trust_all` accepts any certificate."""
        port = port or (443 if protocol == "https" else 80)
        self._base = f"{protocol}://{host}:{port}/api/{api_version}"
        self._query, self._timeout = query_params or {}, timeout or REQUEST_TIMEOUT
        self._certificate = (cert, trust_all) if protocol == "https" else None
        self._headers = {"Tenant": tenant or "", "Content-Type": "application/json", **(headers or {})}
        if token:
            self._headers["Authentication-Token"] = token
        elif username is not None:
            credentials = base64.b64encode(f"{username}:{password or ''}".encode()).decode()
            self._headers["Authorization"] = f"Basic {credentials}"

    def __getattr__(self, name: str) -> Collection:
        if name.startswith("_"):
            raise AttributeError(name)
        from .rest_collections import COLLECTIONS, PATHS

        path = PATHS.get(name, name.replace("_", "-"))
        collection = COLLECTIONS.get(name, Collection)(self, path)
        setattr(self, name, collection)
        return collection

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Any:
        """Return the decoded JSON of the response, None when it is empty. Raises CloudifyClientError."""
        parameters = urllib.parse.urlencode(
            {name: _format(value) for name, value in {**self._query, **(query or {})}.items() if value is not None}
        )
        request = urllib.request.Request(  # noqa: S310 - the address is that of a manager
            f"{self._base}{path}{'?' if parameters else ''}{parameters}",
            None if body is None else json.dumps(body).encode(),
            self._headers,
            method=method,
        )
        try:
            with self._opener().open(request, timeout=self._timeout) as response:
                content = response.read()
        except urllib.error.HTTPError as error:
            raise error_from_response(error.read(), error.code, error.reason) from None
        except urllib.error.URLError as error:
            raise CloudifyClientError(f"Cannot connect to the manager at {self._base}: {error.reason}") from error
        return json.loads(content) if content else None

    def _opener(self) -> urllib.request.OpenerDirector:
        handlers: list[urllib.request.BaseHandler] = []
        if urllib.parse.urlsplit(self._base).hostname in LOOPBACK:
            handlers.append(urllib.request.ProxyHandler({}))
        context = self._ssl_context()
        if context is not None:
            handlers.append(urllib.request.HTTPSHandler(context=context))
        return urllib.request.build_opener(*handlers)

    def _ssl_context(self) -> "ssl.SSLContext | None":
        if self._certificate is None:
            return None
        import ssl  # slow to import

        cert, trust_all = self._certificate
        context = ssl.create_default_context(cafile=cert)
        if trust_all:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context


def _format(value: object) -> str:
    """Return a value as a query parameter."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list | tuple | set) else str(value)

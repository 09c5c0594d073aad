"""A client of the manager's REST API, with the standard library alone; named as cloudify_rest_client names things."""

import base64
import builtins
import json
import urllib.error
import urllib.parse
import urllib.request
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from .rest_errors import CloudifyClientError as CloudifyClientError
from .rest_errors import refusal

if TYPE_CHECKING:
    import ssl

Json = Any
PAGE = 1000
TIMEOUT = 300.0  # seconds


class Item(dict[str, Json]):
    """An object of the API; its fields are attributes too."""

    def __getattr__(self, name: str) -> Json:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Found(list[Item]):
    """What a list has given."""

    @property
    def items(self) -> list[Item]:
        return self

    @property
    def metadata(self) -> Any:
        return SimpleNamespace(pagination=SimpleNamespace(total=len(self), offset=0, size=len(self)))

    def one(self) -> Item:
        """The only one. Raises ValueError when there are none or several."""
        (only,) = self
        return only


class Collection:
    """All things of a kind."""

    def __init__(self, client: "Client", name: str) -> None:
        self._client, self._path = client, f"/{name}"
        one = name.removesuffix("s").replace("-", "_")
        self._names = (f"{one}_id", f"{one}_name", "name", "username")  # by which its key may be given

    def list(
        self,
        _include: builtins.list[str] | None = None,
        sort: str | None = None,
        is_descending: bool = False,
        filter_rules: builtins.list[dict[str, Json]] | None = None,
        **query: Json,
    ) -> Found:
        """All that match, of every page; one page where `_offset` or `_size` is given."""
        if sort:
            query["_sort"] = f"-{sort}" if is_descending else sort
        if _include:
            query["_include"] = _include
        if "_offset" in query or "_size" in query:
            return Found(map(Item, self._page(query, filter_rules)["items"]))
        found = Found()
        while True:
            page = self._page({**query, "_offset": len(found), "_size": PAGE}, filter_rules)
            found += map(Item, page["items"])
            if not page["items"] or len(found) >= page["metadata"]["pagination"]["total"]:
                return found

    def get(self, key: str | None = None, _include: builtins.list[str] | None = None, **query: Json) -> Item:
        key = self._key(key, query)
        return self._item("GET", key, {**query, "_include": _include})

    def create(self, key: str, **fields: Json) -> Item:
        return self._item("PUT", key, body=fields)

    def update(self, key: str, **fields: Json) -> Item:
        return self._item("PATCH", key, body=fields)

    def delete(self, key: str | None = None, **query: Json) -> None:
        key = self._key(key, query)
        self._item("DELETE", key, query)

    def _key(self, key: str | None, given: dict[str, Json]) -> str:
        """The key, which may have been given by its name instead."""
        names = () if key is not None else (name for name in self._names if name in given)
        found = next((given.pop(name) for name in names), key)
        if found is None:
            raise TypeError(f"{self._path.removeprefix('/')}: say which one is meant, as {self._names[0]}")
        return str(found)

    def _page(self, query: dict[str, Json], filter_rules: builtins.list[dict[str, Json]] | None) -> Json:
        if filter_rules is None:
            return self._client.request("GET", self._path, query)
        return self._client.request("POST", f"/searches{self._path}", query, {"filter_rules": filter_rules})

    def _item(self, method: str, key: str, query: dict[str, Json] | None = None, body: Json = None) -> Item:
        path = f"{self._path}/{urllib.parse.quote(key, safe='')}"
        return Item(self._client.request(method, path, query, body) or {})


class Client:
    """`client.node_instances.list(deployment_id="app")`: each kind of thing is an attribute."""

    def __init__(
        self,
        host: str = "localhost",
        port: int | None = None,
        protocol: str = "http",
        api_version: str = "v3.1",
        headers: dict[str, str] | None = None,
        query_params: dict[str, Json] | None = None,
        cert: str | None = None,
        trust_all: bool = False,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        tenant: str | None = None,
        timeout: float | None = None,
        **_more: Json,
    ) -> None:
        """`cert` is a file with the certificate to trust, `trust_all` trusts any."""
        port = port or (443 if protocol == "https" else 80)
        self._base = f"{protocol}://{host}:{port}/api/{api_version}"
        self._query, self._timeout = query_params or {}, timeout or TIMEOUT
        self._trusting = (cert, trust_all) if protocol == "https" else None
        self._headers = {"Tenant": tenant or "", "Content-Type": "application/json", **(headers or {})}
        if token:
            self._headers["Authentication-Token"] = token
        elif username is not None:
            known = base64.b64encode(f"{username}:{password or ''}".encode()).decode()
            self._headers["Authorization"] = f"Basic {known}"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        from .rest_kinds import KINDS, PATHS

        path = PATHS.get(name, name.replace("_", "-"))
        collection = KINDS.get(name, Collection)(self, path)
        setattr(self, name, collection)
        return collection

    def request(self, method: str, path: str, query: dict[str, Json] | None = None, body: Json = None) -> Json:
        """The answer as data; None when it is empty. Raises CloudifyClientError."""
        asked = urllib.parse.urlencode(
            {name: _text(value) for name, value in {**self._query, **(query or {})}.items() if value is not None}
        )
        request = urllib.request.Request(  # noqa: S310 - the address is that of a manager
            f"{self._base}{path}{'?' if asked else ''}{asked}",
            None if body is None else json.dumps(body).encode(),
            self._headers,
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout, context=self._context()) as answer:  # noqa: S310
                content = answer.read()
        except urllib.error.HTTPError as error:
            raise refusal(error.read(), error.code, error.reason) from None
        except urllib.error.URLError as error:
            raise CloudifyClientError(f"No manager answers at {self._base}: {error.reason}") from error
        return json.loads(content) if content else None

    def _context(self) -> "ssl.SSLContext | None":
        if self._trusting is None:
            return None
        import ssl  # that only some need

        cert, trust_all = self._trusting
        context = ssl.create_default_context(cafile=cert)
        if trust_all:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list | tuple | set) else str(value)

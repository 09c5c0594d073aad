"""A client of the manager's REST API, with the standard library alone; named as cloudify_rest_client names things."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

Json = Any
PAGE = 1000


class CloudifyClientError(Exception):
    """The manager refused: what it said, and the status and code it said it with."""

    def __init__(self, message: str, status_code: int = -1, error_code: str | None = None) -> None:
        super().__init__(f"{status_code}: {message}")
        self.status_code, self.error_code = status_code, error_code


class Item(dict[str, Json]):
    """An object of the API; its fields are attributes too."""

    def __getattr__(self, name: str) -> Json:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Collection:
    """All things of a kind."""

    def __init__(self, client: "Client", name: str) -> None:
        self._client, self._path = client, f"/{name.replace('_', '-')}"

    def list(self, **query: Json) -> list[Item]:
        """All that match, of every page."""
        found: list[Item] = []
        while True:
            page = self._client.request("GET", self._path, {**query, "_offset": len(found), "_size": PAGE})
            found += [Item(one) for one in page["items"]]
            if not page["items"] or len(found) >= page["metadata"]["pagination"]["total"]:
                return found

    def get(self, key: str, **query: Json) -> Item:
        return self._item("GET", key, query)

    def create(self, key: str, **fields: Json) -> Item:
        return self._item("PUT", key, body=fields)

    def update(self, key: str, **fields: Json) -> Item:
        return self._item("PATCH", key, body=fields)

    def delete(self, key: str, **query: Json) -> None:
        self._item("DELETE", key, query)

    def _item(self, method: str, key: str, query: dict[str, Json] | None = None, body: Json = None) -> Item:
        path = f"{self._path}/{urllib.parse.quote(key, safe='')}"
        return Item(self._client.request(method, path, query, body) or {})


class Deployments(Collection):
    def create(self, blueprint_id: str, deployment_id: str, **fields: Json) -> Item:  # type: ignore[override]
        return super().create(deployment_id, blueprint_id=blueprint_id, **fields)


class Executions(Collection):
    def start(
        self, deployment_id: str, workflow_id: str, parameters: dict[str, Json] | None = None, **fields: Json
    ) -> Item:
        body = {**fields, "deployment_id": deployment_id, "workflow_id": workflow_id, "parameters": parameters or {}}
        return Item(self._client.request("POST", self._path, body=body))

    def cancel(self, execution_id: str, force: bool = False, kill: bool = False) -> Item:
        action = "kill" if kill else "force-cancel" if force else "cancel"
        return self._item("POST", execution_id, body={"action": action})


class Client:
    """`client.node_instances.list(deployment_id="app")`: each kind of thing is an attribute."""

    def __init__(self, host: str, port: int, tenant: str, token: str | None) -> None:
        self._base = f"http://{host}:{port}/api/v3.1"
        self._headers = {"Tenant": tenant, "Authentication-Token": token or "", "Content-Type": "application/json"}
        self.deployments = Deployments(self, "deployments")
        self.executions = Executions(self, "executions")

    def __getattr__(self, name: str) -> Collection:
        if name.startswith("_"):
            raise AttributeError(name)
        return Collection(self, name)

    def request(self, method: str, path: str, query: dict[str, Json] | None = None, body: Json = None) -> Json:
        """The answer as data; None when it is empty. Raises CloudifyClientError."""
        asked = urllib.parse.urlencode({name: value for name, value in (query or {}).items() if value is not None})
        request = urllib.request.Request(  # noqa: S310 - the address is that of our own manager
            f"{self._base}{path}{'?' if asked else ''}{asked}",
            None if body is None else json.dumps(body).encode(),
            self._headers,
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
                content = answer.read()
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None
        except urllib.error.URLError as error:
            raise CloudifyClientError(f"No manager answers at {self._base}: {error.reason}") from error
        return json.loads(content) if content else None


def _refusal(error: urllib.error.HTTPError) -> CloudifyClientError:
    try:
        said = json.loads(error.read())
        return CloudifyClientError(said["message"], error.code, said.get("error_code"))
    except (ValueError, KeyError, TypeError):
        return CloudifyClientError(error.reason, error.code)

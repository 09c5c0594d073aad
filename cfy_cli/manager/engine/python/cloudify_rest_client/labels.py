"""Labels of blueprints and deployments."""

import urllib.parse

from .client import HTTPClient
from .item import Item, fields
from .responses import ListResponse


class Label(Item):
    FIELDS = fields("key value created_at creator_id")


class _LabelsClient:
    resource_name = ""

    def __init__(self, api: HTTPClient) -> None:
        self.api = api

    def list_keys(self) -> ListResponse:
        return self._get("")

    def list_key_values(self, label_key: str) -> ListResponse:
        return self._get(f"/{urllib.parse.quote(label_key, safe='')}")

    def get_reserved_labels_keys(self) -> ListResponse:
        return self._get("", _reserved=True)

    def _get(self, path: str, **query: object) -> ListResponse:
        answer = self.api.get(f"/labels/{self.resource_name}{path}", params=query)
        return ListResponse(answer["items"], answer["metadata"])


class DeploymentsLabelsClient(_LabelsClient):
    resource_name = "deployments"


class BlueprintsLabelsClient(_LabelsClient):
    resource_name = "blueprints"

"""Stored filters of blueprints and deployments."""

from .client import HTTPClient
from .collection import Collection, Rules, given
from .constants import VisibilityState
from .item import Item, fields
from .responses import ListResponse


class Filter(Item):
    FIELDS = fields("id value labels_filter_rules attrs_filter_rules created_at updated_at visibility tenant_name")


class FiltersClient(Collection[Filter]):
    item = Filter

    def __init__(self, api: HTTPClient, filtered_resource: str) -> None:
        super().__init__(api)
        self.path = f"/filters/{filtered_resource}"

    def create(
        self,
        filter_id: str,
        filter_rules: Rules,
        visibility: str = VisibilityState.TENANT,
        created_at: str | None = None,
        created_by: str | None = None,
    ) -> Filter:
        body = given(filter_rules=filter_rules, visibility=visibility, created_at=created_at, created_by=created_by)
        return self._one(self.api.put(self._url(filter_id), body))

    def list(self, sort: str | None = None, is_descending: bool = False, **kwargs: object) -> ListResponse:
        return self._list(kwargs, sort=sort, is_descending=is_descending)

    def get(self, filter_id: str) -> Filter:
        return self._one(self.api.get(self._url(filter_id)))

    def delete(self, filter_id: str) -> None:
        self.api.delete(self._url(filter_id))

    def update(
        self, filter_id: str, new_filter_rules: Rules | None = None, new_visibility: str | None = None
    ) -> Filter:
        body = given(filter_rules=new_filter_rules or None, visibility=new_visibility or None)
        return self._one(self.api.patch(self._url(filter_id), body))


class BlueprintsFiltersClient(FiltersClient):
    def __init__(self, api: HTTPClient) -> None:
        super().__init__(api, "blueprints")


class DeploymentsFiltersClient(FiltersClient):
    def __init__(self, api: HTTPClient) -> None:
        super().__init__(api, "deployments")

"""Sites."""

from .collection import Collection, Fields, given
from .item import Item, fields
from .responses import ListResponse


class Site(Item):
    FIELDS = fields("created_at location name visibility tenant_name")


class SitesClient(Collection[Site]):
    path, item = "/sites", Site

    def create(
        self,
        name: str,
        location: str | None = None,
        visibility: str | None = None,
        created_by: str | None = None,
        created_at: str | None = None,
    ) -> Site:
        body = given(location=location, visibility=visibility, created_by=created_by, created_at=created_at)
        return self._one(self.api.put(self._url(name), body))

    def get(self, name: str) -> Site:
        return self._one(self.api.get(self._url(name)))

    def list(
        self, _include: Fields | None = None, sort: str | None = None, is_descending: bool = False, **kwargs: object
    ) -> ListResponse:
        return self._list(kwargs, _include, sort, is_descending)

    def update(
        self, name: str, location: str | None = None, visibility: str | None = None, new_name: str | None = None
    ) -> Site:
        body = given(location=location, visibility=visibility, new_name=new_name)
        return self._one(self.api.post(self._url(name), body))

    def delete(self, name: str) -> None:
        self.api.delete(self._url(name))

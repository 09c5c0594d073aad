"""Permissions of roles."""

from .collection import Collection
from .item import Item
from .responses import ListResponse


class Permission(Item):
    """A permission of a role."""


class PermissionsClient(Collection[Permission]):
    path, item = "/permissions", Permission

    def list(self, role: str | None = None) -> ListResponse:
        if not role:
            return self._list({})
        answer = self.api.get(self._url(role))
        return ListResponse(map(self.item, answer["items"]), answer["metadata"])

    def add(self, permission: str, role: str) -> None:
        self.api.put(self._url(role, permission))

    def delete(self, permission: str, role: str) -> None:
        self.api.delete(self._url(role, permission))

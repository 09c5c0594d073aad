"""Client of `/permissions`: which roles have which permissions."""

from dataclasses import replace
from urllib.parse import quote

from cfy_cli.client.collection import Collection, Item


class Permissions(Collection):
    def of_role(self, role: str) -> list[Item]:
        """Return the pairs of a role and its permissions. Raises NotFound."""
        resource = replace(self.resource, url=f"permissions/{quote(role, safe='')}")
        return Collection(self.http, resource).list().items

    def allow(self, role: str, permission: str) -> Item:
        return self.http.item("PUT", self._path(role, permission))

    def disallow(self, role: str, permission: str) -> None:
        self.http.request("DELETE", self._path(role, permission))

    def _path(self, role: str, permission: str) -> str:
        return f"permissions/{quote(role, safe='')}/{quote(permission, safe='')}"

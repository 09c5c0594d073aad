"""Client of `/config`."""

from cfy_cli.client.collection import Collection, Item


class Config(Collection):
    def entries(self) -> list[Item]:
        """Return the whole configuration, which has no pages."""
        items: list[Item] = self.http.item("GET", self.resource.name)["items"]
        return items

    def set(self, key: str, value: object) -> Item:
        """Change a value; null takes it away where there is none by default."""
        return self._request("PUT", key, json={"value": value})

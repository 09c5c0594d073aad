"""Client of `/filters/blueprints` and `/filters/deployments`."""

from cfy_cli.client.collection import Collection, Item


class Filters(Collection):
    def update(self, key: str, **fields: object) -> Item:
        """Change the visibility, or the rules of the types that are given."""
        return self.patch(key, **fields)

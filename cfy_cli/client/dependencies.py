"""Dependencies between deployments on the wire: known by their creator and both ends."""

from cfy_cli.client.collection import Collection, Item


class Dependencies(Collection):
    def add(self, source: str, target: str, creator: str) -> Item:
        return self.http.item("PUT", self.resource.name, json=_named(source, target, creator))

    def remove(self, source: str, target: str, creator: str) -> None:
        self.http.request("DELETE", self.resource.name, json=_named(source, target, creator))


def _named(source: str, target: str, creator: str) -> dict[str, object]:
    return {
        "dependency_creator": creator,
        "source_deployment": source,
        "target_deployment": target,
        "is_component_deletion": False,  # other managers want it said
    }

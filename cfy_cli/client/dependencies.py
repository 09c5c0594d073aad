"""Client of inter-deployment dependencies, which are identified by their creator, source and target."""

from cfy_cli.client.collection import Collection, Item


class Dependencies(Collection):
    def add(self, source: str, target: str, creator: str) -> Item:
        return self.http.item("PUT", self.resource.path, json=_identity(source, target, creator))

    def remove(self, source: str, target: str, creator: str) -> None:
        self.http.request("DELETE", self.resource.path, json=_identity(source, target, creator))


def _identity(source: str, target: str, creator: str) -> dict[str, object]:
    return {
        "dependency_creator": creator,
        "source_deployment": source,
        "target_deployment": target,
        "is_component_deletion": False,  # older managers require it
    }

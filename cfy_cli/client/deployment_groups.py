"""Client of `/deployment-groups`."""

from collections.abc import Iterable, Iterator, Sequence

from cfy_cli.client.collection import Collection, Item, without_none
from cfy_cli.contract.labels import Label

BATCH = 1000  # new deployments in one request, which makes all of them or none


class DeploymentGroups(Collection):
    def change(self, key: str, verb: str, **selection: object) -> Item:
        """Add the selected deployments to a group, or remove them: `verb` is `add` or `remove`."""
        return self.patch(key, **{verb: without_none(selection)})

    def create_deployments(self, key: str, specifications: Sequence[Item]) -> Iterator[Item]:
        """Make new deployments in a group, and yield the group after each of the requests that this takes."""
        for start in range(0, len(specifications), BATCH):
            yield self.change(key, "add", new_deployments=specifications[start : start + BATCH])

    def set_labels(self, key: str, labels: Iterable[Label]) -> Item:
        return self.create(key, labels=[{name: value} for name, value in labels])

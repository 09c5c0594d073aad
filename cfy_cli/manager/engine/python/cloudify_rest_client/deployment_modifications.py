"""Modifications of the numbers of instances of deployments."""

from collections.abc import Mapping

from .collection import Collection, Fields, given
from .item import Answer, Item, fields
from .node_instances import NodeInstance
from .responses import ListResponse

KINDS = ("added_and_related", "removed_and_related", "before_modification", "before_rollback")


class DeploymentModificationNodeInstances(Item):
    FIELDS = frozenset(KINDS)

    def __init__(self, node_instances: Mapping[str, Answer] | None = None) -> None:
        super().__init__(node_instances)
        for kind in KINDS:
            self[kind] = [NodeInstance(instance) for instance in self.get(kind) or ()]


class DeploymentModification(Item):
    STARTED = "started"
    FINISHED = "finished"
    ROLLEDBACK = "rolledback"
    FIELDS = fields("context created_at deployment_id ended_at id modified_nodes node_instances status")

    def __init__(self, modification: Mapping[str, Answer] | None = None) -> None:
        super().__init__(modification)
        self["node_instances"] = DeploymentModificationNodeInstances(self.get("node_instances"))


class DeploymentModificationsClient(Collection[DeploymentModification]):
    path, item = "/deployment-modifications", DeploymentModification

    def list(self, deployment_id: str | None = None, _include: Fields | None = None, **kwargs: object) -> ListResponse:
        return self._list({**kwargs, "deployment_id": deployment_id}, _include)

    def start(self, deployment_id: str, nodes: object, context: object = None) -> DeploymentModification:
        return self._one(self.api.post(self.path, given(deployment_id=deployment_id, nodes=nodes, context=context)))

    def get(self, modification_id: str, _include: Fields | None = None) -> DeploymentModification:
        return self._one(self.api.get(self._url(modification_id), _include=_include))

    def finish(self, modification_id: str) -> DeploymentModification:
        return self._one(self.api.post(self._url(modification_id, "finish")))

    def rollback(self, modification_id: str) -> DeploymentModification:
        return self._one(self.api.post(self._url(modification_id, "rollback")))

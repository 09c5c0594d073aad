"""Dependencies between deployments."""

from .collection import Collection, Fields, given
from .item import Answer, Item, fields
from .responses import ListResponse


class InterDeploymentDependency(Item):
    FIELDS = fields("created_at dependency_creator id source_deployment_id target_deployment_func target_deployment_id")


class InterDeploymentDependencyClient(Collection[InterDeploymentDependency]):
    path, item = "/deployments/inter-deployment-dependencies", InterDeploymentDependency

    def list(
        self, _include: Fields | None = None, sort: str | None = None, is_descending: bool = False, **kwargs: object
    ) -> ListResponse:
        return self._list(kwargs, _include, sort, is_descending)

    def create(
        self,
        dependency_creator: str,
        source_deployment: str,
        target_deployment: str | None = None,
        external_source: object = None,
        external_target: object = None,
        target_deployment_func: object = None,
        _id: str | None = None,
        _visibility: str | None = None,
        _created_at: str | None = None,
        _created_by: str | None = None,
    ) -> InterDeploymentDependency:
        body = given(
            dependency_creator=dependency_creator,
            source_deployment=source_deployment,
            target_deployment=target_deployment,
            external_source=external_source,
            external_target=external_target,
            target_deployment_func=target_deployment_func,
            id=_id,
            visibility=_visibility,
            created_at=_created_at,
            created_by=_created_by,
        )
        return self._one(self.api.put(self.path, body))

    def create_many(self, source_deployment_id: str, inter_deployment_dependencies: object) -> ListResponse:
        body = {
            "source_deployment_id": source_deployment_id,
            "inter_deployment_dependencies": inter_deployment_dependencies,
        }
        return self._wrap(self.api.post(self.path, body))

    def update_all(self, source_deployment_id: str, inter_deployment_dependencies: object) -> ListResponse:
        path = f"/deployments/{source_deployment_id}/inter-deployment-dependencies"
        return self._wrap(self.api.put(path, {"inter_deployment_dependencies": inter_deployment_dependencies}))

    def delete(
        self,
        dependency_creator: str,
        source_deployment: str,
        target_deployment: str | None = None,
        is_component_deletion: bool = False,
        external_source: object = None,
        external_target: object = None,
    ) -> None:
        body = given(
            dependency_creator=dependency_creator,
            source_deployment=source_deployment,
            target_deployment=target_deployment,
            is_component_deletion=is_component_deletion,
            external_source=external_source,
            external_target=external_target,
        )
        self.api.delete(self.path, body)

    def _wrap(self, answer: Answer) -> ListResponse:
        return ListResponse(map(self.item, answer["items"]), answer["metadata"])
